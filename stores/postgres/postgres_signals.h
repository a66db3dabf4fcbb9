#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "engine/log/store.h"
#include "stores/postgres/postgres_connection.h"

namespace pointsman {

/// Whether append_signals() of stores/postgres/append.sql takes the group: feedback on decisions
/// and their outcomes, of one tenant, with one slot each and no key, no two of the same slot.
bool are_postgres_signals(std::span<const AppendRequest> group);

/// Appends such a group by that function. `bodies`: the encoded records; one above
/// `max_record_bytes` is not stored.
PostgresAnswer append_postgres_signals(PostgresConnection& connection,
                                       std::span<const AppendRequest> group,
                                       const std::vector<std::string>& bodies,
                                       std::size_t max_record_bytes);

/// What became of each request, from the function's answer.
std::vector<AppendResult> postgres_signal_results(std::span<const AppendRequest> group,
                                                  const pqxx::result& rows);

}  // namespace pointsman
