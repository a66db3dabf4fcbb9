#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pointsman {

/// Counter-based random numbers that are a pure function of (seed, key, how many were drawn): a
/// decision that is replayed draws what it drew. The numbers are stable for ever, on every
/// machine: logs depend on them, and test vectors guard them. Not for secrets.
///
/// The key is hashed eight bytes at a time into two 64-bit words (k₀, k₁), its length included;
/// number n = 1, 2, … is mix(mix(k₀ + n·φ) ⊕ k₁), where mix is a bijective finaliser of
/// SplitMix64 (Steele, Lea & Flood 2014, variant 13 of Stafford) and φ is 2⁶⁴ over the golden
/// ratio.
///
/// Thread-safety: a value; copies continue independently.
class KeyedRandom final {
 public:
  KeyedRandom(std::uint64_t seed, std::string_view key) {
    const std::uint64_t start = mix(seed + kGolden);
    k0_ = start;
    k1_ = mix(start ^ kSecondStream);
    for (std::size_t at = 0; at < key.size(); at += 8) {
      const std::uint64_t word = little_endian_word(key.substr(at, 8));
      k0_ = mix(k0_ ^ word) + kGolden;
      k1_ = mix(k1_ + word) ^ kSecondStream;
    }
    const auto length = static_cast<std::uint64_t>(key.size());
    k0_ = mix(k0_ ^ length);
    k1_ = mix(k1_ + length);
  }

  std::uint64_t next_u64() {
    k0_ += kGolden;
    return mix(mix(k0_) ^ k1_);
  }

  /// Uniform on [0, 1), a multiple of 2⁻⁵³.
  double next_unit() { return static_cast<double>(next_u64() >> 11U) * 0x1.0p-53; }

 private:
  static constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;
  static constexpr std::uint64_t kSecondStream = 0xd1b54a32d192ed03ULL;

  static constexpr std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31U);
  }

  /// Assembled by shifts, so that the byte order of the machine has no say.
  static std::uint64_t little_endian_word(std::string_view bytes) {
    std::uint64_t word = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) {
      word = (word << 8U) | static_cast<unsigned char>(bytes[i]);
    }
    return word;
  }

  std::uint64_t k0_ = 0;  ///< The counter is added to it in place.
  std::uint64_t k1_ = 0;
};

}  // namespace pointsman
