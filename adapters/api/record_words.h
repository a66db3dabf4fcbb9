#pragma once

#include <array>
#include <string_view>

#include "engine/log/records.h"

namespace pointsman {

/// The words of record_json.h for an enumeration of the engine, indexed by its value.
inline constexpr std::array<std::string_view, 3> kModeWords{"live", "shadow", "frozen"};

}  // namespace pointsman
