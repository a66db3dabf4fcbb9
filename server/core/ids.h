#pragma once

#include <string>

#include "engine/values/values.h"

namespace pointsman {

/// Unpredictable ids from the system's generator (getrandom), buffered a thread. Any thread.
RecordId random_record_id();

/// "q_" and 26 characters of [0-9a-v]: 48 bits of `now` in milliseconds, then 80 random bits.
/// Nobody guesses another's query_id, and ids made one after the other are filed one after the
/// other, which spares a store's index (a random key touches a page of its own).
std::string make_query_id(Timestamp now);

}  // namespace pointsman
