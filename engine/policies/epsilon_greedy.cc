#include "engine/policies/epsilon_greedy.h"

#include "engine/policies/share_best.h"

namespace pointsman {

void distribute(const EpsilonGreedyOptions& options, std::span<const ArmUtility> arms,
                const PolicyContext&, std::span<double> out) {
  share_best(
      arms, out, [](const ArmUtility& arm) { return arm.mean; },
      {.share = 1.0 - options.epsilon, .base = options.epsilon / static_cast<double>(arms.size())});
}

}  // namespace pointsman
