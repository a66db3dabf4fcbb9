#pragma once

#include <cstddef>
#include <span>

#include "engine/posterior/block_triangle.h"

namespace pointsman {

// The O(d²) steps of LinearPosterior. Instructions are chosen at run time (Highway), yet the bits
// never depend on them: every element goes through the same + and × in the same order, without
// fused multiply-add, and every sum over a row has four lanes that are joined in one fixed order.
// Vectors are padded with zeros to 4·blocks() numbers, 32-byte aligned. Thread-safety: pure
// functions of their arguments.

/// z = M x for a whole M. Reads M once.
void symmetric_times(const BlockTriangle& m, const Quad* x, Quad* z);

/// M += c v v', element by element c·(vᵢvⱼ): a whole M stays whole.
void add_outer(BlockTriangle& m, double c, const Quad* v);

/// One observation that waits to be added: weight·x x'.
struct WeightedRow {
  const Quad* x;
  const Quad* weighted_x;  ///< weight·x
};

constexpr std::size_t kMostRows = 8;

/// M += Σ (weighted_x) x', at most kMostRows of them, one after the other, reading and writing M
/// once: the same bits as one call for each. M is not whole afterwards: only its lower triangle
/// counts.
void add_weighted_rows(BlockTriangle& m, std::span<const WeightedRow> rows);

/// A rank-1 step that a matrix has still to take: M − shrink·direction direction'.
struct WaitingStep {
  const Quad* direction;
  double shrink;
};

/// z −= Σ shrink·(direction'x) direction, one step after the other: what the steps take from Mx.
/// All vectors are `blocks` quads long.
void subtract_waiting(std::span<const WaitingStep> steps, std::size_t blocks, const Quad* x,
                      Quad* z);

}  // namespace pointsman
