#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "engine/log/records.h"
#include "engine/values/result.h"

namespace pointsman {

/// A record as GET /log, export, evaluate and GET /queries write and read it:
///   {"position","router","id","time","kind", …the record's own fields, named as in records.h…}
/// - `id` is 32 hex digits; times are RFC 3339 with milliseconds, UTC; enumerations are words.
/// - Numbers read back as the same bits; a NaN of `raw` (missing) is null.
/// - Optional fields and empty strings and lists are left out and read back as such.
/// - A decision also shows `arm` and `propensity`, those of arms[chosen], for people.
/// - `metadata` and `payload` are kept as bytes in the log and shown here as the JSON they are: the
///   value reads back, its white space does not. Bytes that are not JSON stand in `metadata_text`
///   or `payload_text`.
/// The tenant is not shown: a log belongs to one.
nlohmann::ordered_json record_to_json(const StoredRecord& record);

/// Reads what record_to_json writes; scope.tenant stays empty. Fields it does not know are
/// ignored, as logs outlive versions. Errors: `invalid` with the JSON pointer of the culprit.
Result<StoredRecord> record_from_json(const nlohmann::json& json);

/// The same of one line of NDJSON.
Result<StoredRecord> record_from_json_line(std::string_view line);

}  // namespace pointsman
