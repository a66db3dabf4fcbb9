#pragma once

#include <string_view>

#include "engine/values/result.h"
#include "stores/postgres/postgres_connection.h"

namespace pointsman {

/// The version of the tables and functions that this release writes, in pointsman.schema_version.
constexpr int kPostgresSchemaVersion = 5;

/// The text of stores/postgres/*.sql, which cmake/EmbedFiles.cmake puts into the library.
extern const std::string_view kPostgresTables;
extern const std::string_view kPostgresViews;
extern const std::string_view kPostgresAppend;
extern const std::string_view kPostgresCheckpoints;
extern const std::string_view kPostgresPrune;
extern const std::string_view kPostgresPrunedBelow;    ///< The migration to version 2.
extern const std::string_view kPostgresStoreIdentity;  ///< The migration to version 5.

/// Makes the schema "pointsman" where it is missing, or brings that of an earlier release up to
/// date, in one transaction that one process at a time runs. Error: `invalid` where a newer
/// release wrote it, `unavailable` where PostgreSQL refuses.
Status migrate_postgres_schema(PostgresConnection& connection);

}  // namespace pointsman
