#pragma once

#include <map>
#include <memory>
#include <vector>

#include "engine/routers/held_router.h"
#include "engine/routers/snapshot_cell.h"

namespace pointsman {

/// The routers of a store as this process holds them, by name.
using HeldRouters = std::map<Scope, std::unique_ptr<HeldRouter>>;

/// What readers see of the routers of a store.
///
/// Thread-safety: look() and scopes() from any thread, without waiting for a publish(); the rest
/// from one thread at a time.
class RouterDirectory final {
 public:
  /// The next publish() shows this router as it is then.
  void touch(HeldRouter& router);
  const std::vector<HeldRouter*>& touched() const { return touched_; }
  /// The next publish() shows a router of a name that readers do not know yet.
  void note_new() { has_new_ = true; }

  /// Publishes what was touched, and returns it. `all` are all routers there are.
  std::vector<HeldRouter*> publish(const HeldRouters& all);

  enum class Look { use, glance };
  /// What this thread sees of a router, good until it looks again; null where there is none. `use`
  /// counts as a use of it.
  const RouterView* look(const Scope& scope, Look how) const;

  /// The routers there are, by tenant and name.
  std::vector<Scope> scopes() const;

 private:
  using Cells = std::map<Scope, std::shared_ptr<RouterCell>>;

  std::vector<HeldRouter*> touched_;
  bool has_new_ = false;
  /// Shared, so that a thread that keeps it can tell one directory from the next at its address.
  std::shared_ptr<SnapshotCell<Cells>> cells_ = std::make_shared<SnapshotCell<Cells>>();
};

}  // namespace pointsman
