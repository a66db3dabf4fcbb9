#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "engine/policies/arm_utility.h"

namespace pointsman {

/// What share_best() gives.
struct BestShare {
  double share = 1.0;  ///< Goes to the arms with the largest score, in equal parts.
  double base = 0.0;   ///< Goes to every arm.
};

/// Writes the distribution of a policy that prefers the arms with the largest `score(arm)`.
template <class Score>
void share_best(std::span<const ArmUtility> arms, std::span<double> out, const Score& score,
                const BestShare& best_share = {}) {
  double best = score(arms.front());
  std::size_t ties = 0;
  for (const ArmUtility& arm : arms) {
    const double value = score(arm);
    if (value > best) {
      best = value;
      ties = 1;
    } else if (value == best) {
      ++ties;
    }
  }
  const double part = best_share.share / static_cast<double>(ties);
  for (std::size_t a = 0; a < arms.size(); ++a) {
    out[a] = best_share.base + (score(arms[a]) == best ? part : 0.0);
  }
}

/// The distribution where V = 0 and quality is worth nothing: the cheapest arms share it.
inline void share_least_cost(std::span<const ArmUtility> arms, std::span<double> out) {
  share_best(arms, out, [](const ArmUtility& arm) { return arm.shift; });
}

/// The same probability for every arm.
inline void share_alike(std::span<double> out) {
  std::fill(out.begin(), out.end(), 1.0 / static_cast<double>(out.size()));
}

}  // namespace pointsman
