#include "engine/routers/log_match.h"

namespace pointsman {

Result<LogMatch> match_log(Store& store, const Scope& scope, const FoldedRecord& folded) {
  if (folded.position == 0) return LogMatch::same;
  const auto id = store.record_id_at(scope, folded.position);
  if (!id) {
    if (id.error().code == ErrorCode::pruned) return LogMatch::pruned;
    return id.error();
  }
  // A store of one process loses nothing behind its back; a bounded one lets go of the oldest.
  if (!*id) return store.shared() ? LogMatch::other : LogMatch::same;
  return **id == folded.id ? LogMatch::same : LogMatch::other;
}

Result<LogMatch> match_log(Store& store, const RouterFold& fold) {
  return match_log(store, fold.scope(), {fold.position(), fold.last_id()});
}

}  // namespace pointsman
