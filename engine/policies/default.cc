#include "engine/policies/default.h"

#include "engine/policies/linucb.h"

namespace pointsman {

void distribute(const DefaultOptions& options, std::span<const ArmUtility> arms,
                const PolicyContext& context, std::span<double> out) {
  distribute(LinUcbOptions{options.alpha}, arms, context, out);
}

}  // namespace pointsman
