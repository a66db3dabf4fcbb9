#pragma once

#include <span>

namespace pointsman {

/// The exact propensities of Thompson sampling with one independent normal an arm: the
/// probability that arm a's draw from N(mean[a], sigma[a]²) is the largest of all,
///
///   p_a = ∫ φ((s − μ_a)/σ_a)/σ_a · Π_{b≠a} Φ((s − μ_b)/σ_b) ds.
///
/// All arms share the nodes of one composite Gauss–Legendre rule (10 a panel) on [max(μ − Tσ),
/// max(μ + Tσ)]; arms that end below it get 0. A panel is at most W standard deviations wide for
/// every arm whose transition it meets, which leaves 41–94 nodes in common cases and at most
/// about 10·(4 + log(max σ/min σ)/log 1.25). T and W are 5.5 and 2.75 for up to 8 arms and tighten
/// with more of them, where the product of the Φ is steeper and more tails add up. φ and Φ share
/// one exponential; Φ is a rational approximation in the manner of Abramowitz & Stegun 26.2.17,
/// fitted with one more term (error 1e-8). Evaluated in f32 on offsets computed in f64, with
/// instructions chosen at run time: the last bits may differ between machines, so a decision logs
/// the propensities that it used.
///
/// An arm with sigma 0 (or below 1e-20 of the largest that matters) is a point mass: it wins with
/// Π Φ((μ − μ_b)/σ_b), ties among point masses share it, and no other arm can win below it. If no
/// arm that matters has a sigma, the result is uniform over the argmax of the means.
///
/// Units: mean and sigma in the same one, whatever it is. Error: at most 1e-6 an arm, seen below
/// 3e-7. The result sums to 1 within 1e-12. Equal arms get equal bits.
/// Cost: O(k) nodes; allocates for more than 64 arms only. Thread-safety: a pure function.
/// Preconditions: the spans have the same length ≥ 1, means are finite, sigmas finite and ≥ 0.
void thompson_propensities(std::span<const double> mean, std::span<const double> sigma,
                           std::span<double> out);

}  // namespace pointsman
