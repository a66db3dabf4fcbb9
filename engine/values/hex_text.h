#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace pointsman {

/// Two lower-case hexadecimal digits a byte, in the order of the bytes.
inline std::string hex_text(std::span<const std::uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xFU];
  }
  return text;
}

}  // namespace pointsman
