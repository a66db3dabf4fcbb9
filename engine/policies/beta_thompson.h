#pragma once

#include <span>

#include "engine/policies/arm_utility.h"

namespace pointsman {

/// Thompson sampling without a context (Thompson 1933; Agrawal & Goyal 2012): quality of an arm is
/// Beta(a0 + Σ w r, b0 + Σ w (1 − r)), aged by γ as the posterior is. The propensities are
/// integrated, not sampled.
struct BetaThompsonOptions {
  double a0 = 1.0;  ///< Prior successes, in observations, ≥ .5; larger trusts a new arm more.
  double b0 = 1.0;  ///< Prior failures, in observations, ≥ .5; larger doubts a new arm more.
  bool operator==(const BetaThompsonOptions&) const = default;
};

/// Writes the distribution, as propensities() asks for it (engine/policies/policy.h).
void distribute(const BetaThompsonOptions& options, std::span<const ArmUtility> arms,
                const PolicyContext& context, std::span<double> out);

/// One arm's quality, x ~ Beta(a, b), and what is added to it before arms are compared.
struct BetaArm {
  double a = 1.0;
  double b = 1.0;
  double shift = 0.0;  ///< In the unit of x: a cost term divided by the value of a perfect answer.
};

/// The exact propensities of Thompson sampling with one independent shifted Beta an arm: the
/// probability that arm a's draw s = x + shift is the largest of all,
///
///   p_a = ∫ f_a(s) Π_{b≠a} F_b(s) ds.
///
/// All arms share the nodes of one composite Gauss–Legendre rule, 12 a panel. A panel ends at the
/// smallest step over the arms that are still inside their support; an arm's step is measured on
/// the logit of x, where a Beta is smooth and log-concave whatever a and b are: at most three local
/// standard deviations and 1.6 (five-fold in x or 1 − x), wider where little of the arm's mass is
/// left. That grades the panels towards 0 and 1, where the density may have a power's singularity.
/// F_b at the nodes comes from f_b by spectral integration over the panel, so that no incomplete
/// beta function is evaluated. Tails below 1e-8 are estimated by density/slope.
///
/// Error: at most 1e-6 an arm (tests/engine/policies/beta_thompson_test.cc has what was seen). The
/// result sums to 1 within 1e-12. Equal arms get equal bits. An arm whose shift leaves it no chance
/// of more than 1e-8 may get exactly 0. Cost: O(k) a node. Usually 70 to 200 nodes: 4 µs for 2
/// arms, 8 for 4, 17 for 8; arms that are unknown and of different shifts need panels each, so that
/// 64 of them took 3 ms once. Allocates for more than 64 arms only. Thread-safety: a pure function.
/// Preconditions: the spans have the same length ≥ 1; a and b are in [.5, 1e12], shifts are finite.
void beta_thompson_propensities(std::span<const BetaArm> arms, std::span<double> out);

}  // namespace pointsman
