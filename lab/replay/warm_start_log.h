#pragma once

#include <cstddef>

#include "engine/fold/decide.h"
#include "engine/log/records.h"
#include "engine/log/store.h"
#include "engine/values/result.h"

namespace pointsman::lab {

/// Which of a log's decisions become rows of a warm start, and what they are worth.
struct LogRowsOptions {
  double samples = 0.0;     ///< WarmStart::effective_samples, > 0.
  std::size_t rows = 2000;  ///< At most so many, in equal parts of the router's arms.
  /// Thins an arm's decisions as if a coin of one bias had drawn them, whatever the request: each
  /// stays with probability min(1, f/p), p its propensity, f the arm's least one but at least
  /// kLeastPropensity. Decisions that nobody drew (sticky, fallback, shadow) are left out. The rows
  /// then stand for all requests and not for those that the old policy gave the arm; they are
  /// fewer.
  bool inverse_propensity = false;
};

/// Below this a propensity is taken for this much: one row in twenty is left, at worst.
inline constexpr double kLeastPropensity = 0.05;

/// Rows for `target` out of the log of `from`, which may stand in another store: one row a decision
/// that has an observation, with the reward of the chosen arm and its stated cost; nothing is known
/// of the others. Of each arm that the target has, the newest decisions of the log as it stands; a
/// signal of confidence c < 1 keeps its decision with probability c, drawn by the query_id. Frozen
/// times count as any other. The same log gives the same rows.
///
/// Of a pruned log only what is above the mark is read. Decisions encoded in another layout than
/// the target's are left out: their vectors say other things. Errors: `not_found` where the log is
/// empty; `invalid` where it has no decision in this layout, or none with an observation of an arm
/// that the target has; the store's own.
Result<WarmStart> warm_start_from_log(Store& store, const Scope& from, const RouterSnapshot& target,
                                      const LogRowsOptions& options);

}  // namespace pointsman::lab
