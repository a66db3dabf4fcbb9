#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "engine/values/bytes.h"
#include "engine/values/values.h"

namespace pointsman {

// How a stored struct becomes bytes and back. A struct is stored by one list of its fields,
//
//     template <class Io> void fields(Io& io, typename Io::template Ref<T> v) { io(v.first); … }
//
// beside the struct's other stored form. The list serves both directions, so that they cannot drift
// apart: `Ref` is a const reference where Io writes. New fields go to the end of the list, as
// `if (io.more()) io(v.field)`. record_codec.h gives the form that these calls write.

/// Writes fields.
class FieldEncoder final {
 public:
  template <class T>
  using Ref = const T&;

  void operator()(bool v) { out_.u8(v ? 1 : 0); }
  void operator()(std::uint32_t v) { out_.varint(v); }
  void operator()(std::uint64_t v) { out_.varint(v); }
  void operator()(std::int64_t v) { out_.i64(v); }
  void operator()(double v) { out_.f64(v); }
  void operator()(Timestamp v) { out_.i64(v.time_since_epoch().count()); }
  template <std::size_t N>
  void operator()(const std::array<std::uint8_t, N>& v) {
    out_.raw({reinterpret_cast<const char*>(v.data()), v.size()});
  }
  void operator()(const std::string& v) { out_.string(v); }
  void operator()(const std::vector<float>& v) { out_.f32s(v); }
  void operator()(const std::vector<double>& v) { out_.f64s(v); }

  template <class T>
  void operator()(const std::vector<T>& v) {
    out_.varint(v.size());
    for (const T& item : v) (*this)(item);
  }

  template <class T>
  void operator()(const std::optional<T>& v) {
    (*this)(v.has_value());
    if (v) (*this)(*v);
  }

  template <class... T>
  void operator()(const std::variant<T...>& v) {
    out_.u8(static_cast<std::uint8_t>(v.index()));
    std::visit([this](const auto& alternative) { (*this)(alternative); }, v);
  }

  template <class T>
  requires std::is_aggregate_v<T>
  void operator()(const T& v) {
    out_.block([&] { fields(*this, v); });
  }

  template <class E>
  void enumerator(E v, E) {
    out_.u8(static_cast<std::uint8_t>(v));
  }

  void require(bool) {}
  bool more() const { return true; }

  ByteWriter& out() { return out_; }

 private:
  ByteWriter out_;
};

/// Reads fields; after bytes that do not fit, in().ok() is false and values are unspecified.
class FieldDecoder final {
 public:
  template <class T>
  using Ref = T&;

  explicit FieldDecoder(ByteReader in) : in_(in) {}

  void operator()(bool& v) {
    const std::uint8_t byte = in_.u8();
    if (byte > 1) in_.fail();
    v = byte == 1;
  }
  void operator()(std::uint32_t& v) {
    const std::uint64_t wide = in_.varint();
    if (wide > UINT32_MAX) in_.fail();
    v = static_cast<std::uint32_t>(wide);
  }
  void operator()(std::uint64_t& v) { v = in_.varint(); }
  void operator()(std::int64_t& v) { v = in_.i64(); }
  void operator()(double& v) { v = in_.f64(); }
  void operator()(Timestamp& v) { v = Timestamp(std::chrono::milliseconds(in_.i64())); }
  template <std::size_t N>
  void operator()(std::array<std::uint8_t, N>& v) {
    const std::string_view bytes = in_.raw(v.size());
    if (in_.ok()) std::memcpy(v.data(), bytes.data(), v.size());
  }
  void operator()(std::string& v) { v = in_.string(); }
  void operator()(std::vector<float>& v) { v = in_.f32s(); }
  void operator()(std::vector<double>& v) { v = in_.f64s(); }

  template <class T>
  void operator()(std::vector<T>& v) {
    // Not reserved: an item in memory can be a hundred times its least encoded size.
    const std::size_t n = in_.count(1);
    v.clear();
    for (std::size_t i = 0; i < n && in_.ok(); ++i) (*this)(v.emplace_back());
  }

  template <class T>
  void operator()(std::optional<T>& v) {
    bool present = false;
    (*this)(present);
    v.reset();
    if (present) (*this)(v.emplace());
  }

  template <class... T>
  void operator()(std::variant<T...>& v) {
    const std::uint8_t tag = in_.u8();
    if (tag >= sizeof...(T)) return in_.fail();
    std::uint8_t index = 0;
    ((index++ == tag ? (*this)(v.template emplace<T>()) : void()), ...);
  }

  template <class T>
  requires std::is_aggregate_v<T>
  void operator()(T& v) {
    FieldDecoder inner(in_.block());
    fields(inner, v);
    if (!inner.in_.ok()) in_.fail();
  }

  template <class E>
  void enumerator(E& v, E last) {
    const std::uint8_t byte = in_.u8();
    if (byte > static_cast<std::uint8_t>(last)) in_.fail();
    if (in_.ok()) v = static_cast<E>(byte);
  }

  void require(bool holds) {
    if (!holds) in_.fail();
  }
  bool more() const { return in_.more(); }

  ByteReader& in() { return in_; }

 private:
  ByteReader in_;
};

}  // namespace pointsman
