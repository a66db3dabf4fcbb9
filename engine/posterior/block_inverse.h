#pragma once

#include "engine/posterior/block_triangle.h"

namespace pointsman {

/// M ← M⁻¹ for a positive definite M of which the lower triangle counts, by sweeping (Goodnight
/// 1979, *A tutorial on the SWEEP operator*): d symmetric rank-1 steps, O(d³), forward stable. The
/// result is whole. + − × ÷ in one fixed order, so the same numbers give the same bits everywhere.
/// A pivot that is not positive is a bug; a build without assertions takes 1e-300 for it.
void invert(BlockTriangle& m);

}  // namespace pointsman
