#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "engine/posterior/linear_posterior.h"

namespace pointsman {

/// Everything that a posterior goes on from, to the bit.
inline std::vector<std::uint64_t> bits_of(const LinearPosterior& posterior) {
  const LinearPosterior::State state = posterior.state();
  std::vector<std::uint64_t> bits;
  for (const auto* numbers :
       {&state.a, &state.p.matrix, &state.p.directions, &state.p.shrinks, &state.b, &state.theta}) {
    for (const double number : *numbers) bits.push_back(std::bit_cast<std::uint64_t>(number));
  }
  bits.push_back(state.steps);
  return bits;
}

}  // namespace pointsman
