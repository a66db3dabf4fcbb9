#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace pointsman {

/// Reads a whole number with its unit: "250ms", "90s", "15m", "12h", "30d". Nothing for any other
/// text and for what 64 bits of milliseconds cannot hold.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

/// The inverse, in the largest unit that divides: 90,000 ms is "90s". Precondition: not negative.
std::string duration_text(std::chrono::milliseconds duration);

}  // namespace pointsman
