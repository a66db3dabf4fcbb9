#pragma once

#include <cstddef>
#include <span>

#include "engine/posterior/block_triangle.h"
#include "engine/posterior/packed_score.h"

namespace pointsman {

// The loops of PackedMirror, with instructions chosen at run time. Pure functions of their
// arguments.

/// A mirror's memory as they see it. Everything is aligned to 64 bytes; `stride` floats are
/// PackedMirror::padded_dims(dims).
struct MirrorView {
  const float* theta;   ///< stride floats.
  const float* strips;  ///< As PackedStrips lays them out.
  std::size_t dims;
  std::size_t stride;
  const float* directions;  ///< A waiting step a row, each of stride floats.
  const float* shrinks;     ///< One a waiting step.
  std::size_t waiting;      ///< How many steps wait.
};

/// `x` has stride floats, of which those from dims on are 0.
MeanVariance score_one(const MirrorView& view, const float* x);

/// `xt` is (stride, tile_lanes()), `out` has tile_lanes() entries.
void score_side_by_side(const MirrorView& view, const float* xt, MeanVariance* out);
std::size_t tile_lanes();

/// Adds Px to `out`, of stride floats.
void add_product(const MirrorView& view, const float* x, float* out);

/// Writes P̃ into strips that hold zeros above the diagonal.
void fill_strips(const BlockTriangle& p, float* strips);

/// `to` = `from`, rounded to f32.
void narrow(std::span<const double> from, float* to);

}  // namespace pointsman
