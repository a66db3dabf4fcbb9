#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace pointsman::testing {

/// Deletes the checkpoints of a store that no process has open; returns how many there were.
std::size_t drop_checkpoints(const std::string& store_file);

/// The positions of a router's checkpoints, oldest first, of a store that no process has open.
std::vector<std::int64_t> checkpoint_positions(const std::string& store_file);

}  // namespace pointsman::testing
