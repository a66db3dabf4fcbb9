#pragma once

#include <cstdint>
#include <string_view>

namespace pointsman {

/// CRC-32C (Castagnoli; RFC 3720, appendix B.4) of `bytes`. `seed` is the checksum of what stood
/// before, so that crc32c(b, crc32c(a)) == crc32c(ab). Detects damage, not malice. Thread-safe.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0);

}  // namespace pointsman
