#include "stores/postgres/postgres_params.h"

#include <bit>
#include <concepts>

namespace pointsman {
namespace {

// Types by the numbers that PostgreSQL gives them for ever (pg_type.dat).
constexpr std::uint32_t kBytea = 17;
constexpr std::uint32_t kBigint = 20;
constexpr std::uint32_t kInteger = 23;
constexpr std::uint32_t kText = 25;
constexpr std::uint32_t kDouble = 701;

template <std::unsigned_integral T>
void put(std::string& out, T value) {
  for (std::size_t shift = 8 * sizeof(T); shift > 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> (shift - 8) & 0xffU));
  }
}

/// One dimension from 1: the form of array_recv() in PostgreSQL's arrayfuncs.c. An empty array has
/// none.
std::string array_header(std::uint32_t type, std::size_t n) {
  std::string out;
  put(out, std::uint32_t{n == 0 ? 0U : 1U});
  put(out, std::uint32_t{1});  // There may be NULLs.
  put(out, type);
  if (n > 0) {
    put(out, static_cast<std::uint32_t>(n));
    put(out, std::uint32_t{1});
  }
  return out;
}

void put_null(std::string& out) { put(out, ~std::uint32_t{0}); }

template <std::unsigned_integral T>
void put_entry(std::string& out, T bits) {
  put(out, static_cast<std::uint32_t>(sizeof(T)));
  put(out, bits);
}

void put_entry(std::string& out, std::string_view bytes) {
  put(out, static_cast<std::uint32_t>(bytes.size()));
  out += bytes;
}

}  // namespace

PostgresParams& PostgresParams::integer(std::int64_t value) {
  std::string out;
  put(out, static_cast<std::uint64_t>(value));
  values_.emplace_back(std::move(out));
  return *this;
}

PostgresParams& PostgresParams::bytes(std::string_view value) {
  values_.emplace_back(std::string(value));
  return *this;
}

PostgresParams& PostgresParams::integers(const std::vector<std::int32_t>& values) {
  std::string out = array_header(kInteger, values.size());
  for (const std::int32_t value : values) put_entry(out, static_cast<std::uint32_t>(value));
  values_.emplace_back(std::move(out));
  return *this;
}

PostgresParams& PostgresParams::longs(const std::vector<std::optional<std::int64_t>>& values) {
  std::string out = array_header(kBigint, values.size());
  for (const auto& value : values) {
    value ? put_entry(out, static_cast<std::uint64_t>(*value)) : put_null(out);
  }
  values_.emplace_back(std::move(out));
  return *this;
}

PostgresParams& PostgresParams::reals(const std::vector<std::optional<double>>& values) {
  std::string out = array_header(kDouble, values.size());
  for (const auto& value : values) {
    value ? put_entry(out, std::bit_cast<std::uint64_t>(*value)) : put_null(out);
  }
  values_.emplace_back(std::move(out));
  return *this;
}

PostgresParams& PostgresParams::blobs(const std::vector<std::optional<std::string_view>>& made) {
  std::string out = array_header(kBytea, made.size());
  for (const auto& value : made) value ? put_entry(out, *value) : put_null(out);
  values_.emplace_back(std::move(out));
  return *this;
}

PostgresParams& PostgresParams::words(const std::vector<std::string_view>& values) {
  std::string out = array_header(kText, values.size());
  for (const std::string_view value : values) put_entry(out, value);
  values_.emplace_back(std::move(out));
  return *this;
}

}  // namespace pointsman
