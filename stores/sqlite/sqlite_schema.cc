#include "stores/sqlite/sqlite_schema.h"

#include <array>
#include <cstddef>
#include <string>

namespace pointsman {
namespace {

/// "PtMn": tells our files from other SQLite databases.
constexpr int kApplicationId = 0x50744d6e;

/// What leads a file from version i to version i + 1. An empty file has version 0.
std::string migration(int from) {
  const std::array<std::string, kSqliteSchemaVersion> migrations = {
      std::string(kSqliteTables).append(kSqliteViews), std::string(kSqlitePruned),
      std::string(kSqliteStoreIdentity)};
  return migrations[static_cast<std::size_t>(from)];
}

struct Found {
  int application_id = 0;
  int version = 0;
  bool empty = true;
};

Result<Found> look(SqliteConnection& connection) {
  const Result<std::string> id = connection.value("PRAGMA application_id");
  if (!id.ok()) return id.error();
  const Result<std::string> version = connection.value("PRAGMA user_version");
  if (!version.ok()) return version.error();
  const Result<std::string> tables = connection.value("SELECT COUNT(*) FROM sqlite_schema");
  if (!tables.ok()) return tables.error();
  const bool empty = *tables == "0";
  return Found{std::stoi(*id), empty ? 0 : std::stoi(*version), empty};
}

Status judge(const Found& found) {
  if (found.application_id != kApplicationId) {
    return invalid("store", "The file is another program's SQLite database.");
  }
  if (found.version < 1) {
    return invalid("store", "The file carries our mark, but no version of its schema.");
  }
  if (found.version > kSqliteSchemaVersion) {
    return invalid("store", "The file was written by a newer release (schema " +
                                std::to_string(found.version) + ").");
  }
  return Done{};
}

Status run(SqliteConnection& connection, const std::string& sql) {
  const int code = connection.execute(sql);
  if (code == SQLITE_OK) return Done{};
  Error error = connection.error(code);
  if (connection.in_transaction()) connection.execute("ROLLBACK");
  return error;
}

}  // namespace

Status migrate_sqlite_schema(SqliteConnection& connection) {
  // The lock comes first: two processes that open a new file must not both find it empty.
  if (Status begun = run(connection, "BEGIN IMMEDIATE"); !begun.ok()) return begun;
  const Result<Found> found = look(connection);
  const Status judged = !found.ok()    ? Status(found.error())
                        : found->empty ? Status(Done{})
                                       : judge(*found);
  if (!judged.ok() || (!found->empty && found->version == kSqliteSchemaVersion)) {
    connection.execute("ROLLBACK");
    return judged;
  }
  std::string sql;
  for (int from = found->version; from < kSqliteSchemaVersion; ++from) sql += migration(from);
  sql += "PRAGMA application_id = " + std::to_string(kApplicationId) + ";";
  sql += "PRAGMA user_version = " + std::to_string(kSqliteSchemaVersion) + "; COMMIT;";
  return run(connection, sql);
}

Result<int> check_sqlite_schema(SqliteConnection& connection) {
  const Result<Found> found = look(connection);
  if (!found.ok()) return found.error();
  if (const Status judged = judge(*found); !judged.ok()) return judged.error();
  return found->version;
}

}  // namespace pointsman
