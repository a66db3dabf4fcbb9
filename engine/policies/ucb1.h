#pragma once

#include <span>

#include "engine/policies/arm_utility.h"

namespace pointsman {

/// Upper confidence bound without a context (Auer, Cesa-Bianchi & Fischer 2002, Figure 1): all on
/// the largest V·(r̄_a + α·√(2 ln N / n_a)) less cost. n_a is the arm's observations, weighted and
/// aged by γ (with γ < 1: Garivier & Moulines 2011), N their sum over the arms at hand, at least k.
/// Arms without an observation go first and share.
struct Ucb1Options {
  double alpha = 1.0;  ///< Multiplies the paper's width, which holds for any reward in [0, 1].
  bool operator==(const Ucb1Options&) const = default;
};

/// Writes the distribution, as propensities() asks for it (engine/policies/policy.h).
void distribute(const Ucb1Options& options, std::span<const ArmUtility> arms,
                const PolicyContext& context, std::span<double> out);

}  // namespace pointsman
