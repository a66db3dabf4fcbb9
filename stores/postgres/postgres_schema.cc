#include "stores/postgres/postgres_schema.h"

#include <array>
#include <cstdint>
#include <string>

namespace pointsman {
namespace {

// One process at a time, for as long as the transaction lasts: "PtMn schema" as a number of ours.
constexpr const char* kBegin =
    "BEGIN; SELECT pg_advisory_xact_lock(5786930140093827649);"
    "SELECT to_regclass('pointsman.schema_version') IS NOT NULL";
constexpr const char* kMakeSchema =
    // Somebody may have made the schema for a role that may not.
    "DO $$ BEGIN IF to_regnamespace('pointsman') IS NULL THEN CREATE SCHEMA pointsman; END IF; "
    "END $$;"
    "CREATE TABLE schema_version (version integer NOT NULL);"
    "INSERT INTO schema_version VALUES (0)";

/// What leads the tables and views from version i to version i + 1. It is empty where only the
/// functions changed.
std::string migration(std::int64_t from) {
  const std::array<std::string, kPostgresSchemaVersion> migrations = {
      std::string(kPostgresTables).append(kPostgresViews), std::string(kPostgresPrunedBelow), "",
      "", std::string(kPostgresStoreIdentity)};
  return migrations[static_cast<std::size_t>(from)];
}

/// Functions hold nothing, so a release makes its own anew instead of changing an earlier one's.
std::string functions() {
  return std::string(
             "DROP FUNCTION IF EXISTS lock_routers, lead_positions, take_positions, append_batch, "
             "append_signals, save_checkpoint, prune_batch;")
      .append(kPostgresAppend)
      .append(kPostgresCheckpoints)
      .append(kPostgresPrune);
}

Status migrate(PostgresConnection& connection) {
  PostgresAnswer begun = connection.run_script(kBegin);
  if (!begun.ok()) return std::move(begun.error);
  if (!begun.rows[0][0].as<bool>()) {
    PostgresAnswer made = connection.run_script(kMakeSchema);
    if (!made.ok()) return std::move(made.error);
  }
  PostgresAnswer found = connection.run_script("SELECT max(version) FROM schema_version");
  if (!found.ok()) return std::move(found.error);
  const std::int64_t version = integer_at(found.rows[0], 0);
  if (version > kPostgresSchemaVersion) {
    return invalid("store", "The database was written by a newer release (schema " +
                                std::to_string(version) + ").");
  }
  std::string sql;
  for (std::int64_t from = version; from < kPostgresSchemaVersion; ++from) sql += migration(from);
  if (version < kPostgresSchemaVersion) sql += functions();
  sql += "UPDATE schema_version SET version = " + std::to_string(kPostgresSchemaVersion) +
         " WHERE version < " + std::to_string(kPostgresSchemaVersion) + "; COMMIT";
  PostgresAnswer migrated = connection.run_script(sql);
  if (!migrated.ok()) return std::move(migrated.error);
  return Done{};
}

}  // namespace

Status migrate_postgres_schema(PostgresConnection& connection) {
  Status migrated = migrate(connection);
  if (!migrated.ok()) connection.run_script("ROLLBACK");
  return migrated;
}

}  // namespace pointsman
