#pragma once

#include <cstddef>
#include <string_view>

namespace pointsman {

/// The bytes of the value of member `index` of the object that `json` is, as they stand, without
/// the white space around them. Precondition: `json` has been parsed, is an object, and has more
/// members than `index`. Private to the route parser: simdjson's tree keeps values, not bytes.
std::string_view nth_member_bytes(std::string_view json, std::size_t index);

}  // namespace pointsman
