#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/log/records.h"

namespace pointsman {

/// Non-linear features of a context for the policy `default`: the Nyström map of the Gaussian
/// kernel (Williams & Seeger 2001, *Using the Nyström method to speed up kernel machines*).
/// Landmarks l₁ … l_m are early contexts of the router, and
///   φ(z) = C⁻¹ (k(z, l₁), …, k(z, l_m))',  K + .001·I = C C',  k(z, l) = exp(−|z − l|²/(2ℓ²)),
/// so that φ(z)'φ(z') is k(z, z') up to what the landmarks cannot tell. A linear model over φ with
/// a diagonal prior is then a Gaussian process (subset of regressors), and costs what a linear one
/// of m more dimensions does.
///
/// Unlike random Fourier features (Rahimi & Recht 2007), which cover the whole space, landmarks lie
/// where the contexts are. In a prototype with few shuffles they did better on five of six
/// classification sets and alike on digits; letter was not compared.
///
/// The arithmetic is + − × ÷ √ in one fixed order: a decision and the fold of its feedback see the
/// same bits on any machine. Immutable; safe to share. Cost of apply(): m·n + m²/2 multiply-adds in
/// f32 for n inputs.
class LandmarkMap final {
 public:
  /// What the map adds to a context, however few landmarks there are yet; the others stay 0.
  static constexpr std::size_t kWidth = 256;

  LandmarkMap() = default;

  /// Precondition: the revision's landmarks are at most kWidth rows of `inputs` numbers.
  LandmarkMap(const SchemaRevision& revision, std::size_t inputs);

  /// `z`: the standardised inputs. Writes kWidth floats.
  void apply(std::span<const float> z, std::span<float> out) const;

  /// What this map holds beside its own size.
  std::size_t bytes() const { return 4 * (landmarks_.capacity() + whitening_.capacity()); }

 private:
  std::size_t inputs_ = 0;
  std::size_t count_ = 0;
  float inverse_width_ = 0.0F;    ///< 1/(2ℓ²)
  std::vector<float> landmarks_;  ///< (inputs, count): an input of all landmarks a row.
  std::vector<float> whitening_;  ///< C⁻¹ column by column, each from its diagonal down.
};

/// Chooses the map's part of a revision: the first kWidth of `contexts` (row-major, `inputs`
/// numbers each, standardised) are the landmarks, and ℓ is `bandwidth` times the median distance
/// between two of them. Fewer than two distinct contexts: no landmarks.
void choose_landmarks(std::span<const float> contexts, std::size_t inputs, double bandwidth,
                      SchemaRevision& revision);

}  // namespace pointsman
