#include "engine/policies/fixed.h"

#include <algorithm>
#include <cstddef>

#include "engine/policies/share_best.h"

namespace pointsman {

void distribute(const FixedOptions& options, std::span<const ArmUtility> arms, const PolicyContext&,
                std::span<double> out) {
  const auto found = std::find_if(arms.begin(), arms.end(),
                                  [&](const ArmUtility& arm) { return arm.arm == options.arm; });
  if (found == arms.end()) return share_alike(out);
  std::fill(out.begin(), out.end(), 0.0);
  out[static_cast<std::size_t>(found - arms.begin())] = 1.0;
}

}  // namespace pointsman
