#pragma once

#include <string>

#include "engine/values.h"

namespace pointsman {

/// Unpredictable ids from the system's generator (getrandom), buffered a thread. Any thread.
RecordId random_record_id();

/// "q_" and 26 characters of [0-9a-z] from 128 random bits: nobody guesses another's query_id.
std::string random_query_id();

}  // namespace pointsman
