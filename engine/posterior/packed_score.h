#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "engine/posterior/block_triangle.h"

namespace pointsman {

/// What an arm's posterior says of one context.
struct MeanVariance {
  float mean = 0.0F;      ///< θ'x
  float variance = 0.0F;  ///< x'A⁻¹x, never negative.
};

/// An arm's posterior in f64, borrowed for the length of a call.
struct PackedPosterior {
  /// A⁻¹ (d, d), symmetric: its lower triangle row by row, d(d+1)/2 numbers, (i, j) with j ≤ i at
  /// i(i+1)/2 + j.
  std::span<const double> inverse_precision;
  std::span<const double> theta;  ///< (d,)
};

/// One arm's posterior as LinearPosterior holds it, in blocks.
struct BlockPosterior {
  const BlockTriangle& inverse_precision;
  std::span<const double> theta;  ///< (d,)
};

/// A cache line, which is as long as the widest vector in use.
struct alignas(64) CacheLine {
  std::array<float, 16> lanes;
};

/// The f32 copy of P alone, as PackedMirror reads it. Immutable, so mirrors may share it.
class PackedStrips final {
 public:
  /// Precondition: `p` has at least one row, and is whole.
  explicit PackedStrips(const BlockTriangle& p);

  std::size_t size() const { return size_; }  ///< In cache lines.
  const float* data() const { return lines_[0].lanes.data(); }

 private:
  std::size_t size_;
  std::unique_ptr<CacheLine[]> lines_;
};

/// A⁻¹ = strips − Σ shrink·z z': rank-1 steps that are not yet in the strips (WaitingCovariance).
struct SteppedPosterior {
  std::shared_ptr<const PackedStrips> strips;
  std::span<const Quad> directions;  ///< z of each step, one after the other, padded with zeros.
  std::span<const double> shrinks;
  std::span<const double> theta;  ///< (d,), d ≥ 1
};

struct MirrorView;

/// The f32 copy of one arm's posterior that decisions are scored on.
///
/// x'Px = Σ_j x_j Σ_{i≥j} P̃_ij x_i, where P̃ is the lower triangle with its off-diagonals doubled:
/// half the numbers of a square matrix, and reading them is what scoring costs. The triangle is
/// cut into strips of 16 columns; a strip holds its rows from the diagonal down, one after the
/// other, so that scoring reads memory once, in order, with one fused multiply-add a vector and
/// one horizontal sum at the very end. Instructions (SSE, AVX2, AVX-512) are chosen at run time,
/// so the last bits may differ between machines: nothing that is folded may depend on them.
///
/// Steps that P has still to take are applied as one reads: x'Px − Σ shrink (z'x)². They make an
/// arm's next mirror cheap, which then shares the strips of the last one.
///
/// Cost: about d²/2 + 8d multiply-adds a call and d for each waiting step, 2d² + 32d bytes. Error:
/// about 1e-6 relative to Σ|P_ij x_i x_j|, that is 1e-5 of the variance where P is well
/// conditioned. Thread-safety: a value; score() may run in any number of threads beside no
/// assign().
class PackedMirror final {
 public:
  /// Length of the buffer that score() reads: d rounded up to a multiple of 16.
  static std::size_t padded_dims(std::size_t d);

  /// What score() reads of a mirror of d dimensions, in bytes: the floor of its cost.
  static std::size_t bytes_read(std::size_t d);

  PackedMirror() = default;
  explicit PackedMirror(const PackedPosterior& posterior) { assign(posterior); }

  /// Takes another posterior. Allocates only where it has other dimensions than the last one.
  void assign(const BlockPosterior& posterior);
  /// Takes strips that are shared, and the steps that wait.
  void assign(const SteppedPosterior& posterior);
  /// Takes numbers without blocks, by way of a copy.
  void assign(const PackedPosterior& posterior);

  /// What this mirror holds, its own size and shared strips included.
  std::size_t bytes() const;

  std::size_t dims() const { return dims_; }

  /// Scores a context in a buffer of padded_dims(dims()) floats, of which those from dims() on
  /// are 0. The buffer need not be aligned.
  MeanVariance score(std::span<const float> padded_x) const;

  /// How many contexts score_tile() takes, between 4 and 32: this machine's vectors say.
  static std::size_t tile_width();

  /// score() of tile_width() contexts at once, at the speed of a matrix product: what is read of P
  /// is used for all of them. `tile` is their transpose (padded_dims(dims()), tile_width()): number
  /// i of each, then number i + 1, with zeros from dims() on. Sums in another order than score()
  /// does: the same to 1e-5. `out` has tile_width() entries.
  void score_tile(std::span<const float> tile, std::span<MeanVariance> out) const;

  /// out = Px. `padded_x` as score() takes it; `out` has padded_dims(dims()) floats too, and those
  /// from dims() on become 0. Reads what score() reads and takes about thrice its time.
  void times(std::span<const float> padded_x, std::span<float> out) const;

 private:
  void assign_theta(std::span<const double> theta);
  MirrorView view() const;

  std::size_t dims_ = 0;
  std::vector<CacheLine> theta_;
  std::vector<CacheLine> own_strips_;                  ///< Empty where they are shared.
  std::shared_ptr<const PackedStrips> shared_strips_;  ///< Or null.
  std::vector<CacheLine> waiting_;                     ///< z of each step, padded with zeros.
  std::vector<float> shrinks_;
};

}  // namespace pointsman
