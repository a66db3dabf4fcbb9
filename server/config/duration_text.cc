#include "server/config/duration_text.h"

#include <array>
#include <cassert>
#include <charconv>
#include <cstdint>
#include <limits>

namespace pointsman {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};

/// The largest first.
constexpr std::array<Unit, 5> kUnits = {{
    {"d", 24 * 3'600'000LL},
    {"h", 3'600'000},
    {"m", 60'000},
    {"s", 1'000},
    {"ms", 1},
}};

}  // namespace

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  std::int64_t count = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, count);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view name(end, static_cast<std::size_t>(last - end));
  for (const Unit& unit : kUnits) {
    if (name != unit.name) continue;
    if (count > std::numeric_limits<std::int64_t>::max() / unit.milliseconds) return std::nullopt;
    return std::chrono::milliseconds(count * unit.milliseconds);
  }
  return std::nullopt;
}

std::string duration_text(std::chrono::milliseconds duration) {
  const std::int64_t count = duration.count();
  assert(count >= 0);
  if (count == 0) return "0s";
  for (const Unit& unit : kUnits) {
    if (count % unit.milliseconds == 0) {
      return std::to_string(count / unit.milliseconds).append(unit.name);
    }
  }
  return std::to_string(count) + "ms";
}

}  // namespace pointsman
