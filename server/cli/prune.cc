#include "server/cli/prune.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "engine/features/default_text_model.h"
#include "engine/routers/log_pruning.h"
#include "server/cli/existing_store.h"
#include "server/cli/progress.h"
#include "server/core/clock.h"
#include "stores/open_store.h"

namespace pointsman {
namespace {

/// The logs that the command names. Errors: `not_found`, or the store's.
Result<std::vector<Scope>> named_scopes(Store& store, const PruneCommand& command) {
  auto scopes = store.scopes();
  if (!scopes) return scopes.error();
  std::erase_if(*scopes, [&](const Scope& scope) {
    return (!command.tenant.empty() && scope.tenant != command.tenant) ||
           (!command.router.empty() && scope.router != command.router);
  });
  const bool named = !command.tenant.empty() || !command.router.empty();
  if (scopes->empty() && named) {
    return Error{ErrorCode::not_found, "the store has no such router", "--router"};
  }
  return scopes;
}

nlohmann::ordered_json as_json(const PruneReport& report) {
  return {{"tenant", report.scope.tenant},
          {"router", report.scope.router},
          {"below", report.below},
          {"removed", report.removed},
          {"kept", report.kept}};
}

Result<nlohmann::ordered_json> prune_all(Store& store, const PruneCommand& command,
                                         ProgressLine& progress) {
  const auto scopes = named_scopes(store, command);
  if (!scopes) return scopes.error();
  using Days = std::chrono::duration<double, std::chrono::days::period>;
  PruneOptions options;
  options.fold.text_model = &default_text_model();
  options.now = SystemClock().now() -
                std::chrono::duration_cast<std::chrono::milliseconds>(Days(command.keep_days));
  nlohmann::ordered_json routers = nlohmann::ordered_json::array();
  std::uint64_t removed = 0;
  for (const Scope& scope : *scopes) {
    const auto report =
        prune_log(store, scope, options, [&](double share, std::uint64_t removed_of_it) {
          progress.show_share(scope.router + ": " + std::to_string(removed_of_it) + " removed",
                              share);
        });
    if (report) {
      routers.push_back(as_json(*report));
      removed += report->removed;
    } else if (report.error().code == ErrorCode::conflict && command.router.empty()) {
      routers.push_back({{"tenant", scope.tenant},
                         {"router", scope.router},
                         {"skipped", report.error().message}});
    } else {
      return report.error();
    }
  }
  if (command.compact) {
    progress.show("giving back what was freed");
    if (const Status compacted = store.compact(); !compacted) return compacted.error();
  }
  return nlohmann::ordered_json{{"removed", removed}, {"routers", std::move(routers)}};
}

}  // namespace

int prune(const PruneCommand& command) {
  StoreOptions options;
  options.url = command.store;
  const auto fail = [](const Error& error) {
    std::fprintf(stderr, "prune: %s\n", error.message.c_str());
    return 1;
  };
  if (const Status there = check_store_exists(command.store); !there) return fail(there.error());
  auto store = open_store(options);
  if (!store) return fail(store.error());
  ProgressLine progress("pruning", isatty(STDERR_FILENO) != 0);
  const auto pruned = prune_all(**store, command, progress);
  progress.end();
  if (!pruned) return fail(pruned.error());
  std::printf("%s\n", pruned->dump(2).c_str());
  return 0;
}

}  // namespace pointsman
