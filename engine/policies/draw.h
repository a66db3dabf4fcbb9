#pragma once

#include <cstddef>
#include <span>

namespace pointsman {

/// Raises every propensity to at least f = min(floor, 1/k): p ← (1 − k·f)·p + f, in place.
/// `p` has k ≥ 1 entries that sum to 1, and still sums to 1 afterwards. Preconditions: floor is
/// in [0, 1].
void apply_floor(double floor, std::span<double> p);

/// The arm that `u` in [0, 1) selects from the distribution `p`, by inversion. An arm with p = 0
/// is never returned, whatever rounding does to the sum. Precondition: some p is positive, none
/// is negative.
std::size_t draw(std::span<const double> p, double u);

}  // namespace pointsman
