#include "engine/policies/lints.h"

#include <array>
#include <cstddef>
#include <vector>

#include "engine/policies/thompson.h"

namespace pointsman {

void distribute(const LinTsOptions& options, std::span<const ArmUtility> arms, const PolicyContext&,
                std::span<double> out) {
  // Room for k means and k sigmas, on the stack for k ≤ 64.
  constexpr std::size_t kStackArms = 64;
  std::array<double, 2 * kStackArms> stack;
  std::vector<double> heap;
  const std::size_t k = arms.size();
  std::span<double> room(stack);
  if (k > kStackArms) {
    heap.resize(2 * k);
    room = heap;
  }
  const std::span<double> mean = room.first(k);
  const std::span<double> sigma = room.subspan(k, k);
  for (std::size_t a = 0; a < k; ++a) {
    mean[a] = arms[a].mean;
    sigma[a] = options.alpha * arms[a].sigma;
  }
  thompson_propensities(mean, sigma, out);
}

}  // namespace pointsman
