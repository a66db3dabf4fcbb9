#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/values/number_range.h"
#include "engine/values/result.h"

namespace pointsman {

/// How the errors of this folder tell "not JSON" from "JSON that breaks the schema":
/// both are ErrorCode::invalid; `field` is empty for bytes that are not JSON (HTTP 400) and the
/// JSON pointer of the culprit for a broken schema (HTTP 422). A fault of the body as a whole
/// (it is not an object) has the field kWholeBody, because the pointer of the root is empty.
inline constexpr std::string_view kWholeBody = "/";

/// True for an error of bytes that are not JSON at all: answer 400, not 422.
bool is_malformed_json(const Error& error);

/// An error for bytes that are not JSON.
Error malformed_json(std::string message);

/// Deepest nesting of objects and arrays that a body may have; deeper is 422.
inline constexpr std::size_t kMaxJsonDepth = 64;

/// Parses one JSON text (RFC 8259), stricter than the RFC where it leaves a choice:
/// - an object with the same key twice is 422 at that key, as readers disagree on which one counts;
/// - a number beyond double's range (1e999) is 422 at its pointer; a bare NaN or Infinity is 400;
/// - invalid UTF-8, a lone surrogate escape and a byte order mark are 400;
/// - nesting beyond kMaxJsonDepth is 422.
/// Cost is linear in the bytes. Safe from any thread.
Result<nlohmann::json> parse_json_body(std::string_view body);

/// Reads one object field by field and remembers the first fault, so that a service reads all its
/// fields in a row and asks once:
///
///   ObjectReader reader(body, {});
///   const std::string id = reader.require_id("query_id");
///   const auto cost = reader.optional_number("cost_usd", {.min = 0.0});
///   if (Status ok = reader.finish(); !ok) return ok.error();
///
/// A field of the wrong type, a null, a value out of range, an absent required field and, at
/// finish(), any field nobody asked for are ErrorCode::invalid with the JSON pointer in `field`.
/// After a fault the readers return empty values. The object must outlive the reader.
class ObjectReader final {
 public:
  /// Where `object` lies in the body.
  struct At {
    std::string pointer;  ///< Of `object`; empty: the whole body.
  };

  ObjectReader(const nlohmann::json& object, At at);

  std::string require_string(std::string_view key);
  std::optional<std::string> optional_string(std::string_view key);
  /// An identifier: 1 to 200 bytes, no control characters.
  std::string require_id(std::string_view key);
  std::optional<std::string> optional_id(std::string_view key);
  double require_number(std::string_view key, const NumberRange& range);
  std::optional<double> optional_number(std::string_view key, const NumberRange& range);
  std::uint64_t require_count(std::string_view key);
  std::optional<std::uint64_t> optional_count(std::string_view key);
  bool require_bool(std::string_view key);
  std::optional<bool> optional_bool(std::string_view key);
  /// An index into `words`; any other string is a fault that lists them.
  std::size_t require_word(std::string_view key, std::span<const std::string_view> words);
  std::optional<std::size_t> optional_word(std::string_view key,
                                           std::span<const std::string_view> words);
  /// The field as it is, or null. The pointers live as long as the object.
  const nlohmann::json* require_value(std::string_view key);
  const nlohmann::json* optional_value(std::string_view key);
  const nlohmann::json* require_object(std::string_view key);
  const nlohmann::json* require_array(std::string_view key);

  /// Notes a fault of field `key`, unless one is noted already.
  void fail(std::string_view key, std::string message);
  /// The JSON pointer of field `key`.
  std::string pointer_to(std::string_view key) const;
  bool ok() const { return !error_.has_value(); }

  /// The first fault; else a fault for a field that was never asked for; else Done.
  Status finish();
  /// The first fault alone: fields nobody asked for are accepted.
  Status finish_open() const;

 private:
  const nlohmann::json* find(std::string_view key);
  const nlohmann::json* require(std::string_view key);

  const nlohmann::json& object_;
  std::string pointer_;
  std::vector<std::string_view> asked_;
  std::optional<Error> error_;
};

/// A JSON pointer's token, escaped (RFC 6901, section 3) and with its leading slash.
std::string pointer_token(std::string_view key);

/// An id is 1 to 200 bytes of UTF-8 without control characters.
/// Returns the fault as a sentence, or an empty view where the id is sound.
std::string_view id_fault(std::string_view id);

}  // namespace pointsman
