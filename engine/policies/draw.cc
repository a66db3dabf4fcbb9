#include "engine/policies/draw.h"

#include <algorithm>
#include <cassert>

namespace pointsman {

void apply_floor(double floor, std::span<double> p) {
  assert(!p.empty() && floor >= 0.0 && floor <= 1.0);
  const double k = static_cast<double>(p.size());
  const double f = std::min(floor, 1.0 / k);
  // k·(1/k) may round to just above 1, and a propensity must not become negative.
  const double kept = std::max(0.0, 1.0 - k * f);
  for (double& value : p) value = kept * value + f;
}

std::size_t draw(std::span<const double> p, double u) {
  assert(u >= 0.0 && u < 1.0);
  double total = 0.0;
  for (const double value : p) total += value;
  assert(total > 0.0);
  // Scaling by the sum as it rounds here leaves no gap at the end of the line; what u·total may
  // still miss falls to the last arm that can be drawn.
  const double target = u * total;
  double reached = 0.0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    assert(p[i] >= 0.0);
    if (p[i] <= 0.0) continue;
    last = i;
    reached += p[i];
    if (target < reached) return i;
  }
  return last;
}

}  // namespace pointsman
