#include <cstdint>
#include <utility>

#include "stores/sqlite/sqlite_connection.h"
#include "stores/sqlite/sqlite_readers.h"
#include "stores/sqlite/sqlite_store.h"

// The checkpoints of a SqliteStore. SQLite's integers are signed, so a checksum is stored as the
// signed number with its bits.

namespace pointsman {
namespace {

void bind_key(SqliteQuery& query, const Checkpoint& checkpoint) {
  query.text(checkpoint.scope.tenant).text(checkpoint.scope.router);
  query.integer(checkpoint.format).integer(static_cast<std::int64_t>(checkpoint.position));
}

int insert(SqliteConnection& connection, const Checkpoint& checkpoint) {
  {
    SqliteQuery query = connection.query(
        "INSERT INTO checkpoints (tenant, router, format, position, checksum) "
        "VALUES (?1, ?2, ?3, ?4, ?5)");
    bind_key(query, checkpoint);
    if (!query.integer(static_cast<std::int64_t>(checkpoint.checksum)).run()) return query.code();
  }
  std::int64_t ordinal = 0;
  for (const auto& [name, bytes] : checkpoint.chunks) {
    SqliteQuery query = connection.query(
        "INSERT INTO checkpoint_chunks (tenant, router, format, position, ordinal, name, bytes) "
        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
    bind_key(query, checkpoint);
    if (!query.integer(ordinal++).text(name).blob(bytes).run()) return query.code();
  }
  return SQLITE_OK;
}

int drop_all_but_two(SqliteConnection& connection, const Scope& scope) {
  {
    SqliteQuery query = connection.query(
        "DELETE FROM checkpoints WHERE tenant = ?1 AND router = ?2 AND (position, format) NOT IN ("
        "SELECT position, format FROM checkpoints WHERE tenant = ?1 AND router = ?2 "
        "ORDER BY position DESC, format DESC LIMIT 2)");
    if (!query.text(scope.tenant).text(scope.router).run()) return query.code();
  }
  SqliteQuery query = connection.query(
      "DELETE FROM checkpoint_chunks WHERE tenant = ?1 AND router = ?2 AND (position, format) "
      "NOT IN (SELECT position, format FROM checkpoints WHERE tenant = ?1 AND router = ?2)");
  query.text(scope.tenant).text(scope.router).run();
  return query.code();
}

enum class Known { absent, same, other };

int look_up(SqliteConnection& connection, const Checkpoint& checkpoint, Known& known) {
  SqliteQuery query = connection.query(
      "SELECT checksum FROM checkpoints "
      "WHERE tenant = ?1 AND router = ?2 AND format = ?3 AND position = ?4");
  bind_key(query, checkpoint);
  known = Known::absent;
  if (query.next()) {
    const auto checksum = static_cast<std::uint64_t>(query.integer_at(0));
    known = checksum == checkpoint.checksum ? Known::same : Known::other;
  }
  return query.code();
}

}  // namespace

Status SqliteStore::save_checkpoint(const Checkpoint& checkpoint) {
  Known known = Known::absent;
  const Status saved = in_transaction([&](SqliteConnection& connection) {
    int code = look_up(connection, checkpoint, known);
    if (code == SQLITE_OK && known == Known::absent) {
      code = insert(connection, checkpoint);
      if (code == SQLITE_OK) code = drop_all_but_two(connection, checkpoint.scope);
    }
    return code;
  });
  if (!saved.ok() || known != Known::other) return saved;
  return Error{ErrorCode::conflict, "This checkpoint is stored with another checksum.", ""};
}

Status SqliteStore::drop_checkpoint(const Checkpoint& checkpoint) {
  return in_transaction([&](SqliteConnection& connection) {
    {
      SqliteQuery query = connection.query(
          "DELETE FROM checkpoints WHERE tenant = ?1 AND router = ?2 AND format = ?3 "
          "AND position = ?4 AND checksum = ?5");
      bind_key(query, checkpoint);
      query.integer(static_cast<std::int64_t>(checkpoint.checksum));
      if (!query.run()) return query.code();
    }
    return drop_all_but_two(connection, checkpoint.scope);
  });
}

Result<std::vector<Checkpoint>> SqliteStore::load_checkpoints(const Scope& scope) {
  Result<SqliteReaders::Loan> loan = readers_->borrow();
  if (!loan.ok()) return loan.error();
  // One statement, so one snapshot: a newer checkpoint may take this one's place meanwhile.
  SqliteQuery query = loan->connection().query(
      "SELECT p.format, p.position, p.checksum, c.name, c.bytes FROM checkpoints AS p "
      "LEFT JOIN checkpoint_chunks AS c USING (tenant, router, format, position) "
      "WHERE p.tenant = ?1 AND p.router = ?2 "
      "ORDER BY p.position DESC, p.format DESC, c.ordinal");
  query.text(scope.tenant).text(scope.router);
  std::vector<Checkpoint> found;
  while (query.next()) {
    const auto format = static_cast<std::uint32_t>(query.integer_at(0));
    const auto position = static_cast<LogPosition>(query.integer_at(1));
    if (found.empty() || found.back().format != format || found.back().position != position) {
      found.push_back({.scope = scope,
                       .format = format,
                       .position = position,
                       .checksum = static_cast<std::uint64_t>(query.integer_at(2)),
                       .chunks = {}});
    }
    if (query.is_null_at(3)) continue;
    found.back().chunks.emplace_back(query.bytes_at(3), query.bytes_at(4));
  }
  if (!query.ok()) return loan->fail(query.code());
  return found;
}

}  // namespace pointsman
