#pragma once

#include <span>

#include "engine/policies/arm_utility.h"
#include "engine/policies/policy_catalogue.h"

namespace pointsman {

/// Writes the policy's whole distribution over `arms` into `out` (same length, sums to 1), by the
/// policy's own distribute(). Never allocates for k ≤ 64. Arms that tie share their probability
/// equally; only the draw tells them apart. Thread-safety: a pure function. Preconditions: arms is
/// not empty, every mean and sigma is finite.
void propensities(const PolicyOptions& policy, std::span<const ArmUtility> arms,
                  const PolicyContext& context, std::span<double> out);

}  // namespace pointsman
