#include "stores/sqlite/sqlite_schema.h"

#include <string>

namespace pointsman {
namespace {

/// "PtMn": tells our files from other SQLite databases.
constexpr int kApplicationId = 0x50744d6e;

// `body` is the record (engine/log/record_codec.h) and the only truth; the columns beside it are
// for SQL and for the indexes. Times are UTC in milliseconds. `decision` is the position of the
// decision that a record speaks of. To file records under it, and not under the query_id, keeps an
// append to a few neighbouring pages: query_ids are random, and every page touched goes through the
// WAL.
constexpr const char* kTables = R"sql(
CREATE TABLE records (
  position    INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant      TEXT    NOT NULL,
  router      TEXT    NOT NULL,
  kind        TEXT    NOT NULL,
  time        INTEGER NOT NULL,
  decision    INTEGER,
  query_id    TEXT,
  session_id  TEXT,
  arm         TEXT,
  signal_type TEXT,
  reward      REAL,
  confidence  REAL,
  cost_usd    REAL,
  latency_ms  REAL,
  body        BLOB    NOT NULL
) STRICT;
CREATE INDEX records_by_router ON records (tenant, router);
CREATE INDEX records_by_decision ON records (decision) WHERE decision IS NOT NULL;
CREATE INDEX records_by_session ON records (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX records_with_signal ON records (tenant) WHERE signal_type IS NOT NULL;

CREATE TABLE decisions (
  query_id   TEXT    NOT NULL,
  tenant     TEXT    NOT NULL,
  router     TEXT    NOT NULL,
  position   INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  body_hash  BLOB    NOT NULL,
  PRIMARY KEY (query_id, tenant)
) STRICT, WITHOUT ROWID;
CREATE INDEX decisions_open ON decisions (tenant, router, expires_at);

-- The current value of each signal of a decision, filed under the decision's position.
CREATE TABLE decision_slots (
  decision   INTEGER NOT NULL,
  name       TEXT    NOT NULL,
  value_hash BLOB    NOT NULL,
  position   INTEGER NOT NULL,
  PRIMARY KEY (decision, name)
) STRICT, WITHOUT ROWID;

-- The same of a session (subject_kind 2) and of a router's own records (3).
CREATE TABLE slots (
  subject      TEXT    NOT NULL,
  name         TEXT    NOT NULL,
  subject_kind INTEGER NOT NULL,
  tenant       TEXT    NOT NULL,
  router       TEXT    NOT NULL,
  value_hash   BLOB    NOT NULL,
  position     INTEGER NOT NULL,
  PRIMARY KEY (subject, name, subject_kind, tenant, router)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
  key        TEXT    NOT NULL,
  route      TEXT    NOT NULL,
  tenant     TEXT    NOT NULL,
  router     TEXT    NOT NULL,
  body_hash  BLOB    NOT NULL,
  position   INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (key, route, tenant, router)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

CREATE TABLE record_counts (
  tenant      TEXT    NOT NULL,
  router      TEXT    NOT NULL,
  kind        TEXT    NOT NULL,
  signal_type TEXT    NOT NULL,
  records     INTEGER NOT NULL,
  PRIMARY KEY (tenant, router, kind, signal_type)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
  tenant   TEXT    NOT NULL,
  router   TEXT    NOT NULL,
  format   INTEGER NOT NULL,
  position INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  PRIMARY KEY (tenant, router, position, format)
) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoint_chunks (
  tenant   TEXT    NOT NULL,
  router   TEXT    NOT NULL,
  format   INTEGER NOT NULL,
  position INTEGER NOT NULL,
  ordinal  INTEGER NOT NULL,
  name     TEXT    NOT NULL,
  bytes    BLOB    NOT NULL,
  PRIMARY KEY (tenant, router, position, format, ordinal)
) STRICT;
)sql";

// For people. An observation is of signals alone: a failed call, which counts as reward 0, is in
// the outcome's body. MAX(position) picks the row that the bare columns are taken from: a SQLite
// rule.
constexpr const char* kViews = R"sql(
CREATE VIEW current_signals AS
  SELECT tenant, router, query_id, decision, signal_type, reward, confidence,
         MAX(position) AS position
  FROM records WHERE kind = 'feedback' AND decision IS NOT NULL
  GROUP BY decision, signal_type;

CREATE VIEW observations AS
  SELECT tenant, router, query_id, decision,
         SUM(reward * confidence) / SUM(confidence) AS reward,
         MIN(1.0, SUM(confidence)) AS weight
  FROM current_signals
  GROUP BY decision HAVING SUM(confidence) > 0;

CREATE VIEW current_costs AS
  SELECT decision, cost_usd, MAX(position) AS position
  FROM records WHERE kind = 'outcome' AND cost_usd IS NOT NULL AND decision IS NOT NULL
  GROUP BY decision;

CREATE VIEW current_latencies AS
  SELECT decision, latency_ms, MAX(position) AS position
  FROM records WHERE kind = 'outcome' AND latency_ms IS NOT NULL AND decision IS NOT NULL
  GROUP BY decision;

CREATE VIEW arm_daily AS
  SELECT date(d.time / 1000, 'unixepoch') AS day, d.tenant, d.router, d.arm,
         COUNT(*) AS decisions,
         COUNT(o.reward) AS observed,
         SUM(o.reward * o.weight) / SUM(o.weight) AS mean_reward,
         AVG(c.cost_usd) AS mean_cost_usd,
         AVG(l.latency_ms) AS mean_latency_ms
  FROM records AS d
  LEFT JOIN observations AS o ON o.decision = d.position
  LEFT JOIN current_costs AS c ON c.decision = d.position
  LEFT JOIN current_latencies AS l ON l.decision = d.position
  WHERE d.kind = 'decision'
  GROUP BY day, d.tenant, d.router, d.arm;

CREATE VIEW signal_counts AS
  SELECT tenant, router, kind, signal_type, COUNT(*) AS records,
         AVG(reward) AS mean_reward, AVG(confidence) AS mean_confidence,
         MIN(time) AS first_time, MAX(time) AS last_time
  FROM records WHERE signal_type IS NOT NULL
  GROUP BY tenant, router, kind, signal_type;

CREATE VIEW session_summary AS
  SELECT d.tenant, d.router, d.session_id,
         COUNT(*) AS decisions,
         COUNT(DISTINCT d.arm) AS arms,
         MIN(d.time) AS first_time, MAX(d.time) AS last_time,
         COUNT(o.reward) AS observed,
         SUM(o.reward * o.weight) / SUM(o.weight) AS mean_reward,
         SUM(c.cost_usd) AS cost_usd,
         (SELECT COUNT(*) FROM records AS f
          WHERE f.kind = 'session_feedback' AND f.session_id = d.session_id
            AND f.tenant = d.tenant AND f.router = d.router) AS session_feedback
  FROM records AS d
  LEFT JOIN observations AS o ON o.decision = d.position
  LEFT JOIN current_costs AS c ON c.decision = d.position
  WHERE d.kind = 'decision' AND d.session_id IS NOT NULL
  GROUP BY d.tenant, d.router, d.session_id;
)sql";

// From version 2 on: what was pruned. Its log is whole from position `below` on.
constexpr const char* kPruned = R"sql(
CREATE TABLE pruned (
  tenant TEXT    NOT NULL,
  router TEXT    NOT NULL,
  below  INTEGER NOT NULL,
  PRIMARY KEY (tenant, router)
) STRICT, WITHOUT ROWID;
)sql";

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
  return Found{std::stoi(*id), std::stoi(*version), *tables == "0"};
}

Status judge(const Found& found) {
  if (found.application_id != kApplicationId) {
    return invalid("store", "The file is another program's SQLite database.");
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
  if (found->empty) {
    sql += kTables;
    sql += kViews;
  }
  sql += kPruned;
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
