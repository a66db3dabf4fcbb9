#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "engine/values/result.h"
#include "engine/values/values.h"

namespace pointsman {

/// The canonical bytes of a JSON value: members sorted by their keys' bytes, no white space,
/// strings with the fewest escapes, and one spelling a number. Two bodies that differ only in
/// white space, key order, escapes or the spelling of a number (1, 1.0, 1e0, 10e-1; -0 is 0) have
/// the same canonical bytes. In the manner of RFC 8785, but integers of up to 64 bits stay exact,
/// so that 9007199254740992 and 9007199254740993 differ.
std::string canonical_json(const nlohmann::json& value);

/// The same of a text that parse_json_body accepts; its errors are passed on.
Result<std::string> canonical_json_of_text(std::string_view text);

/// SHA-256 (FIPS 180-4) by OpenSSL. Safe from any thread.
Fingerprint sha256(std::string_view bytes);

/// sha256(canonical_json(value)): what idempotency keys compare.
Fingerprint fingerprint(const nlohmann::json& value);

/// A text would pass as the JSON string that holds it, which nobody means.
std::string canonical_json(std::string_view text) = delete;
Fingerprint fingerprint(std::string_view text) = delete;

}  // namespace pointsman
