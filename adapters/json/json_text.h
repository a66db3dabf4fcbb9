#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pointsman {

/// Writers of JSON tokens that append to `out`; the hot answers and the canonical form use them.
/// Safe from any thread.

/// A quoted string. Quote, backslash and control characters below U+0020 are escaped; each byte
/// that is not part of valid UTF-8 becomes U+FFFD.
void append_json_string(std::string_view text, std::string& out);

/// The shortest decimal that reads back as the same double; null where it is not finite.
void append_json_number(double value, std::string& out);

void append_json_integer(std::int64_t value, std::string& out);
void append_json_integer(std::uint64_t value, std::string& out);

}  // namespace pointsman
