#include "engine/policies/squarecb.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace pointsman {

void distribute(const SquareCbOptions& options, std::span<const ArmUtility> arms,
                const PolicyContext& context, std::span<double> out) {
  const double t = static_cast<double>(context.decisions) + 1.0;
  const double gamma = options.gamma0 * std::pow(t, options.exponent);
  double best = arms.front().mean;
  for (const ArmUtility& arm : arms) best = std::max(best, arm.mean);
  const auto k = static_cast<double>(arms.size());
  // The rest is at least 1/k, since no other arm gets more than 1/k.
  double rest = 1.0;
  double ties = 0.0;
  for (std::size_t a = 0; a < arms.size(); ++a) {
    const double gap = best - arms[a].mean;
    // Without a value any gap is infinitely large in units of it.
    out[a] =
        gap == 0.0 || context.value_usd == 0.0 ? 0.0 : 1.0 / (k + gamma * gap / context.value_usd);
    rest -= out[a];
    if (gap == 0.0) ties += 1.0;
  }
  for (std::size_t a = 0; a < arms.size(); ++a) {
    if (arms[a].mean == best) out[a] = rest / ties;
  }
}

}  // namespace pointsman
