#include "engine/policies/uniform.h"

#include "engine/policies/share_best.h"

namespace pointsman {

void distribute(const UniformOptions&, std::span<const ArmUtility>, const PolicyContext&,
                std::span<double> out) {
  share_alike(out);
}

}  // namespace pointsman
