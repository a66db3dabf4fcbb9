#pragma once

#include <string>

#include "engine/values/values.h"

namespace pointsman {

/// 64 lower-case hexadecimal digits.
inline std::string hex_text(const Fingerprint& print) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : print) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace pointsman
