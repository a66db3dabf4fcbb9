#pragma once

#include <span>

#include "engine/policies/arm_utility.h"

namespace pointsman {

/// Inverse gap weighting over the posterior's means (SquareCB; Foster & Rakhlin 2020, *Beyond UCB*,
/// Algorithm 1): p_a = 1/(k + γ_t·gap_a) for every arm but the best, the rest for the best; gap_a
/// is the utility that a lacks, in units of `value_usd`. γ_t = gamma0·t^exponent with t the
/// router's decision number. It needs no σ. With V > 0 no eligible arm has p = 0.
struct SquareCbOptions {
  double gamma0 = 30.0;   ///< For rewards in [0, 1]; larger explores less, 0 is uniform.
  double exponent = 0.5;  ///< How fast exploring fades: .5 suits linear means, 0 never fades.
  bool operator==(const SquareCbOptions&) const = default;
};

/// Writes the distribution, as propensities() asks for it (engine/policies/policy.h).
void distribute(const SquareCbOptions& options, std::span<const ArmUtility> arms,
                const PolicyContext& context, std::span<double> out);

}  // namespace pointsman
