#include "adapters/api/route_request_scan.h"

namespace pointsman {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

// Past the string whose opening quote is at `i`.
std::size_t past_string(std::string_view json, std::size_t i) {
  for (++i; i < json.size() && json[i] != '"'; ++i) {
    if (json[i] == '\\') ++i;
  }
  return i + 1;
}

// Past the value that starts at `i`.
std::size_t past_value(std::string_view json, std::size_t i) {
  std::size_t depth = 0;
  while (i < json.size()) {
    const char c = json[i];
    if (c == '"') {
      i = past_string(json, i);
      if (depth == 0) return i;
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') {
      if (depth == 0) return i;  // A number or a word that ends its object.
      if (--depth == 0) return i + 1;
    }
    if (depth == 0 && (c == ',' || kBlanks.find(c) != std::string_view::npos)) return i;
    ++i;
  }
  return json.size();
}

}  // namespace

std::string_view nth_member_bytes(std::string_view json, std::size_t index) {
  std::size_t i = json.find('{') + 1;
  for (;; --index) {
    i = past_string(json, json.find('"', i));
    i = json.find_first_not_of(kBlanks, json.find(':', i) + 1);
    const std::size_t end = past_value(json, i);
    if (index == 0) return json.substr(i, end - i);
    i = json.find(',', end) + 1;
  }
}

}  // namespace pointsman
