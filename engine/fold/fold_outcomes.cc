// This file has the part of RouterFold that folds outcomes, and the budget that they are charged
// to.

#include <algorithm>
#include <limits>

#include "engine/fold/arm_costs.h"
#include "engine/fold/router_fold.h"

namespace pointsman {

void RouterFold::count_outcome(const DecisionState& state, double sign) {
  Arm* arm = find_arm(state.arm);
  if (arm == nullptr || state.position < arm->since) return;
  const Outcome& outcome = state.outcome;
  const auto step = static_cast<std::uint64_t>(sign);  // Two's complement: −1 subtracts.
  if (state.position >= arm->priced_since) {
    if (const auto cost = cost_of(outcome, arm->spec)) {
      arm->stats.costs += step;
      arm->stats.cost_sum += sign * *cost;
    }
  }
  if (outcome.latency_ms) {
    arm->stats.latencies += step;
    arm->stats.latency_sum += sign * *outcome.latency_ms;
  }
  arm->model.reset();
}

void RouterFold::pace(const Decision& decision, const DecisionState& state, Timestamp time) {
  // A decision from an older snapshot may have other arms, in another order.
  std::vector<float> means;
  std::vector<std::optional<double>> costs;
  means.reserve(arms_.size());
  costs.reserve(arms_.size());
  for (const auto& arm : arms_) {
    const auto view = std::find_if(decision.arms.begin(), decision.arms.end(),
                                   [&](const ArmView& v) { return v.arm == arm->spec.id; });
    const bool known = view != decision.arms.end() &&
                       (view->excluded.empty() || decision.reason == Reason::only_eligible);
    means.push_back(known ? static_cast<float>(view->expected_reward)
                          : std::numeric_limits<float>::quiet_NaN());
    costs.push_back(predicted(arm->spec.expected_cost_usd, arm->stats.cost_sum, arm->stats.costs));
  }
  pacer_.decided({state.charge, means, state.estimated_usd, time}, costs);
}

double RouterFold::spent_usd(const DecisionState& state) {
  if (state.has_outcome) {
    const Arm* arm = find_arm(state.arm);
    if (const auto cost = cost_of(state.outcome, arm == nullptr ? ArmSpec{} : arm->spec)) {
      return *cost;
    }
  }
  return pacer_.charged(state.estimated_usd);
}

Status RouterFold::fold_outcome(const Outcome& outcome, const StoredRecord& stored,
                                DecisionSource& source) {
  const LogPosition position = stored.position;
  auto found = decision(outcome.query_id, position, source);
  if (!found) return found.error();
  DecisionState& state = **found;
  const double charged = spent_usd(state);
  if (state.has_outcome) count_outcome(state, -1.0);
  put_outcome(state, outcome);
  count_outcome(state, 1.0);
  if (pacer_.active() && state.position >= budget_since_) {
    pacer_.corrected(spent_usd(state) - charged, state.charge, stored.record.time);
  }
  relearn(state);
  return Done{};
}

}  // namespace pointsman
