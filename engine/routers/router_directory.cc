#include "engine/routers/router_directory.h"

#include <unordered_map>
#include <utility>

namespace pointsman {
namespace {

constexpr std::size_t kMostCachedRouters = 64;

}  // namespace

void RouterDirectory::touch(HeldRouter& router) {
  if (std::exchange(router.touched, true)) return;
  touched_.push_back(&router);
}

std::vector<HeldRouter*> RouterDirectory::publish(const HeldRouters& all) {
  std::vector<HeldRouter*> published = std::exchange(touched_, {});
  for (HeldRouter* const router : published) {
    router->touched = false;
    auto view = std::make_shared<RouterView>();
    if (router->resting) {
      view->resting = router->resting;
    } else {
      view->snapshot = router->fold->snapshot();
    }
    router->cell->view.publish(std::move(view));
  }
  // The cells are published first, so that a reader that finds a new router finds its snapshot too.
  if (std::exchange(has_new_, false)) {
    auto cells = std::make_shared<Cells>();
    for (const auto& [name, router] : all) cells->emplace_hint(cells->end(), name, router->cell);
    cells_->publish(std::move(cells));
  }
  return published;
}

const RouterView* RouterDirectory::look(const Scope& scope, Look how) const {
  struct CachedCell {
    std::shared_ptr<RouterCell> cell;  ///< Held, so that its address cannot come to mean another.
    SnapshotCell<RouterView>::Reader reader;
  };
  thread_local std::unordered_map<const RouterCell*, CachedCell> cache;
  thread_local std::shared_ptr<const SnapshotCell<Cells>> held;
  thread_local SnapshotCell<Cells>::Reader reader;
  if (held != cells_) {
    held = cells_;
    reader = {};
  }
  const auto& cells = cells_->read(reader);
  if (!cells) return nullptr;
  const auto at = cells->find(scope);
  if (at == cells->end()) return nullptr;
  if (cache.size() > kMostCachedRouters) cache.clear();
  CachedCell& cached = cache[at->second.get()];
  if (!cached.cell) cached.cell = at->second;
  if (how == Look::use) cached.cell->use();
  return at->second->view.read(cached.reader).get();
}

std::vector<Scope> RouterDirectory::scopes() const {
  std::vector<Scope> names;
  if (const auto cells = cells_->read()) {
    for (const auto& [scope, cell] : *cells) names.push_back(scope);
  }
  return names;
}

}  // namespace pointsman
