#pragma once

#include <span>
#include <string>

#include "engine/policies/arm_utility.h"

namespace pointsman {

/// Always the same arm, where it is eligible; otherwise uniform over the eligible ones.
struct FixedOptions {
  std::string arm;  ///< The arm's id.
  bool operator==(const FixedOptions&) const = default;
};

/// Writes the distribution, as propensities() asks for it (engine/policies/policy.h).
void distribute(const FixedOptions& options, std::span<const ArmUtility> arms,
                const PolicyContext& context, std::span<double> out);

}  // namespace pointsman
