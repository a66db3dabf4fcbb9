#include "engine/policies/hybrid_linucb.h"

#include "engine/policies/linucb.h"

namespace pointsman {

void distribute(const HybridLinUcbOptions& options, std::span<const ArmUtility> arms,
                const PolicyContext& context, std::span<double> out) {
  // The means and sigmas are those of the shared posterior already; the rule is LinUCB's.
  distribute(LinUcbOptions{options.alpha}, arms, context, out);
}

}  // namespace pointsman
