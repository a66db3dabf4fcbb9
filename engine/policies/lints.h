#pragma once

#include <span>

#include "engine/policies/arm_utility.h"

namespace pointsman {

/// Linear Thompson sampling (Agrawal & Goyal 2013), disjoint arms, one normal an arm. The
/// propensities are exact: they are integrated, not sampled (engine/policies/thompson.h).
struct LinTsOptions {
  double alpha = 0.1;  ///< Multiplies the posterior's standard deviation; larger explores more.
  bool operator==(const LinTsOptions&) const = default;
};

/// Writes the distribution, as propensities() asks for it (engine/policies/policy.h).
void distribute(const LinTsOptions& options, std::span<const ArmUtility> arms,
                const PolicyContext& context, std::span<double> out);

}  // namespace pointsman
