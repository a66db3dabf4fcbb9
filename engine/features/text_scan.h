#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace pointsman {

/// The tokeniser under the text counters and the text model: words, numbers, symbols and white
/// space of a UTF-8 text, in order, each with a 64-bit hash. One pass, no allocation, any bytes.
///
/// A word is a run of ASCII letters and two-byte letters (U+00C0 to U+07FF: Latin, Greek, Cyrillic,
/// Hebrew, Arabic); a number is a run of ASCII digits; every other character, a CJK one too, is a
/// symbol of its own, and so is each byte that is not UTF-8. Only ASCII letters lose their case.
/// A stored TextModel knows its terms by these hashes: changing one is a new format version.

namespace scan_detail {

enum class ByteKind : std::uint8_t { space, letter, digit, symbol, letter2, symbol2, lead3, lead4 };

constexpr std::array<ByteKind, 256> make_byte_kinds() {
  std::array<ByteKind, 256> kinds{};
  for (std::size_t b = 0; b < 256; ++b) {
    ByteKind kind = ByteKind::symbol;
    if (b <= 0x20 || b == 0x7f) kind = ByteKind::space;
    if ((b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z')) kind = ByteKind::letter;
    if (b >= '0' && b <= '9') kind = ByteKind::digit;
    if (b == 0xc2) kind = ByteKind::symbol2;
    if (b >= 0xc3 && b <= 0xdf) kind = ByteKind::letter2;
    if (b >= 0xe0 && b <= 0xef) kind = ByteKind::lead3;
    if (b >= 0xf0 && b <= 0xf4) kind = ByteKind::lead4;
    kinds[b] = kind;
  }
  return kinds;
}

inline constexpr std::array<ByteKind, 256> kByteKinds = make_byte_kinds();

constexpr bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

}  // namespace scan_detail

/// FNV-1a step and a finishing mix (that of SplitMix64), so that every bit of the hash is usable.
inline constexpr std::uint64_t kTokenHashStart = 0xcbf29ce484222325ULL;

constexpr std::uint64_t token_hash_step(std::uint64_t hash, char c) {
  return (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
}

constexpr std::uint64_t token_hash_finish(std::uint64_t hash) {
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
  return hash ^ (hash >> 31);
}

/// Hash of a token spelt in lower case.
constexpr std::uint64_t token_hash(std::string_view token) {
  std::uint64_t hash = kTokenHashStart;
  for (const char c : token) hash = token_hash_step(hash, c);
  return token_hash_finish(hash);
}

/// Hash of two words in a row.
constexpr std::uint64_t token_pair_hash(std::uint64_t first, std::uint64_t second) {
  return token_hash_finish(first * 0x9e3779b97f4a7c15ULL + second);
}

struct Token {
  std::uint64_t hash = 0;
  std::size_t begin = 0;  ///< Byte offsets into the text.
  std::size_t end = 0;
  std::uint32_t characters = 0;  ///< Code points.
  std::uint32_t capitals = 0;    ///< ASCII capitals; words only.
};

/// Calls visitor.word(Token), .number(Token), .symbol(Token) and .space(char) in the text's order.
template <class Visitor>
void scan_text(std::string_view text, Visitor& visitor) {
  using scan_detail::ByteKind;
  using scan_detail::is_continuation;
  const std::size_t size = text.size();
  const auto kind_at = [&](std::size_t at) {
    return scan_detail::kByteKinds[static_cast<unsigned char>(text[at])];
  };
  std::size_t i = 0;
  while (i < size) {
    const ByteKind kind = kind_at(i);
    if (kind == ByteKind::space) {
      visitor.space(text[i++]);
      continue;
    }
    Token token;
    token.begin = i;
    std::uint64_t hash = kTokenHashStart;
    if (kind == ByteKind::letter || kind == ByteKind::letter2) {
      for (; i < size; ++i) {
        const ByteKind next = kind_at(i);
        if (next == ByteKind::letter) {
          token.capitals += (text[i] & 0x20) == 0 ? 1U : 0U;
          hash = token_hash_step(hash, static_cast<char>(text[i] | 0x20));
        } else if (next == ByteKind::letter2 && i + 1 < size && is_continuation(text[i + 1])) {
          hash = token_hash_step(token_hash_step(hash, text[i]), text[i + 1]);
          ++i;
        } else {
          break;
        }
        ++token.characters;
      }
      if (token.characters > 0) {
        token.end = i;
        token.hash = token_hash_finish(hash);
        visitor.word(token);
        continue;
      }
      // A lead byte without its second: falls through to a symbol of one byte.
    } else if (kind == ByteKind::digit) {
      for (; i < size && kind_at(i) == ByteKind::digit; ++i) hash = token_hash_step(hash, text[i]);
      token.end = i;
      token.characters = static_cast<std::uint32_t>(token.end - token.begin);
      token.hash = token_hash_finish(hash);
      visitor.number(token);
      continue;
    }
    std::size_t length = 1;
    if (kind == ByteKind::symbol2) length = 2;
    if (kind == ByteKind::lead3) length = 3;
    if (kind == ByteKind::lead4) length = 4;
    for (std::size_t k = 1; k < length; ++k) {
      if (i + k >= size || !is_continuation(text[i + k])) length = 1;
    }
    for (std::size_t k = 0; k < length; ++k) hash = token_hash_step(hash, text[i + k]);
    i += length;
    token.end = i;
    token.characters = 1;
    token.hash = token_hash_finish(hash);
    visitor.symbol(token);
  }
}

}  // namespace pointsman
