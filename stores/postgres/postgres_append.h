#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/log/store.h"
#include "stores/postgres/postgres_connection.h"

namespace pointsman {

/// Of a record that is `failed` for its size.
constexpr const char* kTooLargeForPostgres = "The record is larger than max_record_bytes.";

/// How far a group came.
struct PostgresGroupOutcome {
  PostgresFault fault = PostgresFault::none;
  bool committing = false;  ///< Lost while it may have been committing: it may be durable or not.
  Error error;
  std::vector<AppendResult> results;
};

struct PostgresAppendOptions {
  std::size_t max_record_bytes = 0;
  bool forget_expired_keys = false;  ///< Deletes some, as of the group's earliest time.
};

/// Appends the group in one round trip: append_batch() of stores/postgres/append.sql, or its
/// append_signals() where that is enough, which is a transaction of its own. A record that breaks
/// for a reason of its own ends it with PostgresFault::record.
PostgresGroupOutcome append_at_once(PostgresConnection& connection,
                                    std::span<const AppendRequest> group,
                                    const PostgresAppendOptions& options);

/// The same in one transaction with a savepoint a record, so that one which breaks is `failed`
/// alone. A round trip or three a record.
PostgresGroupOutcome append_one_by_one(PostgresConnection& connection,
                                       std::span<const AppendRequest> group,
                                       const PostgresAppendOptions& options);

}  // namespace pointsman
