#include "engine/policies/policy.h"

#include <cassert>
#include <variant>

namespace pointsman {

void propensities(const PolicyOptions& policy, std::span<const ArmUtility> arms,
                  const PolicyContext& context, std::span<double> out) {
  assert(!arms.empty() && arms.size() == out.size() && context.value_usd >= 0.0);
  std::visit([&](const auto& options) { distribute(options, arms, context, out); }, policy);
}

}  // namespace pointsman
