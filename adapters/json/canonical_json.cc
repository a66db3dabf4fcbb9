#include "adapters/json/canonical_json.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "adapters/json/canonical_tree.h"
#include "adapters/json/json_body.h"
#include "adapters/json/json_text.h"

namespace pointsman {
namespace {

namespace dom = simdjson::dom;

void append_canonical_number(double value, std::string& out) {
  constexpr double kTwoTo63 = 9223372036854775808.0;
  if (value == std::floor(value) && value >= -kTwoTo63 && value < kTwoTo63) {
    append_json_integer(static_cast<std::int64_t>(value), out);
  } else if (value == std::floor(value) && value >= kTwoTo63 && value < 2.0 * kTwoTo63) {
    append_json_integer(static_cast<std::uint64_t>(value), out);
  } else {
    append_json_number(value, out);
  }
}

void append_value(const nlohmann::json& value, std::string& out) {
  using Type = nlohmann::json::value_t;
  switch (value.type()) {
    case Type::object: {
      // nlohmann's default object is a std::map, so its members come sorted by bytes.
      out += '{';
      const char* separator = "";
      for (const auto& [key, member] : value.items()) {
        out += std::exchange(separator, ",");
        append_json_string(key, out);
        out += ':';
        append_value(member, out);
      }
      out += '}';
      return;
    }
    case Type::array: {
      out += '[';
      const char* separator = "";
      for (const nlohmann::json& item : value) {
        out += std::exchange(separator, ",");
        append_value(item, out);
      }
      out += ']';
      return;
    }
    case Type::string:
      return append_json_string(value.get_ref<const std::string&>(), out);
    case Type::boolean:
      out += value.get<bool>() ? "true" : "false";
      return;
    case Type::number_integer:
      return append_json_integer(value.get<std::int64_t>(), out);
    case Type::number_unsigned:
      return append_json_integer(value.get<std::uint64_t>(), out);
    case Type::number_float:
      return append_canonical_number(value.get<double>(), out);
    case Type::null:
    case Type::binary:
    case Type::discarded:
      out += "null";
  }
}

void append_object(dom::object object, std::string& out) {
  std::vector<dom::key_value_pair> members;
  members.reserve(object.size());
  for (const dom::key_value_pair member : object) members.push_back(member);
  std::stable_sort(members.begin(), members.end(),
                   [](const auto& a, const auto& b) { return a.key < b.key; });
  out += '{';
  const char* separator = "";
  for (const dom::key_value_pair& member : members) {
    out += std::exchange(separator, ",");
    append_json_string(member.key, out);
    out += ':';
    append_canonical(member.value, out);
  }
  out += '}';
}

void append_array(dom::array array, std::string& out) {
  out += '[';
  const char* separator = "";
  for (const dom::element item : array) {
    out += std::exchange(separator, ",");
    append_canonical(item, out);
  }
  out += ']';
}

}  // namespace

void append_canonical(dom::element element, std::string& out) {
  // The type has been looked at, so the unchecked getters cannot fail.
  switch (element.type()) {
    case dom::element_type::OBJECT:
      return append_object(element.get_object().value_unsafe(), out);
    case dom::element_type::ARRAY:
      return append_array(element.get_array().value_unsafe(), out);
    case dom::element_type::STRING:
      return append_json_string(element.get_string().value_unsafe(), out);
    case dom::element_type::BOOL:
      out += element.get_bool().value_unsafe() ? "true" : "false";
      return;
    case dom::element_type::INT64:
      return append_json_integer(element.get_int64().value_unsafe(), out);
    case dom::element_type::UINT64:
      return append_json_integer(element.get_uint64().value_unsafe(), out);
    case dom::element_type::DOUBLE:
      return append_canonical_number(element.get_double().value_unsafe(), out);
    case dom::element_type::NULL_VALUE:
      out += "null";
  }
}

std::string canonical_json(const nlohmann::json& value) {
  std::string out;
  append_value(value, out);
  return out;
}

Result<std::string> canonical_json_of_text(std::string_view text) {
  Result<nlohmann::json> value = parse_json_body(text);
  if (!value) return value.error();
  return canonical_json(*value);
}

Fingerprint sha256(std::string_view bytes) {
  Fingerprint digest{};
  unsigned int length = 0;
  const int done =
      EVP_Digest(bytes.data(), bytes.size(), digest.data(), &length, EVP_sha256(), nullptr);
  assert(done == 1 && length == digest.size());
  static_cast<void>(done);
  return digest;
}

Fingerprint fingerprint(const nlohmann::json& value) { return sha256(canonical_json(value)); }

}  // namespace pointsman
