#include "engine/values/crc32c.h"

#include <array>
#include <cstddef>

namespace pointsman {
namespace {

constexpr std::uint32_t kReflectedPolynomial = 0x82f63b78U;
constexpr std::size_t kSlices = 8;

using SliceTables = std::array<std::array<std::uint32_t, 256>, kSlices>;

/// tables[k][b]: what byte b does to the checksum when k more bytes follow it.
constexpr SliceTables make_tables() {
  SliceTables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1U) != 0U ? kReflectedPolynomial : 0U);
    }
    tables[0][byte] = crc;
  }
  for (std::size_t slice = 1; slice < kSlices; ++slice) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const std::uint32_t before = tables[slice - 1][byte];
      tables[slice][byte] = (before >> 8) ^ tables[0][before & 0xffU];
    }
  }
  return tables;
}

constexpr SliceTables kTables = make_tables();

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed) {
  std::uint32_t crc = ~seed;
  const auto byte_at = [&bytes](std::size_t index) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[index]));
  };
  std::size_t i = 0;
  // Eight bytes a step: the tables of one step do not wait for each other.
  for (; i + kSlices <= bytes.size(); i += kSlices) {
    crc ^= byte_at(i) | byte_at(i + 1) << 8 | byte_at(i + 2) << 16 | byte_at(i + 3) << 24;
    crc = kTables[7][crc & 0xffU] ^ kTables[6][(crc >> 8) & 0xffU] ^
          kTables[5][(crc >> 16) & 0xffU] ^ kTables[4][crc >> 24] ^ kTables[3][byte_at(i + 4)] ^
          kTables[2][byte_at(i + 5)] ^ kTables[1][byte_at(i + 6)] ^ kTables[0][byte_at(i + 7)];
  }
  for (; i < bytes.size(); ++i) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ byte_at(i)) & 0xffU];
  }
  return ~crc;
}

}  // namespace pointsman
