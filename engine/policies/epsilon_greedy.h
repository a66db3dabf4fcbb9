#pragma once

#include <span>

#include "engine/policies/arm_utility.h"

namespace pointsman {

/// The best expected utility with probability 1 − ε, any eligible arm with ε/k (Watkins 1989).
struct EpsilonGreedyOptions {
  double epsilon = 0.1;  ///< Share of the decisions made at random; its regret grows with it.
  bool operator==(const EpsilonGreedyOptions&) const = default;
};

/// Writes the distribution, as propensities() asks for it (engine/policies/policy.h).
void distribute(const EpsilonGreedyOptions& options, std::span<const ArmUtility> arms,
                const PolicyContext& context, std::span<double> out);

}  // namespace pointsman
