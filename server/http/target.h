#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/values/result.h"
#include "server/http/message.h"

namespace pointsman::http {

/// ASCII letters compare without case; other bytes compare as they are.
bool equal_ignoring_case(std::string_view a, std::string_view b);

/// Undoes percent-encoding (RFC 3986 2.1). Errors: `invalid` for a '%' without two hex digits and
/// for an escape or a byte that is NUL.
Result<std::string> percent_decode(std::string_view text);

/// A request target taken apart.
struct Target {
  std::string path;  ///< Percent-encoded still; see Request::path.
  std::vector<QueryParameter> query;
};

/// Parses origin form ("/path?query"), absolute form ("http://host/path?query") and "*" (RFC 9112
/// 3.2). In the query '+' is a space; `name` without '=' has the empty value. Errors: `invalid` for
/// any other form, a malformed escape, a NUL, or bytes outside printable ASCII.
Result<Target> parse_target(std::string_view target);

}  // namespace pointsman::http
