#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/records.h"

namespace pointsman {

/// The current signal of one type on one decision. Session signals carry the type
/// "session:TYPE", so that a thumb on the answer and a thumb on the session stand side by side.
struct Signal {
  std::string type;
  Reward reward;
  LogPosition position = 0;
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

/// Rebuilds a state from its records: the decision first, then its outcomes and feedback, and the
/// session's feedback, all below `below`, in any order of the two spans. The decision must be
/// there, else nullopt. `folded` is set to combine(): what a fold up to `below` holds.
std::optional<DecisionState> rebuild_state(const std::vector<StoredRecord>& own,
                                           const std::vector<StoredRecord>& session,
                                           LogPosition below);

}  // namespace pointsman
