#pragma once

#include <span>

#include "engine/policies/arm_utility.h"

namespace pointsman {

/// Linear upper confidence bound, disjoint arms (Li et al. 2010, Algorithm 1). The whole
/// probability goes to the largest V·μ + V·α·σ less cost; ties share it.
struct LinUcbOptions {
  double alpha = 0.2;  ///< Width of the bound in standard deviations; larger explores more.
  bool operator==(const LinUcbOptions&) const = default;
};

/// Writes the distribution, as propensities() asks for it (engine/policies/policy.h).
void distribute(const LinUcbOptions& options, std::span<const ArmUtility> arms,
                const PolicyContext& context, std::span<double> out);

}  // namespace pointsman
