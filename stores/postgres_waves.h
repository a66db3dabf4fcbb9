#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/store.h"

namespace pointsman {

/// The order in which append_batch() judges a group. What one request may change, another may only
/// read in a later wave; so within a wave all can be judged together. Most groups are one wave, or
/// two where decisions and what is said of them come together; what is plain in a wave is a wave of
/// its own before the rest.
struct PostgresWaves {
  std::vector<std::int32_t> order;  ///< Numbers of the requests, from 1, wave by wave.
  std::vector<std::int32_t> end;    ///< How many of `order` stand up to each wave's end.
  /// 1 for a wave of requests that are all is_plain(): append_batch() has a shorter way for them.
  std::vector<std::int32_t> plain;
};

/// A signal or an outcome's field on a decision, without a key: most requests.
bool is_plain(const AppendRequest& request);

PostgresWaves waves_of(std::span<const AppendRequest> group);

}  // namespace pointsman
