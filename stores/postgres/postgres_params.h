#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pointsman {

/// The parameters of one statement in PostgreSQL's binary form, in order: bytes stay bytes, and
/// neither side prints or parses a number. Not thread-safe.
class PostgresParams final {
 public:
  PostgresParams& integer(std::int64_t value);    ///< bigint
  PostgresParams& bytes(std::string_view value);  ///< bytea

  /// Arrays, from 1; an absent entry is NULL.
  PostgresParams& integers(const std::vector<std::int32_t>& values);                ///< integer[]
  PostgresParams& longs(const std::vector<std::optional<std::int64_t>>& values);    ///< bigint[]
  PostgresParams& reals(const std::vector<std::optional<double>>& values);          ///< float8[]
  PostgresParams& blobs(const std::vector<std::optional<std::string_view>>& made);  ///< bytea[]
  PostgresParams& words(const std::vector<std::string_view>& values);               ///< text[]

  const std::vector<std::string>& values() const { return values_; }

 private:
  std::vector<std::string> values_;
};

}  // namespace pointsman
