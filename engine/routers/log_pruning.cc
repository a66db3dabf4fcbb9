#include "engine/routers/log_pruning.h"

#include <cassert>
#include <optional>

#include "engine/routers/log_match.h"

namespace pointsman {
namespace {

/// The record that a usable checkpoint stands on.
struct Footing {
  LogPosition position = 0;
  RecordId id{};
};

/// The footing of the oldest usable checkpoint. Errors: `conflict` where there is none.
Result<Footing> oldest_usable(Store& store, const Scope& scope,
                              const RouterFold::Options& options) {
  const auto checkpoints = store.load_checkpoints(scope);
  if (!checkpoints) return checkpoints.error();
  std::optional<Footing> oldest;
  for (const Checkpoint& checkpoint : *checkpoints) {  // Newest first.
    RouterFold fold(scope, options);
    if (!fold.restore(checkpoint)) continue;
    const auto match = match_log(store, fold);
    if (!match) return match.error();
    if (*match == LogMatch::same) oldest = Footing{fold.position(), fold.last_id()};
  }
  if (oldest) return *oldest;
  return Error{ErrorCode::conflict,
               "Router \"" + scope.router +
                   "\" has no checkpoint that this release can read and its log bears out, so "
                   "nothing of its log can be spared. A server saves one when it stops, and after "
                   "every checkpoint_every records.",
               ""};
}

/// A failover in the middle of it may lose the record that everything stands on.
Status still_stands(Store& store, const Scope& scope, const Footing& footing) {
  const auto id = store.record_id_at(scope, footing.position);
  if (!id) return id.error();
  if (*id && **id == footing.id) return Done{};
  return Error{ErrorCode::conflict,
               "The log of router \"" + scope.router +
                   "\" lost records while it was pruned; no more of it was removed.",
               ""};
}

}  // namespace

Result<PruneReport> prune_log(Store& store, const Scope& scope, const PruneOptions& options,
                              const std::function<void(double, std::uint64_t)>& progress) {
  assert(options.step > 0);
  const auto footing = oldest_usable(store, scope, options.fold);
  if (!footing) return footing.error();
  const LogPosition below = footing->position;
  PruneReport report{.scope = scope, .below = below};
  PruneStep step{.scope = scope, .below = below, .now = options.now, .limit = options.step};
  for (;;) {
    if (Status stands = still_stands(store, scope, *footing); !stands) return stands.error();
    const auto done = store.prune(step);
    if (!done) return done.error();
    report.removed += done->removed;
    report.kept += done->kept;
    if (done->last) return report;
    step.after = done->looked_to;
    if (progress) {
      progress(static_cast<double>(step.after) / static_cast<double>(below), report.removed);
    }
  }
}

}  // namespace pointsman
