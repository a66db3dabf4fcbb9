#pragma once

#include <cstdint>
#include <optional>

#include "engine/log/records.h"

namespace pointsman {

/// What a call cost: as its outcome states it, else its tokens at the arm's prices. Absent where
/// neither is known.
std::optional<double> cost_of(const Outcome& outcome, const ArmSpec& spec);

/// The mean of `n` values that were seen, with a stated value as a few observations. Absent where
/// nothing is known.
std::optional<double> predicted(const std::optional<double>& stated, double sum, std::uint64_t n);

}  // namespace pointsman
