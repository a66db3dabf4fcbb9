#include "stores/sqlite/sqlite_append.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "engine/log/record_codec.h"
#include "stores/plain_columns.h"

namespace pointsman {
namespace {

std::string_view bytes_of(const Fingerprint& value) {
  return {reinterpret_cast<const char*>(value.data()), value.size()};
}

std::int64_t millis(Timestamp time) { return time.time_since_epoch().count(); }

Timestamp timestamp(std::int64_t millis) { return Timestamp(std::chrono::milliseconds(millis)); }

/// The key of a slot: a decision's are filed under its position, so that signals that come soon
/// after their decisions touch few pages, whatever the query_ids look like.
void bind_slot(SqliteQuery& query, const SubjectKey& subject, std::string_view name) {
  if (subject.kind == SubjectKind::decision) {
    query.integer(static_cast<std::int64_t>(subject.decision)).text(name);
    return;
  }
  query.text(subject.subject).text(name).integer(static_cast<std::int64_t>(subject.kind));
  query.text(subject.tenant).text(subject.router);
}

/// Keys that have expired go in small batches, so that no commit becomes long.
constexpr const char* kForgetExpiredKeys =
    "DELETE FROM idempotency_keys WHERE (key, route, tenant, router) IN ("
    "SELECT key, route, tenant, router FROM idempotency_keys INDEXED BY idempotency_keys_by_expiry "
    "WHERE expires_at < ?1 ORDER BY expires_at LIMIT 256)";

/// Counts what a group appended, so that each count is written once a group.
class GroupCounts final {
 public:
  void add(const Scope& scope, const RecordBody& body) {
    const PlainColumns plain = plain_columns(body);
    ++counts_[{scope, kind_name(body), std::string(plain.signal_type)}];
  }

  /// Returns SQLITE_OK or the code.
  int write(SqliteConnection& connection) const {
    for (const auto& [name, n] : counts_) {
      const auto& [scope, kind, signal_type] = name;
      SqliteQuery query = connection.query(
          "INSERT INTO record_counts (tenant, router, kind, signal_type, records) "
          "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (tenant, router, kind, signal_type) "
          "DO UPDATE SET records = records + excluded.records");
      query.text(scope.tenant).text(scope.router).text(kind).text(signal_type).integer(n);
      if (!query.run()) return query.code();
    }
    return SQLITE_OK;
  }

 private:
  std::map<std::tuple<Scope, std::string, std::string>, std::int64_t> counts_;
};

int run(SqliteConnection& connection, const char* sql) {
  SqliteQuery query = connection.query(sql);
  query.run();
  return query.code();
}

int forget_expired_keys(SqliteConnection& connection, std::span<const AppendRequest> group) {
  Timestamp now = Timestamp::max();
  for (const AppendRequest& request : group) now = std::min(now, request.record.time);
  SqliteQuery query = connection.query(kForgetExpiredKeys);
  query.integer(millis(now)).run();
  return query.code();
}

bool appended(const AppendResult& result) {
  return result.status == AppendStatus::recorded || result.status == AppendStatus::revised;
}

/// Appends the group's records, without the commit. Returns SQLITE_OK or the code.
int append_records(SqliteConnection& connection, std::span<const AppendRequest> group,
                   SqliteAppendIndex& index, bool apart, std::vector<AppendResult>& results) {
  GroupCounts counts;
  for (const AppendRequest& request : group) {
    if (apart) {
      if (const int code = run(connection, "SAVEPOINT one_record")) return code;
    }
    results.push_back(append_by_rules(request, index));
    AppendResult& result = results.back();
    if (index.failure() != SQLITE_OK) {
      if (!apart || fault_of(index.failure()) != SqliteFault::record) return index.failure();
      if (const int code = run(connection, "ROLLBACK TO one_record")) return code;
      result = {.status = AppendStatus::failed,
                .position = 0,
                .scope = request.scope,
                .message = index.failure_error().message};
      index.clear();
    }
    if (apart) {
      if (const int code = run(connection, "RELEASE one_record")) return code;
    }
    if (appended(result)) counts.add(result.scope, request.record.body);
  }
  if (const int code = counts.write(connection)) return code;
  return forget_expired_keys(connection, group);
}

}  // namespace

std::optional<KeyEntry> SqliteAppendIndex::find_key(std::string_view tenant,
                                                    const IdempotencyKey& key,
                                                    std::string_view router) {
  if (failure_ != SQLITE_OK) return std::nullopt;
  SqliteQuery query = connection_.query(
      "SELECT router, body_hash, position, expires_at FROM idempotency_keys "
      "WHERE key = ?1 AND route = ?2 AND tenant = ?3");
  query.text(key.key).text(key.route).text(tenant);
  std::optional<KeyEntry> found;
  // A row a router, and all but session feedback has one: cheaper than a sort in SQL.
  while (query.next()) {
    if (found && query.bytes_at(0) != router) continue;
    KeyEntry entry;
    entry.router = query.bytes_at(0);
    entry.position = static_cast<LogPosition>(query.integer_at(2));
    entry.expires_at = timestamp(query.integer_at(3));
    if (read(query, 1, entry.body)) found = std::move(entry);
  }
  note(query);
  return found;
}

std::optional<DecisionEntry> SqliteAppendIndex::find_decision(std::string_view tenant,
                                                              std::string_view query_id) {
  if (failure_ != SQLITE_OK) return std::nullopt;
  SqliteQuery query = connection_.query(
      "SELECT router, position, expires_at, body_hash FROM decisions "
      "WHERE query_id = ?1 AND tenant = ?2");
  query.text(query_id).text(tenant);
  std::optional<DecisionEntry> found;
  if (query.next()) {
    DecisionEntry entry;
    entry.router = query.bytes_at(0);
    entry.position = static_cast<LogPosition>(query.integer_at(1));
    entry.expires_at = timestamp(query.integer_at(2));
    if (read(query, 3, entry.body)) found = std::move(entry);
  }
  note(query);
  return found;
}

std::optional<SlotEntry> SqliteAppendIndex::find_slot(const SubjectKey& subject,
                                                      std::string_view name) {
  if (failure_ != SQLITE_OK) return std::nullopt;
  const bool of_decision = subject.kind == SubjectKind::decision;
  SqliteQuery query = connection_.query(
      of_decision ? "SELECT value_hash, position FROM decision_slots "
                    "WHERE decision = ?1 AND name = ?2"
                  : "SELECT value_hash, position FROM slots WHERE subject = ?1 AND name = ?2 "
                    "AND subject_kind = ?3 AND tenant = ?4 AND router = ?5");
  bind_slot(query, subject, name);
  std::optional<SlotEntry> found;
  if (query.next()) {
    SlotEntry entry;
    entry.position = static_cast<LogPosition>(query.integer_at(1));
    if (read(query, 0, entry.value)) found = entry;
  }
  note(query);
  return found;
}

Result<LogPosition> SqliteAppendIndex::add_record(const Scope& scope, const Record& record,
                                                  LogPosition decision) {
  if (failure_ != SQLITE_OK) return error_;
  const std::string bytes = encode(record);
  if (bytes.size() > max_record_bytes_) {
    return invalid("", "The record is larger than max_record_bytes.");
  }
  const PlainColumns plain = plain_columns(record.body);
  SqliteQuery query = connection_.query(
      "INSERT INTO records (tenant, router, kind, time, decision, query_id, session_id, arm, "
      "signal_type, "
      "reward, confidence, cost_usd, latency_ms, body) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) RETURNING position");
  query.text(scope.tenant).text(scope.router).text(kind_name(record.body));
  query.integer(millis(record.time));
  decision == 0 ? query.null() : query.integer(static_cast<std::int64_t>(decision));
  query.text_or_null(plain.query_id);
  query.text_or_null(plain.session_id).text_or_null(plain.arm).text_or_null(plain.signal_type);
  query.real(plain.reward).real(plain.confidence).real(plain.cost_usd).real(plain.latency_ms);
  query.blob(bytes);
  LogPosition position = 0;
  if (query.next()) {
    position = static_cast<LogPosition>(query.integer_at(0));
    query.next();  // The insertion ends with the statement, not with the row.
  }
  note(query);
  if (failure_ != SQLITE_OK) return error_;
  return position;
}

void SqliteAppendIndex::put_key(std::string_view tenant, const IdempotencyKey& key,
                                const KeyEntry& entry) {
  if (failure_ != SQLITE_OK) return;
  SqliteQuery query = connection_.query(
      "INSERT INTO idempotency_keys (key, route, tenant, router, body_hash, position, expires_at) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (key, route, tenant, router) DO UPDATE SET "
      "body_hash = excluded.body_hash, position = excluded.position, "
      "expires_at = excluded.expires_at");
  query.text(key.key).text(key.route).text(tenant).text(entry.router).blob(bytes_of(entry.body));
  query.integer(static_cast<std::int64_t>(entry.position)).integer(millis(entry.expires_at));
  query.run();
  note(query);
}

void SqliteAppendIndex::put_decision(std::string_view tenant, std::string_view query_id,
                                     const DecisionEntry& entry) {
  if (failure_ != SQLITE_OK) return;
  SqliteQuery query = connection_.query(
      "INSERT INTO decisions (query_id, tenant, router, position, expires_at, body_hash) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  query.text(query_id).text(tenant).text(entry.router);
  query.integer(static_cast<std::int64_t>(entry.position)).integer(millis(entry.expires_at));
  query.blob(bytes_of(entry.body)).run();
  note(query);
}

void SqliteAppendIndex::put_slot(const SubjectKey& subject, std::string_view name,
                                 const SlotEntry& entry) {
  if (failure_ != SQLITE_OK) return;
  const bool of_decision = subject.kind == SubjectKind::decision;
  SqliteQuery query = connection_.query(
      of_decision
          ? "INSERT INTO decision_slots (decision, name, value_hash, position) "
            "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (decision, name) DO UPDATE SET "
            "value_hash = excluded.value_hash, position = excluded.position"
          : "INSERT INTO slots (subject, name, subject_kind, tenant, router, value_hash, position) "
            "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
            "ON CONFLICT (subject, name, subject_kind, tenant, router) DO UPDATE SET "
            "value_hash = excluded.value_hash, position = excluded.position");
  bind_slot(query, subject, name);
  query.blob(bytes_of(entry.value)).integer(static_cast<std::int64_t>(entry.position)).run();
  note(query);
}

void SqliteAppendIndex::note(const SqliteQuery& query) {
  if (failure_ != SQLITE_OK || query.ok()) return;
  failure_ = query.code();
  error_ = connection_.error(failure_);
}

bool SqliteAppendIndex::read(const SqliteQuery& query, int column, Fingerprint& out) {
  const std::string_view bytes = query.bytes_at(column);
  if (bytes.size() == out.size()) {
    std::memcpy(out.data(), bytes.data(), out.size());
    return true;
  }
  failure_ = SQLITE_CORRUPT;
  error_ = {ErrorCode::corrupt, "A stored fingerprint has the wrong size.", ""};
  return false;
}

SqliteGroupOutcome append_group(SqliteConnection& connection, std::span<const AppendRequest> group,
                                std::size_t max_record_bytes, bool apart) {
  SqliteGroupOutcome outcome;
  outcome.results.reserve(group.size());
  SqliteAppendIndex index(connection, max_record_bytes);
  outcome.code = run(connection, "BEGIN IMMEDIATE");
  if (outcome.code == SQLITE_OK) {
    outcome.code = append_records(connection, group, index, apart, outcome.results);
  }
  if (outcome.code == SQLITE_OK) {
    outcome.committing = true;
    outcome.code = run(connection, "COMMIT");
  }
  if (outcome.code == SQLITE_OK) return outcome;
  outcome.error =
      index.failure() == outcome.code ? index.failure_error() : connection.error(outcome.code);
  if (connection.in_transaction()) run(connection, "ROLLBACK");
  return outcome;
}

}  // namespace pointsman
