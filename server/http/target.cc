#include "server/http/target.h"

#include <algorithm>
#include <utility>

namespace pointsman::http {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

enum class Plus { literal, space };

Result<std::string> decode(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) return invalid("target", "A '%' needs two hex digits after it.");
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus == Plus::space) {
      c = ' ';
    }
    if (c == '\0') return invalid("target", "The target must not hold a NUL.");
    out += c;
  }
  return out;
}

Result<std::vector<QueryParameter>> parse_query(std::string_view text) {
  std::vector<QueryParameter> query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    Result<std::string> name = decode(pair.substr(0, equals), Plus::space);
    if (!name) return name.error();
    Result<std::string> value =
        decode(equals == pair.npos ? std::string_view() : pair.substr(equals + 1), Plus::space);
    if (!value) return value.error();
    query.push_back({.name = std::move(*name), .value = std::move(*value)});
  }
  return query;
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

Result<std::string> percent_decode(std::string_view text) { return decode(text, Plus::literal); }

Result<Target> parse_target(std::string_view target) {
  const bool printable =
      std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (!printable) return invalid("target", "The target must be printable ASCII.");
  if (target == "*") return Target{.path = "*", .query = {}};
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equal_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(scheme.size());
    target.remove_prefix(std::min(target.size(), target.find_first_of("/?")));
    if (target.empty()) return Target{.path = "/", .query = {}};
    if (target.front() == '?') return invalid("target", "The target needs a path.");
    break;
  }
  if (target.empty() || target.front() != '/') {
    return invalid("target", "The target must begin with '/'.");
  }
  target = target.substr(0, target.find('#'));
  const std::size_t mark = target.find('?');
  Target parsed{.path = std::string(target.substr(0, mark)), .query = {}};
  if (parsed.path.find('%') != std::string::npos) {
    Result<std::string> decoded = percent_decode(parsed.path);
    if (!decoded) return decoded.error();
  }
  if (mark != target.npos) {
    Result<std::vector<QueryParameter>> query = parse_query(target.substr(mark + 1));
    if (!query) return query.error();
    parsed.query = std::move(*query);
  }
  return parsed;
}

}  // namespace pointsman::http
