#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/log/store.h"

namespace pointsman {

/// The order in which append_batch() judges a group. What one request may change, another may only
/// read in a later wave; so within a wave all can be judged together. Most groups are one wave, or
/// two where decisions and what is said of them come together.
struct PostgresWaves {
  std::vector<std::int32_t> order;  ///< Numbers of the requests, from 1, wave by wave.
  std::vector<std::int32_t> end;    ///< How many of `order` stand up to each wave's end.
};

PostgresWaves waves_of(std::span<const AppendRequest> group);

}  // namespace pointsman
