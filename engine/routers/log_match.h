#pragma once

#include "engine/fold/router_fold.h"
#include "engine/log/store.h"

namespace pointsman {

/// How a store's log stands to a fold that was made of it.
enum class LogMatch {
  same,    ///< The record at the fold's position is the one that was folded.
  other,   ///< It is another one, or gone: a failover lost records.
  pruned,  ///< The log was pruned above it: nobody can say, and nothing can be folded onto it.
};

/// A record that was folded.
struct FoldedRecord {
  LogPosition position = 0;  ///< 0: none was.
  RecordId id{};
};

/// Compares by one indexed read. Errors: the store's.
Result<LogMatch> match_log(Store& store, const Scope& scope, const FoldedRecord& folded);

/// Compares the last record of a fold.
Result<LogMatch> match_log(Store& store, const RouterFold& fold);

}  // namespace pointsman
