#include "engine/policies/ucb1.h"

#include <algorithm>
#include <cmath>

#include "engine/policies/share_best.h"

namespace pointsman {
namespace {

/// A Σ w below this is what rounding left of observations that were taken back.
constexpr double kNoWeight = 1e-9;

double mean_reward(const ArmUtility& arm) {
  return std::clamp(arm.reward_sum / arm.weight_sum, 0.0, 1.0);
}

}  // namespace

void distribute(const Ucb1Options& options, std::span<const ArmUtility> arms,
                const PolicyContext& context, std::span<double> out) {
  if (context.value_usd == 0.0) return share_least_cost(arms, out);
  double total = 0.0;
  for (const ArmUtility& arm : arms) total += std::max(0.0, arm.weight_sum);
  // The paper has played every arm once before its rule begins.
  const double width = std::sqrt(2.0 * std::log(std::max(total, static_cast<double>(arms.size()))));
  share_best(arms, out, [&](const ArmUtility& arm) {
    if (arm.weight_sum < kNoWeight) return HUGE_VAL;
    const double quality = mean_reward(arm) + options.alpha * width / std::sqrt(arm.weight_sum);
    return context.value_usd * quality + arm.shift;
  });
}

}  // namespace pointsman
