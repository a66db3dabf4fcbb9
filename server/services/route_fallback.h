#pragma once

#include <string>
#include <vector>

#include "engine/fold/decide.h"
#include "engine/log/store.h"

namespace pointsman {

/// The decisions that a fallback follows, newest first: the one that failed, its parent, and so on.
struct FallbackChain {
  Scope scope;
  Decision parent;                 ///< The decision that failed.
  std::vector<std::string> tried;  ///< The arms of the whole chain.
  std::vector<std::string> next;   ///< Arms that its decisions offered and nobody tried, in order.
};

/// Whose chain, as of when.
struct FallbackQuestion {
  std::string tenant;
  std::string query_id;  ///< Of the decision that failed.
  Timestamp now{};
};

/// Reads the chain; waits for the store. Errors: `not_found` for a decision that is unknown or
/// expired, else the store's.
Result<FallbackChain> read_fallback_chain(Store& store, const FallbackQuestion& question);

/// Decides for the next arm that was not tried: the first of chain.next that the constraints and
/// the router still allow, or, where request.arms is not empty, the first of those; an only one is
/// taken even if it was tried. The decision's fallbacks are what then remains of the chain.
/// `request` must have `parent` set; its arms are changed, and what it leaves open (session,
/// utility) is the parent's. Errors: `invalid` where no arm is left.
Result<Decision> decide_fallback(const RouterSnapshot& snapshot, const FallbackChain& chain,
                                 DecideRequest& request);

}  // namespace pointsman
