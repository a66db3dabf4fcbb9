#include "engine/fold/arm_costs.h"

namespace pointsman {
namespace {

/// A stated cost counts as so many outcomes, until real ones outweigh it.
constexpr double kStatedCostWeight = 5.0;

}  // namespace

std::optional<double> cost_of(const Outcome& outcome, const ArmSpec& spec) {
  if (outcome.cost_usd) return outcome.cost_usd;
  if (!outcome.input_tokens && !outcome.output_tokens) return std::nullopt;
  if (outcome.input_tokens && !spec.input_usd_per_million_tokens) return std::nullopt;
  if (outcome.output_tokens && !spec.output_usd_per_million_tokens) return std::nullopt;
  return (static_cast<double>(outcome.input_tokens.value_or(0)) *
              spec.input_usd_per_million_tokens.value_or(0.0) +
          static_cast<double>(outcome.output_tokens.value_or(0)) *
              spec.output_usd_per_million_tokens.value_or(0.0)) /
         1e6;
}

std::optional<double> predicted(const std::optional<double>& stated, double sum, std::uint64_t n) {
  if (!stated && n == 0) return std::nullopt;
  const double prior = stated ? kStatedCostWeight : 0.0;
  return (prior * stated.value_or(0.0) + sum) / (prior + static_cast<double>(n));
}

}  // namespace pointsman
