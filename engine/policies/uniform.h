#pragma once

#include <span>

#include "engine/policies/arm_utility.h"

namespace pointsman {

/// Every eligible arm with the same probability.
struct UniformOptions {
  bool operator==(const UniformOptions&) const = default;
};

/// Writes the distribution, as propensities() asks for it (engine/policies/policy.h).
void distribute(const UniformOptions& options, std::span<const ArmUtility> arms,
                const PolicyContext& context, std::span<double> out);

}  // namespace pointsman
