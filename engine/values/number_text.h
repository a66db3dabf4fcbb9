#pragma once

#include <array>
#include <charconv>
#include <string>

namespace pointsman {

/// The shortest spelling that reads back as the same bits. Precondition: finite.
inline std::string number_text(double value) {
  std::array<char, 32> room;
  const auto result = std::to_chars(room.data(), room.data() + room.size(), value);
  return std::string(room.data(), result.ptr);
}

}  // namespace pointsman
