#pragma once

#include <string_view>

#include "engine/values/result.h"
#include "stores/sqlite/sqlite_connection.h"

namespace pointsman {

/// The version of the tables that this release writes, kept as PRAGMA user_version.
constexpr int kSqliteSchemaVersion = 3;

/// The text of stores/sqlite/*.sql, which cmake/EmbedFiles.cmake puts into the library.
extern const std::string_view kSqliteTables;
extern const std::string_view kSqliteViews;
extern const std::string_view kSqlitePruned;         ///< The migration to version 2.
extern const std::string_view kSqliteStoreIdentity;  ///< The migration to version 3.

/// Makes the tables in an empty file, or brings those of an earlier release up to date, in one
/// transaction. Errors: `invalid` where the file is another program's database or a newer
/// release's; else SQLite's.
Status migrate_sqlite_schema(SqliteConnection& connection);

/// The same checks without a change, for a store that is opened read-only. Gives the version.
Result<int> check_sqlite_schema(SqliteConnection& connection);

}  // namespace pointsman
