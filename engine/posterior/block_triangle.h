#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace pointsman {

/// Four numbers, aligned so that a vector of four is one load.
struct alignas(32) Quad {
  std::array<double, 4> lanes{};
};

/// A symmetric (d, d) matrix in f64, laid out for kernels without loose ends: four rows make a
/// block row, and every row of block row I is 4(I+1) long, so that the 4×4 blocks on the diagonal
/// are stored whole and d is rounded up to a multiple of four by rows and columns of zeros. Row
/// 4I + r begins at quad 2I(I+1) + r(I+1). About d²/2 + 2d numbers.
///
/// Each element above the diagonal of a stored block equals its mirror image to the bit wherever
/// the comment of an owner says "whole"; otherwise it means nothing.
/// Thread-safety: a value.
class BlockTriangle final {
 public:
  BlockTriangle() = default;
  explicit BlockTriangle(std::size_t d)
      : dims_(d), quads_(2 * blocks_of(d) * (blocks_of(d) + 1), Quad{}) {}

  /// Number of block rows of a matrix of d rows.
  static std::size_t blocks_of(std::size_t d) { return (d + 3) / 4; }

  std::size_t dims() const { return dims_; }
  std::size_t blocks() const { return blocks_of(dims_); }
  std::size_t bytes() const { return quads_.size() * sizeof(Quad); }

  double* data() { return quads_.data()->lanes.data(); }
  const double* data() const { return quads_.data()->lanes.data(); }

  /// Row i: its elements 0…4⌊i/4⌋+3.
  double* row(std::size_t i) { return data() + row_start(i); }
  const double* row(std::size_t i) const { return data() + row_start(i); }

  /// The lower triangle row by row, d(d+1)/2 numbers: (i, j ≤ i) at i(i+1)/2 + j.
  std::vector<double> packed() const {
    std::vector<double> numbers;
    numbers.reserve(dims_ * (dims_ + 1) / 2);
    for (std::size_t i = 0; i < dims_; ++i) {
      numbers.insert(numbers.end(), row(i), row(i) + i + 1);
    }
    return numbers;
  }

  /// The inverse of packed(). Precondition: d(d+1)/2 numbers. Leaves the matrix whole.
  void assign_packed(std::span<const double> numbers) {
    std::size_t at = 0;
    for (std::size_t i = 0; i < dims_; ++i) {
      for (std::size_t j = 0; j <= i; ++j) row(i)[j] = numbers[at++];
    }
    make_whole();
  }

  /// Copies each diagonal block's lower triangle to its upper one.
  void make_whole() {
    for (std::size_t i = 0; i < dims_; ++i) {
      for (std::size_t j = i / 4 * 4; j < i; ++j) row(j)[i] = row(i)[j];
    }
  }

 private:
  static std::size_t row_start(std::size_t i) {
    const std::size_t block = i / 4;
    return 4 * (2 * block * (block + 1) + (i % 4) * (block + 1));
  }

  std::size_t dims_ = 0;
  std::vector<Quad> quads_;
};

}  // namespace pointsman
