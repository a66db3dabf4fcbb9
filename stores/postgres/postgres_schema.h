#pragma once

#include "engine/values/result.h"
#include "stores/postgres/postgres_connection.h"

namespace pointsman {

/// The version of the tables and functions that this release writes, in pointsman.schema_version.
constexpr int kPostgresSchemaVersion = 4;

/// The text of stores/postgres/*.sql.
extern const char* const kPostgresTables;
extern const char* const kPostgresViews;
extern const char* const kPostgresAppend;
extern const char* const kPostgresCheckpoints;
extern const char* const kPostgresPrune;
extern const char* const kPostgresPrunedBelow;  ///< What leads to version 2.

/// Makes the schema "pointsman" where it is missing, or brings that of an earlier release up to
/// date, in one transaction that one process at a time runs. Error: `invalid` where a newer
/// release wrote it, `unavailable` where PostgreSQL refuses.
Status migrate_postgres_schema(PostgresConnection& connection);

}  // namespace pointsman
