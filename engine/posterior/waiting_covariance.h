#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "engine/posterior/block_kernels.h"
#include "engine/posterior/block_triangle.h"
#include "engine/posterior/packed_score.h"

namespace pointsman {

/// P of a LinearPosterior: a matrix M and the rank-1 steps that it has still to take,
///   P = M − Σ shrink·z z',   at most kMost of them, in the order in which they came.
///
/// A step reads and writes all of M, and M is larger than the caches that are near; so from
/// kFromDims dimensions on steps wait, and M takes kMost of them at a time: Px then costs one
/// reading of M and 2d multiply-adds a waiting step. f32 copies are of M too, and live as long.
/// With fewer dimensions M takes each step at once.
///
/// When M takes them follows from the sequence of times(), subtract() and start_afresh() alone; to
/// read P changes nothing. So the same sequence gives the same bits, whoever looks, and whenever.
///
/// Memory: 8·(d²/2 + 2d) bytes, 64d more from kFromDims on, and strips() once asked for, which are
/// counted by the mirrors that share them. Thread-safety: none; one writer owns it. What strips()
/// gave never changes.
class WaitingCovariance final {
 public:
  /// Where waiting takes a fifth from an update with its mirror and costs a decision a twelfth
  /// (docs/BENCHMARKS.md, "Engine"); at 64 it is 6% against 14%.
  static constexpr std::size_t kFromDims = 128;
  static constexpr std::size_t kMost = 8;

  WaitingCovariance() = default;
  /// Zero.
  explicit WaitingCovariance(std::size_t d) : matrix_(d) {}

  std::size_t dims() const { return matrix_.dims(); }
  std::size_t waiting() const { return shrinks_.size(); }

  /// Drops the steps and gives M, for the owner to write P into: whole, when it is done.
  BlockTriangle& start_afresh();

  /// z = Px. First M takes the steps, if kMost of them wait.
  void times(const Quad* x, Quad* z);

  /// P ← P − shrink·z z'. Precondition: times() since the last subtract().
  void subtract(double shrink, const Quad* z);

  /// P as a matrix, whole. O(d²) and a copy.
  BlockTriangle value() const;

  /// M in f32. Made when first asked for after M changed.
  const std::shared_ptr<const PackedStrips>& strips();
  /// Makes `mirror` the f32 copy of P and `theta`.
  void write_mirror(PackedMirror& mirror, std::span<const double> theta);

  std::size_t bytes() const;

  /// The exact state, for a checkpoint.
  struct State {
    std::vector<double> matrix;      ///< M's lower triangle row by row.
    std::vector<double> directions;  ///< z of each waiting step, d numbers each.
    std::vector<double> shrinks;     ///< One a waiting step.
    bool operator==(const State&) const = default;
  };
  State state() const;
  /// Whether restore() would take it.
  bool fits(const State& state) const;
  /// Precondition: fits(state).
  void restore(const State& state);

 private:
  void take_steps(BlockTriangle& matrix) const;
  const Quad* direction(std::size_t n) const { return directions_.data() + n * matrix_.blocks(); }

  BlockTriangle matrix_;          ///< Whole.
  std::vector<Quad> directions_;  ///< z of each waiting step, padded with zeros.
  std::vector<double> shrinks_;
  std::shared_ptr<const PackedStrips> strips_;  ///< The f32 copy of matrix_ as it is, or null.
};

}  // namespace pointsman
