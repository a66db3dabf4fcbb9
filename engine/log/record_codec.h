#pragma once

#include <string>
#include <string_view>

#include "engine/log/records.h"
#include "engine/values/result.h"

namespace pointsman {

/// The stored form of a record, little endian:
///
///     record := version(u8 = 1) kind(u8) id(16 bytes) time(i64, ms) fields…
///     string := length(varint) bytes        optional := 0 | 1 value       bool, enum := u8
///     list   := count(varint) item…         variant  := tag(u8) block     f32, f64 := raw bits
///     block  := length(varint) fields…      every nested struct is a block
///
/// Fields stand in a fixed order. A later release may add fields at the end of a record or of a
/// block, and only there: an older reader ignores them, and a newer one gives an absent tail its
/// defaults. Any other change of the form takes a new version byte.
///
/// Equal records have equal bytes: the bits of every number are kept, NaN payloads too.
std::string encode(const Record& record);

/// Error: `corrupt` where the bytes end early, hold a count they cannot, a kind, tag or enumerator
/// that does not exist, or were written by a newer version. Any bytes may be given. Memory stays
/// proportional to the size of `bytes`.
Result<Record> decode(std::string_view bytes);

}  // namespace pointsman
