#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "stores/append_rules.h"
#include "stores/sqlite/sqlite_connection.h"
#include "stores/sqlite/sqlite_store.h"

// The pruning of a SqliteStore: a step is one transaction.

namespace pointsman {
namespace {

struct DoomedDecision {
  std::int64_t position = 0;
  std::string query_id;
};

/// One step on its way. Every call gives SQLITE_OK or the code.
class PruningStep final {
 public:
  PruningStep(SqliteConnection& connection, const PruneStep& step, PruneOutcome& outcome)
      : connection_(connection), step_(step), outcome_(outcome) {}

  int run() {
    outcome_ = {.looked_to = step_.after};
    if (const int code = mark()) return code;
    if (const int code = find_page_end()) return code;
    if (outcome_.looked_to > step_.after) {
      if (const int code = find_lone_decisions()) return code;
      if (const int code = find_sessions()) return code;
      for (const std::string& session : sessions_) {
        if (const int code = remove_session(session)) return code;
      }
      for (const DoomedDecision& decision : decisions_) {
        if (const int code = remove_decision(decision)) return code;
      }
      if (const int code = count_kept()) return code;
    }
    return forget_keys();
  }

 private:
  static std::int64_t millis(Timestamp time) { return time.time_since_epoch().count(); }

  void bind_scope(SqliteQuery& query) const {
    query.text(step_.scope.tenant).text(step_.scope.router);
  }

  /// The scope, the page's bounds, what is over, and what stays whatever it is.
  void bind_page(SqliteQuery& query) const {
    bind_scope(query);
    query.integer(static_cast<std::int64_t>(step_.after));
    query.integer(static_cast<std::int64_t>(outcome_.looked_to));
    query.integer(millis(over_before(step_.now)));
    query.integer(static_cast<std::int64_t>(step_.below));
  }

  /// Runs a deletion of records and counts them.
  int remove_records(SqliteQuery& query) {
    if (query.run()) outcome_.removed += connection_.changes();
    return query.code();
  }

  int mark() {
    SqliteQuery query = connection_.query(
        "INSERT INTO pruned (tenant, router, below) VALUES (?1, ?2, ?3) "
        "ON CONFLICT (tenant, router) DO UPDATE SET below = MAX(below, excluded.below)");
    bind_scope(query);
    query.integer(static_cast<std::int64_t>(step_.below)).run();
    return query.code();
  }

  int find_page_end() {
    SqliteQuery query = connection_.query(
        "SELECT MAX(position), COUNT(*) FROM (SELECT position FROM records "
        "INDEXED BY records_by_router WHERE tenant = ?1 AND router = ?2 AND position > ?3 "
        "AND position < ?4 ORDER BY position LIMIT ?5)");
    bind_scope(query);
    query.integer(static_cast<std::int64_t>(step_.after));
    query.integer(static_cast<std::int64_t>(step_.below));
    query.integer(static_cast<std::int64_t>(step_.limit));
    if (query.next()) {
      const auto found = static_cast<std::size_t>(query.integer_at(1));
      if (found > 0) outcome_.looked_to = static_cast<LogPosition>(query.integer_at(0));
      outcome_.last = found < step_.limit;
    }
    return query.code();
  }

  int find_lone_decisions() {
    SqliteQuery query = connection_.query(
        "SELECT r.position, r.query_id FROM records AS r INDEXED BY records_by_router "
        "CROSS JOIN decisions AS d ON d.query_id = r.query_id AND d.tenant = r.tenant "
        "WHERE r.tenant = ?1 AND r.router = ?2 AND r.position > ?3 AND r.position <= ?4 "
        "AND r.kind = 'decision' AND r.session_id IS NULL AND d.expires_at < ?5 "
        "AND NOT EXISTS (SELECT 1 FROM records AS f INDEXED BY records_by_decision "
        "                WHERE f.decision = r.position AND f.position >= ?6)");
    bind_page(query);
    return take_decisions(query);
  }

  /// Sessions whose first record is in the page, and of which nothing holds one back.
  int find_sessions() {
    SqliteQuery query = connection_.query(
        "SELECT r.session_id FROM records AS r INDEXED BY records_by_router "
        "WHERE r.tenant = ?1 AND r.router = ?2 AND r.position > ?3 AND r.position <= ?4 "
        "AND r.session_id IS NOT NULL "
        "AND r.position = (SELECT MIN(s.position) FROM records AS s INDEXED BY records_by_session "
        "  WHERE s.session_id = r.session_id AND s.tenant = ?1 AND s.router = ?2) "
        "AND NOT EXISTS (SELECT 1 FROM records AS s INDEXED BY records_by_session "
        "  LEFT JOIN decisions AS d ON s.kind = 'decision' AND d.query_id = s.query_id "
        "    AND d.tenant = s.tenant "
        "  WHERE s.session_id = r.session_id AND s.tenant = ?1 AND s.router = ?2 "
        "    AND (s.position >= ?6 OR (s.kind = 'session_feedback' AND s.time >= ?5) "
        "      OR d.expires_at >= ?5 "
        "      OR EXISTS (SELECT 1 FROM records AS f INDEXED BY records_by_decision "
        "                 WHERE f.decision = s.position AND f.position >= ?6)))");
    bind_page(query);
    while (query.next()) sessions_.emplace_back(query.bytes_at(0));
    return query.code();
  }

  int take_decisions(SqliteQuery& query) {
    while (query.next()) {
      decisions_.push_back({query.integer_at(0), std::string(query.bytes_at(1))});
    }
    return query.code();
  }

  int remove_session(const std::string& session) {
    {
      SqliteQuery query = connection_.query(
          "SELECT position, query_id FROM records INDEXED BY records_by_session "
          "WHERE tenant = ?1 AND router = ?2 AND session_id = ?3 AND kind = 'decision'");
      bind_scope(query);
      query.text(session);
      if (const int code = take_decisions(query)) return code;
    }
    {
      SqliteQuery query = connection_.query(
          "DELETE FROM slots WHERE tenant = ?1 AND router = ?2 AND subject = ?3 "
          "AND subject_kind = 2");
      bind_scope(query);
      if (!query.text(session).run()) return query.code();
    }
    SqliteQuery query = connection_.query(
        "DELETE FROM records WHERE tenant = ?1 AND router = ?2 AND session_id = ?3 "
        "AND kind = 'session_feedback'");
    bind_scope(query);
    query.text(session);
    return remove_records(query);
  }

  int remove_decision(const DoomedDecision& decision) {
    {
      SqliteQuery query = connection_.query("DELETE FROM records WHERE decision = ?1");
      query.integer(decision.position);
      if (const int code = remove_records(query)) return code;
    }
    {
      SqliteQuery query = connection_.query("DELETE FROM records WHERE position = ?1");
      query.integer(decision.position);
      if (const int code = remove_records(query)) return code;
    }
    {
      SqliteQuery query = connection_.query("DELETE FROM decision_slots WHERE decision = ?1");
      if (!query.integer(decision.position).run()) return query.code();
    }
    SqliteQuery query =
        connection_.query("DELETE FROM decisions WHERE query_id = ?1 AND tenant = ?2");
    query.text(decision.query_id).text(step_.scope.tenant).run();
    return query.code();
  }

  int count_kept() {
    SqliteQuery query = connection_.query(
        "SELECT COUNT(*) FROM records INDEXED BY records_by_router "
        "WHERE tenant = ?1 AND router = ?2 AND position > ?3 AND position <= ?4");
    bind_scope(query);
    query.integer(static_cast<std::int64_t>(step_.after));
    query.integer(static_cast<std::int64_t>(outcome_.looked_to));
    if (query.next()) outcome_.kept = static_cast<std::uint64_t>(query.integer_at(0));
    return query.code();
  }

  /// Of every router: a dead key is nobody's.
  int forget_keys() {
    SqliteQuery query = connection_.query(
        "DELETE FROM idempotency_keys WHERE (key, route, tenant, router) IN ("
        "SELECT key, route, tenant, router FROM idempotency_keys "
        "INDEXED BY idempotency_keys_by_expiry WHERE expires_at < ?1 "
        "ORDER BY expires_at LIMIT ?2)");
    query.integer(millis(step_.now)).integer(static_cast<std::int64_t>(step_.limit)).run();
    return query.code();
  }

  SqliteConnection& connection_;
  const PruneStep& step_;
  PruneOutcome& outcome_;
  std::vector<DoomedDecision> decisions_;
  std::vector<std::string> sessions_;
};

}  // namespace

Result<PruneOutcome> SqliteStore::prune(const PruneStep& step) {
  PruneOutcome outcome;
  const Status pruned = in_transaction(
      [&](SqliteConnection& connection) { return PruningStep(connection, step, outcome).run(); });
  if (!pruned.ok()) return pruned.error();
  return outcome;
}

Status SqliteStore::compact() {
  const std::lock_guard lock(write_mutex_);
  if (const Status ready = ready_to_write(); !ready.ok()) return ready;
  // The new file goes through the WAL, which the checkpoint then moves into the old one's place.
  int code = writer_->execute("VACUUM");
  if (code == SQLITE_OK) code = writer_->execute("PRAGMA wal_checkpoint(TRUNCATE)");
  if (code == SQLITE_OK) return Done{};
  const Error error = writer_->error(code);
  drop_if_broken(code);
  return error;
}

}  // namespace pointsman
