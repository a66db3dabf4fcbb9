#include "engine/policies/linucb.h"

#include "engine/policies/share_best.h"

namespace pointsman {

void distribute(const LinUcbOptions& options, std::span<const ArmUtility> arms,
                const PolicyContext&, std::span<double> out) {
  share_best(arms, out,
             [&](const ArmUtility& arm) { return arm.mean + options.alpha * arm.sigma; });
}

}  // namespace pointsman
