#pragma once

#include <cstddef>
#include <memory>

namespace pointsman::bench {

/// LinUCB or LinTS as one writes it with Eigen: each arm's A⁻¹ as a full matrix, Sherman–Morrison,
/// no log, no propensities, no revision, no standardisation, no store. What our figures stand
/// beside.
class EigenLoop {
 public:
  virtual ~EigenLoop() = default;
  /// The arm for context number `at`, by the upper bound μ + ασ.
  virtual std::size_t decide_linucb(std::size_t at) = 0;
  /// The same of all contexts at once: two matrix products an arm. Gives how many they are.
  virtual std::size_t decide_batch() = 0;
  /// decide_linucb() by one normal draw an arm.
  virtual std::size_t decide_lints(std::size_t at) = 0;
  /// Learns reward .5 for arm `at` mod K in context `at`.
  virtual void update(std::size_t at) = 0;
};

struct EigenLoopSize {
  std::size_t d = 0;  ///< Dimensions of the context.
  std::size_t k = 0;  ///< Arms.
};

/// For the baseline of x86-64, like the rest of the program: Eigen then uses SSE2.
std::unique_ptr<EigenLoop> eigen_sse2_f64(const EigenLoopSize& size);
std::unique_ptr<EigenLoop> eigen_sse2_f32(const EigenLoopSize& size);

/// For AVX2 with FMA, as one would compile it for this machine. They live in a shared library of
/// their own with hidden symbols: Eigen's templates compiled in two ways must never meet.
std::unique_ptr<EigenLoop> eigen_avx2_f64(const EigenLoopSize& size);
std::unique_ptr<EigenLoop> eigen_avx2_f32(const EigenLoopSize& size);

}  // namespace pointsman::bench
