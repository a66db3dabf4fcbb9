#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "engine/fold/router_fold.h"
#include "engine/log/store.h"

namespace pointsman {

struct PruneOptions {
  RouterFold::Options fold;
  Timestamp now{};          ///< What is over by then may go; an earlier time keeps more.
  std::size_t step = 2048;  ///< Records a step, > 0: how long appends to the router may wait.
};

struct PruneReport {
  Scope scope;
  LogPosition below = 0;      ///< The oldest checkpoint that recovers this log.
  std::uint64_t removed = 0;  ///< Records.
  std::uint64_t kept = 0;     ///< Records below `below` that stay.
};

/// Removes from a router's log what no recovery can ask for (Store::prune), below the oldest kept
/// checkpoint that this release can read and that the log bears out. Recovery from that checkpoint
/// or a newer one gives the same state as before; a fold of the whole log is no longer possible.
/// Other processes may serve the router meanwhile. A run that breaks off is completed by the next.
/// `progress` (optional) hears the positions looked at, as a share of 1, and the records removed.
///
/// Errors: `conflict` where no checkpoint of the router is usable, and nothing is removed then, or
/// where a failover lost the record that the checkpoint stands on; the store's.
Result<PruneReport> prune_log(
    Store& store, const Scope& scope, const PruneOptions& options,
    const std::function<void(double share, std::uint64_t removed)>& progress = {});

}  // namespace pointsman
