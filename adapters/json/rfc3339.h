#pragma once

#include <string>
#include <string_view>

#include "engine/values/result.h"
#include "engine/values/values.h"

namespace pointsman {

/// A time as RFC 3339 writes it, always UTC and always with three decimals:
/// "2026-11-21T10:02:03.004Z". Times outside the years 0000 to 9999, which the RFC cannot write,
/// become the nearest time that it can.
std::string format_rfc3339(Timestamp time);

/// The same, appended.
void append_rfc3339(Timestamp time, std::string& out);

/// Reads "2026-11-21T10:02:03[.fraction](Z|±hh:mm)", `T` and `Z` in either case or a space for the
/// `T`. Digits below the millisecond are cut. A leap second (:60) reads as the next second's start.
/// Errors: `invalid` with an empty field, which the caller fills in.
Result<Timestamp> parse_rfc3339(std::string_view text);

}  // namespace pointsman
