#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace pointsman {

/// Diagonal Gaussian prior of a linear model: θ ~ N(mean, diag(precision)⁻¹). Both have length d;
/// index 0 is the intercept. Shared by all arms of a router.
struct LinearPrior {
  std::vector<double> mean;
  std::vector<double> precision;  ///< Each > 0.
  bool operator==(const LinearPrior&) const = default;
};

/// Bayesian ridge regression of one arm (docs/MATH.md, "Posterior"; Li et al. 2010, Algorithm 1,
/// with a prior mean):
///   A = Λ + Σ w x x',   b = Λμ₀ + Σ w r x,   θ = A⁻¹ b,   P = A⁻¹.
///
/// A and P are the f64 master, symmetric packed (lower triangle, row by row: element (i, j ≤ i)
/// stands at i(i+1)/2 + j). An observation is one symmetric rank-1 step, O(d²); after every
/// `kRefactorAfter` steps P and θ are computed afresh from A and b by Cholesky, O(d³).
///
/// The arithmetic is + − × ÷ √ in one fixed order, compiled without contraction, so the same
/// sequence of calls gives the same bits on every x86-64 machine.
///
/// Thread-safety: none; one writer owns it.
class LinearPosterior final {
 public:
  static constexpr std::uint32_t kRefactorAfter = 2048;

  explicit LinearPosterior(std::shared_ptr<const LinearPrior> prior);

  std::size_t dims() const { return b_.size(); }

  /// Adds `weight`·x x' to A and `weighted_reward`·x to b. Both may be negative: a revision adds
  /// the difference of the combined observation. A step that would leave 1 − |w|·x'Px < 1e-3
  /// is done by a fresh factorisation instead.
  void add(std::span<const float> x, double weight, double weighted_reward);

  /// Forgetting: A ← keep·A + (1 − keep)·Λ, b ← keep·b + (1 − keep)·Λμ₀, then a factorisation.
  void age(double keep);

  /// Moves to another prior of the same length, keeping every observation.
  void change_prior(std::shared_ptr<const LinearPrior> prior);

  /// Back to the prior: no observation.
  void reset(std::shared_ptr<const LinearPrior> prior);

  /// Computes P and θ afresh from A and b.
  void refactor();

  std::span<const double> precision_packed() const { return a_; }
  std::span<const double> covariance_packed() const { return p_; }
  std::span<const double> weighted_sum() const { return b_; }
  std::span<const double> theta() const { return theta_; }
  std::uint32_t steps_since_refactor() const { return steps_; }

  /// The exact state, for a checkpoint: restoring it continues with the same bits.
  struct State {
    std::vector<double> a, p, b, theta;
    std::uint32_t steps = 0;
  };
  State state() const { return {a_, p_, b_, theta_, steps_}; }
  /// False where the lengths do not fit this posterior; nothing is changed then.
  bool restore(State state);

 private:
  void set_prior_terms();

  std::shared_ptr<const LinearPrior> prior_;
  std::vector<double> a_, p_, b_, theta_;
  std::uint32_t steps_ = 0;
  std::vector<double> x_, z_;  ///< Scratch, kept so that a step never allocates.
};

}  // namespace pointsman
