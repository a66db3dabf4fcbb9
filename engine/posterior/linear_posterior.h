#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/posterior/block_triangle.h"
#include "engine/posterior/packed_score.h"
#include "engine/posterior/waiting_covariance.h"

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
/// A and P are the f64 master. An observation is one symmetric rank-1 step on P, O(d²), which waits
/// where d is large (WaitingCovariance); after every `kRefactorAfter` steps P and θ are computed
/// afresh from A and b, O(d³), by sweeping A (Goodnight 1979): d symmetric rank-1 steps, forward
/// stable because A is positive definite. A itself is needed only then and in a checkpoint, so
/// observations wait and are added to it kPending at a time, in their order: the same bits as one
/// by one for an eighth of the memory traffic.
///
/// The arithmetic is + − × ÷ in one fixed order, compiled without contraction, so the same sequence
/// of calls gives the same bits on every x86-64 machine, whichever instructions it has.
///
/// Memory: 8·(d² + 6d) bytes, a copy of the waiting observations, 32d + 64, and of the waiting
/// steps, 64d from WaitingCovariance::kFromDims on. Thread-safety: none; one writer owns it.
class LinearPosterior final {
 public:
  static constexpr std::uint32_t kRefactorAfter = 2048;

  explicit LinearPosterior(std::shared_ptr<const LinearPrior> prior);

  std::size_t dims() const { return b_.size(); }

  /// What an observation did to P and θ: P ← P − shrink·z z', θ ← θ + gain·z.
  struct Step {
    std::span<const double> direction;  ///< z = Px; empty: nothing changed. Good until this
                                        ///< thread's next call to any LinearPosterior.
    double shrink = 0.0;
    double gain = 0.0;
    bool refactored = false;  ///< P and θ were computed afresh instead, and the rest is empty.
  };

  /// Adds `weight`·x x' to A and `weighted_reward`·x to b. Both may be negative: a revision adds
  /// the difference of the combined observation. A step that would leave 1 − |w|·x'Px < 1e-3
  /// is done by a fresh factorisation instead.
  Step add(std::span<const float> x, double weight, double weighted_reward);

  /// Forgetting: A ← keep·A + (1 − keep)·Λ, b ← keep·b + (1 − keep)·Λμ₀, then a factorisation.
  void age(double keep);

  /// Moves to another prior of the same length, keeping every observation.
  void change_prior(std::shared_ptr<const LinearPrior> prior);

  /// Back to the prior: no observation.
  void reset(std::shared_ptr<const LinearPrior> prior);

  /// Computes P and θ afresh from A and b.
  void refactor();

  /// Makes `mirror` the f32 copy of θ and P. Where steps wait, mirrors share what did not change.
  void write_mirror(PackedMirror& mirror) { p_.write_mirror(mirror, theta_); }

  /// A and P by value, d(d+1)/2 numbers each: the lower triangle row by row, (i, j ≤ i) at
  /// i(i+1)/2 + j. O(d²).
  std::vector<double> precision_packed() const;
  std::vector<double> covariance_packed() const { return p_.value().packed(); }
  BlockTriangle covariance() const { return p_.value(); }  ///< P, whole. O(d²).
  std::span<const double> weighted_sum() const { return b_; }
  std::span<const double> theta() const { return theta_; }
  std::uint32_t steps_since_refactor() const { return steps_; }

  /// What this posterior holds, its own size included.
  std::size_t bytes() const;

  /// The exact state, for a checkpoint: restoring it continues with the same bits.
  struct State {
    std::vector<double> a;  ///< As precision_packed() gives it.
    WaitingCovariance::State p;
    std::vector<double> b, theta;
    std::uint32_t steps = 0;
  };
  State state() const { return {precision_packed(), p_.state(), b_, theta_, steps_}; }
  /// False where the lengths do not fit this posterior; nothing is changed then.
  bool restore(const State& state);

 private:
  static constexpr std::size_t kPending = 8;

  void set_prior_terms();
  void add_pending_to(BlockTriangle& a) const;
  void flush();

  std::shared_ptr<const LinearPrior> prior_;
  BlockTriangle a_;  ///< Without the waiting observations; its lower triangle counts.
  WaitingCovariance p_;
  std::vector<double> b_, theta_;
  std::uint32_t steps_ = 0;
  std::vector<float> pending_x_;  ///< A context a row.
  std::array<double, kPending> pending_weights_{};
  std::size_t pending_ = 0;
};

}  // namespace pointsman
