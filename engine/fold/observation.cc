#include "engine/fold/observation.h"

#include <algorithm>
#include <utility>

namespace pointsman {

namespace {

BudgetCharge charge_of(Reason reason) {
  if (reason == Reason::fallback) return BudgetCharge::extra;
  if (reason == Reason::only_eligible || reason == Reason::shadow) return BudgetCharge::unpaced;
  return BudgetCharge::paced;
}

std::optional<double> estimate_of(const Decision& decision) {
  if (const auto& own = decision.arms[decision.chosen].expected_cost_usd) return own;
  std::optional<double> dearest;
  for (const ArmView& arm : decision.arms) {
    if (const auto& cost = arm.expected_cost_usd)
      dearest = std::max(dearest.value_or(*cost), *cost);
  }
  return dearest;
}

}  // namespace

DecisionState start_state(const Decision& decision, LogPosition position) {
  DecisionState state;
  state.position = position;
  state.arm = decision.arms[decision.chosen].arm;
  state.session_id = decision.session_id;
  state.raw = decision.raw;
  state.charge = charge_of(decision.reason);
  state.estimated_usd = estimate_of(decision);
  return state;
}

void put_signal(DecisionState& state, std::string_view type, Reward reward, LogPosition position) {
  auto at = std::lower_bound(state.signals.begin(), state.signals.end(), type,
                             [](const Signal& s, std::string_view t) { return s.type < t; });
  if (at != state.signals.end() && at->type == type) {
    at->reward = reward;
    at->position = position;
  } else {
    state.signals.insert(at, Signal{std::string(type), reward, position});
  }
}

void put_outcome(DecisionState& state, const Outcome& outcome) {
  state.has_outcome = true;
  Outcome& merged = state.outcome;
  if (outcome.cost_usd) merged.cost_usd = outcome.cost_usd;
  if (outcome.latency_ms) merged.latency_ms = outcome.latency_ms;
  if (outcome.input_tokens) merged.input_tokens = outcome.input_tokens;
  if (outcome.output_tokens) merged.output_tokens = outcome.output_tokens;
  if (!outcome.error.empty()) merged.error = outcome.error;
}

void put_session_signal(DecisionState& state, const SessionFeedback& feedback,
                        LogPosition position) {
  Reward reward = feedback.reward;
  reward.confidence *= feedback.propagation_weight;
  put_signal(state, "session:" + feedback.signal_type, reward, position);
}

Observation combine(const DecisionState& state) {
  if (!state.outcome.error.empty()) return Observation{0.0, 1.0};
  double confidence = 0.0;
  double weighted = 0.0;
  for (const Signal& signal : state.signals) {
    confidence += signal.reward.confidence;
    weighted += signal.reward.confidence * signal.reward.value;
  }
  if (confidence <= 0.0) return Observation{};
  return Observation{weighted / confidence, confidence < 1.0 ? confidence : 1.0};
}

std::optional<DecisionState> rebuild_state(const std::vector<StoredRecord>& own,
                                           const std::vector<StoredRecord>& session,
                                           LogPosition below, const FrozenSpans& frozen) {
  std::vector<const StoredRecord*> records;
  for (const StoredRecord& stored : own) records.push_back(&stored);
  for (const StoredRecord& stored : session) {
    if (std::holds_alternative<SessionFeedback>(stored.record.body)) records.push_back(&stored);
  }
  std::sort(records.begin(), records.end(),
            [](const auto* a, const auto* b) { return a->position < b->position; });
  std::optional<DecisionState> state;
  for (const StoredRecord* stored : records) {
    if (stored->position >= below) break;
    const RecordBody& body = stored->record.body;
    if (const auto* decision = std::get_if<Decision>(&body)) {
      state = start_state(*decision, stored->position);
    } else if (!state) {
      // A session's feedback from before the decision does not reach it; its own cannot be.
      if (!std::holds_alternative<SessionFeedback>(body)) return std::nullopt;
      continue;
    } else if (const auto* feedback = std::get_if<Feedback>(&body)) {
      put_signal(*state, feedback->signal_type, feedback->reward, stored->position);
    } else if (const auto* outcome = std::get_if<Outcome>(&body)) {
      put_outcome(*state, *outcome);
    } else if (const auto* shared = std::get_if<SessionFeedback>(&body)) {
      put_session_signal(*state, *shared, stored->position);
    }
    if (!frozen.contain(stored->position)) state->folded = combine(*state);
  }
  return state;
}

}  // namespace pointsman
