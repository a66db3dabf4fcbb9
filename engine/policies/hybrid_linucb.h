#pragma once

#include <span>

#include "engine/policies/arm_utility.h"

namespace pointsman {

/// Hybrid LinUCB (Li et al. 2010, Algorithm 2): beside each arm's own coefficients there are some
/// that all arms share, so that what one arm's reward says of the *request* (it was a hard one)
/// counts for every arm. The shared features are the context itself. An arm's coefficients are then
/// normal about common ones, and one number says how much arms have in common: their correlation
/// before anything is known, above 0 and at most .999. Towards 0 it is LinUCB, towards 1 all arms
/// are one. See engine/posterior/shared_posterior.h and docs/MATH.md.
struct HybridLinUcbOptions {
  double alpha = 0.2;             ///< Width of the bound in standard deviations.
  double shared = 0.7;            ///< Correlation of two arms' coefficients, intercept apart.
  double shared_intercept = 0.3;  ///< Correlation of two arms' intercepts: how good any arm is.
  bool operator==(const HybridLinUcbOptions&) const = default;
};

/// Writes the distribution, as propensities() asks for it (engine/policies/policy.h).
void distribute(const HybridLinUcbOptions& options, std::span<const ArmUtility> arms,
                const PolicyContext& context, std::span<double> out);

}  // namespace pointsman
