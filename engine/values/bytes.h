#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pointsman {

static_assert(std::endian::native == std::endian::little,
              "The stored formats are little endian and are written as the machine holds them.");

/// Builds a little-endian byte string. Numbers are written by their bits, so a NaN keeps its
/// payload. Not thread-safe.
class ByteWriter final {
 public:
  void u8(std::uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  void u32(std::uint32_t value) { fixed(value); }
  void u64(std::uint64_t value) { fixed(value); }
  void i64(std::int64_t value) { fixed(value); }
  void f32(float value) { fixed(value); }
  void f64(double value) { fixed(value); }

  /// LEB128: seven bits a byte, lowest first; 1 byte below 128, 10 bytes at most.
  void varint(std::uint64_t value) {
    char encoded[kMaxVarint];
    bytes_.append(encoded, put_varint(value, encoded));
  }

  /// The bytes alone: the reader must know how many there are.
  void raw(std::string_view bytes) { bytes_.append(bytes); }

  /// A varint length, then the bytes.
  void string(std::string_view bytes) {
    varint(bytes.size());
    raw(bytes);
  }

  /// A varint count, then the numbers' bits.
  void f32s(std::span<const float> values) { numbers(values); }
  void f64s(std::span<const double> values) { numbers(values); }

  /// Whatever `write` appends to this writer, with its length in front. A reader skips what it
  /// does not know at a block's end, so a block is what may grow later.
  template <class Write>
  void block(Write&& write) {
    const std::size_t start = bytes_.size();
    std::forward<Write>(write)();
    char encoded[kMaxVarint];
    const std::size_t n = put_varint(bytes_.size() - start, encoded);
    bytes_.insert(start, encoded, n);
  }

  std::size_t size() const { return bytes_.size(); }
  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::exchange(bytes_, {}); }

 private:
  static constexpr std::size_t kMaxVarint = 10;

  static std::size_t put_varint(std::uint64_t value, char* out) {
    std::size_t n = 0;
    for (; value >= 0x80; value >>= 7) out[n++] = static_cast<char>((value & 0x7f) | 0x80);
    out[n++] = static_cast<char>(value);
    return n;
  }

  template <class T>
  void fixed(T value) {
    char encoded[sizeof(T)];
    std::memcpy(encoded, &value, sizeof(T));
    bytes_.append(encoded, sizeof(T));
  }

  template <class T>
  void numbers(std::span<const T> values) {
    varint(values.size());
    if (!values.empty()) {
      bytes_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    }
  }

  std::string bytes_;
};

/// Reads what ByteWriter wrote, and never trusts it: a read past the end, a varint that overflows
/// or a count that the remaining bytes cannot hold makes the reader fail. Failure stays: every
/// later read gives zero or nothing, so a caller may read all its fields and ask ok() once.
/// Borrows the bytes. Not thread-safe.
class ByteReader final {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  std::uint8_t u8() { return fixed<std::uint8_t>(); }
  std::uint32_t u32() { return fixed<std::uint32_t>(); }
  std::uint64_t u64() { return fixed<std::uint64_t>(); }
  std::int64_t i64() { return fixed<std::int64_t>(); }
  float f32() { return fixed<float>(); }
  double f64() { return fixed<double>(); }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint64_t byte = u8();
      if (!ok_) return 0;
      const std::uint64_t bits = byte & 0x7f;
      if (shift == 63 && bits > 1) break;
      value |= bits << shift;
      if (byte < 0x80) return value;
    }
    fail();
    return 0;
  }

  /// A varint count of things that take at least `bytes_each` bytes each. A count that the
  /// remaining bytes cannot hold fails, so it may be given to reserve().
  std::size_t count(std::size_t bytes_each) {
    const std::uint64_t n = varint();
    if (n > bytes_.size() / bytes_each) fail();
    return ok_ ? static_cast<std::size_t>(n) : 0;
  }

  std::string_view raw(std::size_t size) {
    if (size > bytes_.size()) fail();
    if (!ok_) return {};
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }

  std::string_view string() { return raw(count(1)); }
  std::vector<float> f32s() { return numbers<float>(); }
  std::vector<double> f64s() { return numbers<double>(); }

  /// A reader over the next block alone; it has failed where this one has.
  ByteReader block() {
    ByteReader inner(string());
    if (!ok_) inner.fail();
    return inner;
  }

  /// For a field that a later version added at a block's end: false where this block, written by
  /// an earlier one, stops before it, and the field keeps its default.
  bool more() const { return ok_ && !bytes_.empty(); }

  std::size_t remaining() const { return bytes_.size(); }
  bool ok() const { return ok_; }

  /// For a value that was read but has no meaning.
  void fail() {
    ok_ = false;
    bytes_ = {};
  }

 private:
  template <class T>
  T fixed() {
    const std::string_view taken = raw(sizeof(T));
    T value{};
    if (ok_) std::memcpy(&value, taken.data(), sizeof(T));
    return value;
  }

  template <class T>
  std::vector<T> numbers() {
    std::vector<T> values(count(sizeof(T)));
    const std::string_view taken = raw(values.size() * sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), taken.data(), taken.size());
    return values;
  }

  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace pointsman
