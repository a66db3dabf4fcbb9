#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/log/records.h"

namespace pointsman {

/// The current signal of one type on one decision. Session signals carry the type
/// "session:TYPE", so that a thumb on the answer and a thumb on the session stand side by side.
struct Signal {
  std::string type;
  Reward reward;
  LogPosition position = 0;
};

/// Whose money a decision is (engine/fold/budget_pacer.h).
enum class BudgetCharge : std::uint8_t {
  paced,   ///< The router chose: one request, at its target.
  extra,   ///< A second call of a request (a fallback): money, but no target of its own.
  unpaced  ///< Nobody chose (one arm eligible, shadow): of a day's budget only.
};

/// Everything that the log says of one decision: itself, its signals, its outcome. It is a fold of
/// the decision's own records and its session's, and can be rebuilt from the store at any time.
struct DecisionState {
  LogPosition position = 0;
  std::string arm;
  std::string session_id;
  std::vector<float> raw;
  std::vector<Signal> signals;  ///< Sorted by type.
  Outcome outcome;              ///< Merged: the last value of a field.
  bool has_outcome = false;
  Observation folded;  ///< What the arm's posterior holds of it now.
  BudgetCharge charge = BudgetCharge::paced;
  std::optional<double> estimated_usd;  ///< The chosen arm's, else the dearest known, else none.
};

/// Starts the state of a decision. `position` is its place in the log.
DecisionState start_state(const Decision& decision, LogPosition position);

/// The latest signal of a type replaces the one before.
void put_signal(DecisionState& state, std::string_view type, Reward reward, LogPosition position);

/// Merges the fields that `outcome` carries over the earlier ones.
void put_outcome(DecisionState& state, const Outcome& outcome);

/// Session feedback as a decision's own signal: the same reward, confidence × propagation weight,
/// under the type "session:TYPE".
void put_session_signal(DecisionState& state, const SessionFeedback& feedback,
                        LogPosition position);

/// r = Σ cᵢ rᵢ / Σ cᵢ, w = min(1, Σ cᵢ) over the latest signal of each type; an outcome error is
/// final: r = 0, w = 1. Weight 0 where there is no signal. (MATH.md, "One decision, one
/// observation".)
Observation combine(const DecisionState& state);

/// When a router was frozen: feedback recorded then is not learnt.
class FrozenSpans final {
 public:
  /// From `position` on the router is frozen, or not.
  void note(bool frozen, LogPosition position) {
    if (frozen == open()) return;
    if (frozen) {
      spans_.emplace_back(position, kOpen);
    } else {
      spans_.back().second = position;
    }
  }
  bool contain(LogPosition position) const {
    return std::any_of(spans_.begin(), spans_.end(), [&](const auto& span) {
      return span.first <= position && position < span.second;
    });
  }
  const std::vector<std::pair<LogPosition, LogPosition>>& spans() const { return spans_; }
  void restore(LogPosition from, LogPosition to) { spans_.emplace_back(from, to); }

 private:
  static constexpr LogPosition kOpen = std::numeric_limits<LogPosition>::max();
  bool open() const { return !spans_.empty() && spans_.back().second == kOpen; }
  std::vector<std::pair<LogPosition, LogPosition>> spans_;  ///< First, and the one after the last.
};

/// Rebuilds a state from its records: the decision first, then its outcomes and feedback, and the
/// session's feedback, all below `below`, each in the order of the log. The decision must be
/// there, else nullopt. `folded` is what a fold up to `below` holds: combine() at the last record
/// that came while the router was not frozen.
std::optional<DecisionState> rebuild_state(const std::vector<StoredRecord>& own,
                                           const std::vector<StoredRecord>& session,
                                           LogPosition below, const FrozenSpans& frozen = {});

}  // namespace pointsman
