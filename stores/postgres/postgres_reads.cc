#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "engine/log/record_codec.h"
#include "stores/append_rules.h"
#include "stores/postgres/postgres_pool.h"
#include "stores/postgres/postgres_store.h"

// What a PostgresStore reads. Each statement is one snapshot of what was committed before it.

namespace pointsman {
namespace {

constexpr PostgresStatement kFind{
    "find",
    "WITH found AS MATERIALIZED (SELECT d.router, d.position FROM unnest($2::bytea[]) AS asked(id) "
    "  CROSS JOIN LATERAL (SELECT router, position FROM decisions "
    "                      WHERE tenant = $1::bytea AND query_id = asked.id OFFSET 0) AS d) "
    "SELECT h.tenant, h.router, r.position, r.body FROM ("
    "  SELECT r.router, r.position, r.body FROM found AS f "
    "  JOIN records AS r ON r.router = f.router AND r.position = f.position "
    "  UNION ALL "
    "  SELECT r.router, r.position, r.body FROM found AS f "
    "  JOIN records AS r ON r.decision = f.position) AS r "
    "JOIN heads AS h ON h.id = r.router "
    "WHERE r.position <= $3::bigint ORDER BY r.position"};

constexpr PostgresStatement kSessionRecords{
    "session_records",
    "SELECT h.tenant, h.router, r.position, r.body FROM heads AS h "
    "JOIN records AS r ON r.router = h.id "
    "WHERE h.tenant = $1::bytea AND h.router = $2::bytea AND r.session_id = $3::bytea "
    "AND r.position <= $4::bigint ORDER BY r.position"};

constexpr PostgresStatement kSessionScopes{
    "session_scopes",
    "SELECT h.tenant, h.router FROM heads AS h WHERE h.tenant = $1::bytea "
    "AND EXISTS (SELECT FROM records AS r WHERE r.session_id = $2::bytea AND r.router = h.id "
    "            AND r.kind = 'decision') ORDER BY h.router"};

// The head by a subquery: so the planner knows that the index gives the order, and stops at the
// limit. After a join it would read and sort all that follows, page for page. First of all a row
// without a body: where what was pruned ends, of the same snapshot.
constexpr PostgresStatement kScan{
    "scan",
    "SELECT $1::bytea, $2::bytea, h.pruned_below AS position, NULL::bytea AS body FROM heads AS h "
    "WHERE h.tenant = $1::bytea AND h.router = $2::bytea "
    "UNION ALL "
    "(SELECT $1::bytea, $2::bytea, r.position, r.body FROM records AS r "
    " WHERE r.router = (SELECT id FROM heads WHERE tenant = $1::bytea AND router = $2::bytea) "
    " AND r.position > $3::bigint ORDER BY r.position LIMIT $4::bigint)"};

constexpr PostgresStatement kRecentFeedback{
    "recent_feedback",
    "SELECT h.tenant, h.router, r.position, r.body FROM heads AS h, LATERAL ("
    "  SELECT r.position, r.body FROM records AS r "
    "  WHERE r.router = h.id AND r.signal_type IS NOT NULL AND r.position < $2::bigint "
    "  ORDER BY r.position DESC LIMIT $3::bigint) AS r "
    "WHERE h.tenant = $1::bytea ORDER BY r.position DESC LIMIT $3::bigint"};

constexpr PostgresStatement kHeads{
    "heads", "SELECT tenant, router, pos FROM heads WHERE pos > 0 ORDER BY tenant, router"};

constexpr PostgresStatement kPrune{
    "prune",
    "SELECT looked_to, at_end, removed, kept FROM prune_batch($1, $2, $3, $4, $5, $6, $7)"};

constexpr PostgresStatement kPrunedBelow{
    "pruned_below",
    "SELECT pruned_below FROM heads WHERE tenant = $1::bytea AND router = $2::bytea"};

constexpr PostgresStatement kCounts{
    "counts",
    "SELECT c.kind, c.signal_type, c.records FROM heads AS h "
    "JOIN record_counts AS c ON c.router = h.id "
    "WHERE h.tenant = $1::bytea AND h.router = $2::bytea ORDER BY c.kind, c.signal_type"};

constexpr PostgresStatement kOpenDecisions{
    "open_decisions",
    "SELECT count(*) FROM heads AS h JOIN decisions AS d ON d.router = h.id "
    "WHERE h.tenant = $1::bytea AND h.router = $2::bytea AND d.expires_at >= $3::bigint"};

constexpr PostgresStatement kSaveCheckpoint{"save_checkpoint",
                                            "SELECT save_checkpoint($1, $2, $3, $4, $5, $6, $7)"};

constexpr PostgresStatement kDropCheckpoint{
    "drop_checkpoint",
    "WITH dropped AS (DELETE FROM checkpoints WHERE tenant = $1::bytea AND router = $2::bytea "
    "AND format = $3::bigint AND position = $4::bigint AND checksum = $5::bigint "
    "RETURNING tenant, router, position, format) "
    "DELETE FROM checkpoint_chunks AS c USING dropped AS d WHERE c.tenant = d.tenant "
    "AND c.router = d.router AND c.position = d.position AND c.format = d.format"};

constexpr PostgresStatement kLoadCheckpoints{
    "load_checkpoints",
    "SELECT p.format, p.position, p.checksum, c.name, c.bytes FROM checkpoints AS p "
    "LEFT JOIN checkpoint_chunks AS c USING (tenant, router, format, position) "
    "WHERE p.tenant = $1::bytea AND p.router = $2::bytea "
    "ORDER BY p.position DESC, p.format DESC, c.ordinal"};

/// A scan reads so many records a statement, which bounds the memory of an answer.
constexpr std::size_t kScanPage = 4096;

constexpr std::int64_t kNoBound = std::numeric_limits<std::int64_t>::max();

/// PostgreSQL's integers are signed; no log comes near their end.
std::int64_t bounded(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min(value, static_cast<std::uint64_t>(kNoBound)));
}

PostgresParams params_of(const Scope& scope) {
  PostgresParams params;
  params.bytes(scope.tenant).bytes(scope.router);
  return params;
}

/// Appends the answer's records. Gives how many. `below` hears of a row without a body.
Result<std::size_t> read_records(const Result<pqxx::result>& answer,
                                 std::vector<StoredRecord>& records, LogPosition& below) {
  if (!answer.ok()) return answer.error();
  const std::size_t before = records.size();
  for (const pqxx::row& row : *answer) {
    if (row[3].is_null()) {
      below = static_cast<LogPosition>(integer_at(row, 2));
      continue;
    }
    Result<Record> record = decode(bytes_at(row, 3));
    if (!record.ok()) return record.error();
    records.push_back({{bytes_at(row, 0), bytes_at(row, 1)},
                       static_cast<LogPosition>(integer_at(row, 2)),
                       std::move(record).value()});
  }
  return records.size() - before;
}

Result<std::vector<StoredRecord>> records_of(const Result<pqxx::result>& answer) {
  std::vector<StoredRecord> records;
  LogPosition below = 0;
  const Result<std::size_t> read = read_records(answer, records, below);
  if (!read.ok()) return read.error();
  return records;
}

Result<std::vector<Scope>> scopes_of(const Result<pqxx::result>& answer) {
  if (!answer.ok()) return answer.error();
  std::vector<Scope> scopes;
  for (const pqxx::row& row : *answer) scopes.push_back({bytes_at(row, 0), bytes_at(row, 1)});
  return scopes;
}

}  // namespace

Result<std::vector<StoredRecord>> PostgresStore::find(std::string_view tenant,
                                                      std::string_view query_id,
                                                      LogPosition upper) {
  const std::string id(query_id);
  return find_all(tenant, {&id, 1}, upper);
}

Result<std::vector<StoredRecord>> PostgresStore::find_all(std::string_view tenant,
                                                          std::span<const std::string> query_ids,
                                                          LogPosition upper) {
  const std::vector<std::optional<std::string_view>> ids(query_ids.begin(), query_ids.end());
  PostgresParams params;
  params.bytes(tenant).blobs(ids).integer(bounded(upper));
  return records_of(readers_->run(kFind, params));
}

Result<std::vector<StoredRecord>> PostgresStore::session_records(const Scope& scope,
                                                                 std::string_view session_id,
                                                                 LogPosition upper) {
  PostgresParams params = params_of(scope);
  params.bytes(session_id).integer(bounded(upper));
  return records_of(readers_->run(kSessionRecords, params));
}

Result<std::vector<Scope>> PostgresStore::session_scopes(std::string_view tenant,
                                                         std::string_view session_id) {
  PostgresParams params;
  params.bytes(tenant).bytes(session_id);
  return scopes_of(readers_->run(kSessionScopes, params));
}

Result<std::vector<StoredRecord>> PostgresStore::scan(const Scope& scope, LogPosition after,
                                                      std::size_t limit) {
  std::vector<StoredRecord> records;
  while (records.size() < limit) {
    const std::size_t page = std::min(kScanPage, limit - records.size());
    PostgresParams params = params_of(scope);
    if (!records.empty()) after = records.back().position;
    params.integer(bounded(after)).integer(bounded(page));
    LogPosition below = 0;
    const Result<std::size_t> read = read_records(readers_->run(kScan, params), records, below);
    if (!read.ok()) return read.error();
    if (begins_in_pruned(after, below)) return pruned_error(below);
    if (*read < page) break;
  }
  return records;
}

Result<std::vector<StoredRecord>> PostgresStore::recent_feedback(std::string_view tenant,
                                                                 LogPosition before,
                                                                 std::size_t limit) {
  PostgresParams params;
  params.bytes(tenant).integer(before == 0 ? kNoBound : bounded(before)).integer(bounded(limit));
  return records_of(readers_->run(kRecentFeedback, params));
}

Result<std::vector<LogHead>> PostgresStore::heads() {
  const Result<pqxx::result> answer = readers_->run(kHeads);
  if (!answer.ok()) return answer.error();
  std::vector<LogHead> heads;
  for (const pqxx::row& row : *answer) {
    heads.push_back(
        {{bytes_at(row, 0), bytes_at(row, 1)}, static_cast<LogPosition>(integer_at(row, 2))});
  }
  return heads;
}

// Through a reader's session, like a checkpoint; the same step again goes on where it was.
Result<PruneOutcome> PostgresStore::prune(const PruneStep& step) {
  PostgresParams params = params_of(step.scope);
  params.integer(bounded(step.below));
  params.integer(over_before(step.now).time_since_epoch().count());
  params.integer(step.now.time_since_epoch().count());
  params.integer(bounded(step.after)).integer(bounded(step.limit));
  const Result<pqxx::result> pruned = readers_->run(kPrune, params);
  if (!pruned.ok()) return pruned.error();
  if (pruned->empty()) return PruneOutcome{.looked_to = step.after, .last = true};
  const pqxx::row row = (*pruned)[0];
  return PruneOutcome{
      .looked_to = row[0].is_null() ? step.after : static_cast<LogPosition>(integer_at(row, 0)),
      .last = row[1].as<bool>(),
      .removed = static_cast<std::uint64_t>(integer_at(row, 2)),
      .kept = static_cast<std::uint64_t>(integer_at(row, 3))};
}

Result<LogPosition> PostgresStore::pruned_below(const Scope& scope) {
  const Result<pqxx::result> answer = readers_->run(kPrunedBelow, params_of(scope));
  if (!answer.ok()) return answer.error();
  return answer->empty() ? LogPosition{0} : static_cast<LogPosition>(integer_at((*answer)[0], 0));
}

// Autovacuum makes room for later records; it is the administrator who gives it back, if at all.
Status PostgresStore::compact() { return Done{}; }

Result<StoreCounts> PostgresStore::counts(const Scope& scope, Timestamp now) {
  const Result<pqxx::result> by_kind = readers_->run(kCounts, params_of(scope));
  if (!by_kind.ok()) return by_kind.error();
  StoreCounts counts;
  for (const pqxx::row& row : *by_kind) {
    const std::string_view kind = row[0].c_str();
    const auto n = static_cast<std::uint64_t>(integer_at(row, 2));
    if (kind == "decision") counts.decisions += n;
    if (kind == "outcome") counts.outcomes += n;
    if (kind == "session_feedback") counts.session_feedback += n;
    if (kind == "feedback") counts.feedback_by_type.emplace_back(bytes_at(row, 1), n);
  }
  PostgresParams params = params_of(scope);
  params.integer(now.time_since_epoch().count());
  const Result<pqxx::result> open = readers_->run(kOpenDecisions, params);
  if (!open.ok()) return open.error();
  counts.open_decisions = static_cast<std::uint64_t>(integer_at((*open)[0], 0));
  return counts;
}

// Through a reader's session: a large checkpoint does not hold up the appends. A lost connection
// is `unavailable` here, because the same call again changes nothing.
Status PostgresStore::save_checkpoint(const Checkpoint& checkpoint) {
  std::vector<std::optional<std::string_view>> names;
  std::vector<std::optional<std::string_view>> chunks;
  for (const auto& [name, bytes] : checkpoint.chunks) {
    names.emplace_back(name);
    chunks.emplace_back(bytes);
  }
  PostgresParams params = params_of(checkpoint.scope);
  params.integer(checkpoint.format).integer(bounded(checkpoint.position));
  params.integer(static_cast<std::int64_t>(checkpoint.checksum)).blobs(names).blobs(chunks);
  const Result<pqxx::result> saved = readers_->run(kSaveCheckpoint, params);
  if (!saved.ok()) return saved.error();
  if ((*saved)[0][0].as<bool>()) return Done{};
  return Error{ErrorCode::conflict, "This checkpoint is stored with another checksum.", ""};
}

Status PostgresStore::drop_checkpoint(const Checkpoint& checkpoint) {
  PostgresParams params = params_of(checkpoint.scope);
  params.integer(checkpoint.format).integer(bounded(checkpoint.position));
  params.integer(static_cast<std::int64_t>(checkpoint.checksum));
  const Result<pqxx::result> dropped = readers_->run(kDropCheckpoint, params);
  if (!dropped.ok()) return dropped.error();
  return Done{};
}

std::uint64_t PostgresStore::connections() const { return door_->opened(); }

Result<std::vector<Checkpoint>> PostgresStore::load_checkpoints(const Scope& scope) {
  const Result<pqxx::result> answer = readers_->run(kLoadCheckpoints, params_of(scope));
  if (!answer.ok()) return answer.error();
  std::vector<Checkpoint> found;
  for (const pqxx::row& row : *answer) {
    const auto format = static_cast<std::uint32_t>(integer_at(row, 0));
    const auto position = static_cast<LogPosition>(integer_at(row, 1));
    if (found.empty() || found.back().format != format || found.back().position != position) {
      found.push_back({.scope = scope,
                       .format = format,
                       .position = position,
                       .checksum = static_cast<std::uint64_t>(integer_at(row, 2)),
                       .chunks = {}});
    }
    if (row[3].is_null()) continue;
    found.back().chunks.emplace_back(bytes_at(row, 3), bytes_at(row, 4));
  }
  return found;
}

}  // namespace pointsman
