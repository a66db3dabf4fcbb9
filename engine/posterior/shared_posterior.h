#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/posterior/block_triangle.h"
#include "engine/posterior/linear_posterior.h"
#include "engine/posterior/packed_score.h"

namespace pointsman {

/// What readers hold of a SharedPosterior. Immutable.
struct SharedMirror {
  PackedMirror mirror;               ///< f32 β and S⁻¹.
  std::vector<float> own_precision;  ///< Λ_δ, padded with zeros as a context is.

  /// Mean and variance of φ'x for the arm that `arm` is the mirror of (its P and θ): two triangles
  /// read instead of one. `room` is scratch of the context's padded length.
  MeanVariance score(const PackedMirror& arm, std::span<const float> padded_x,
                     std::span<float> room) const;
};

/// The coefficients that the arms of a router share under `hybrid_linucb` (Li, Chu, Langford &
/// Schapire 2010, Algorithm 2, with z = x and a prior mean; docs/MATH.md, "Hybrid LinUCB"):
///
///   r ~ N(x'φ_a, 1/w),   φ_a = β + δ_a,   β ~ N(μ₀, Λ_β⁻¹),   δ_a ~ N(0, Λ_δ⁻¹).
///
/// Each arm's LinearPosterior holds (P_a, θ_a) of δ_a alone, as if β were 0. Given these,
///
///   S = Λ_β + Σ_a (Λ_δ − Λ_δ P_a Λ_δ)      β̂ = S⁻¹ (Λ_β μ₀ + Σ_a Λ_δ θ_a)
///   E φ_a = θ_a + P_a Λ_δ β̂                Var φ_a = P_a + P_a Λ_δ S⁻¹ Λ_δ P_a.
///
/// S is the paper's A₀ after its A₀ ← A₀ − B'A⁻¹B, written so that it needs nothing but what the
/// arms hold now: it has no past of its own to keep consistent. An observation on any arm is a
/// rank-1 step of S as it is one of P_a, O(d²); what is no such step (ageing, another prior, an arm
/// that goes, P_a computed afresh) is rebuild(), O(kd² + d³), from the arms.
///
/// Arithmetic as in LinearPosterior: the same calls give the same bits. Memory: 4(d² + d) bytes and
/// two vectors. Thread-safety: none; one writer owns it.
class SharedPosterior final {
 public:
  /// Before any observation. `own` is the prior of each arm's δ: its means are 0.
  SharedPosterior(std::shared_ptr<const LinearPrior> prior, std::shared_ptr<const LinearPrior> own);

  std::size_t dims() const { return beta_.size(); }

  /// S and β̂ from what the arms hold now. Precondition: each has the prior `own`.
  void rebuild(std::span<const LinearPosterior* const> arms);

  /// What an arm's step does to S⁻¹ and β̂. False where it has to be rebuild() instead: the arm was
  /// computed afresh, the step takes nearly everything back, or it is time to.
  [[nodiscard]] bool add(const LinearPosterior::Step& step);

  /// E φ_a of an arm: what it thinks with what it shares. O(d²).
  std::vector<double> coefficients(const LinearPosterior& arm) const;

  std::shared_ptr<const SharedMirror> mirror() const;

  /// What this holds, its own size included.
  std::size_t bytes() const {
    return sizeof *this + inverse_.bytes() + 8 * beta_.capacity() +
           sizeof(Quad) * (direction_.capacity() + image_.capacity());
  }

  /// The exact state, for a checkpoint: restoring it continues with the same bits.
  struct State {
    std::vector<double> inverse;  ///< S⁻¹, the lower triangle row by row.
    std::vector<double> beta;
    std::uint32_t steps = 0;
  };
  State state() const { return {inverse_.packed(), beta_, steps_}; }
  /// False where the lengths do not fit; nothing is changed then.
  bool restore(const State& state);

 private:
  double* numbers(std::vector<Quad>& padded) { return padded.data()->lanes.data(); }

  std::shared_ptr<const LinearPrior> prior_;
  std::shared_ptr<const LinearPrior> own_;
  BlockTriangle inverse_;  ///< S⁻¹, whole.
  std::vector<double> beta_;
  std::uint32_t steps_ = 0;
  std::vector<Quad> direction_, image_;  ///< Scratch: Λ_δ z and S⁻¹ Λ_δ z, padded with zeros.
};

/// The two halves of one prior over φ_a: β with precision Λ/ρ and all of the mean, δ_a with
/// Λ/(1 − ρ). So an arm by itself starts exactly as under LinUCB, and two arms correlate by ρ.
struct SharedCorrelation {
  double coefficients = 0.7;  ///< ρ of two arms' coefficients, in (0, .999].
  double intercept = 0.3;     ///< ρ of two arms' intercepts, in (0, .999].
};
struct SplitPrior {
  LinearPrior shared;
  LinearPrior own;
};
SplitPrior split_prior(LinearPrior whole, const SharedCorrelation& correlation);

}  // namespace pointsman
