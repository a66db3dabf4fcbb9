#include "stores/sqlite/sqlite_store.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "engine/log/record_codec.h"
#include "stores/append_rules.h"
#include "stores/sqlite/sqlite_append.h"
#include "stores/sqlite/sqlite_connection.h"
#include "stores/sqlite/sqlite_readers.h"
#include "stores/sqlite/sqlite_schema.h"
#include "stores/sqlite/sqlite_witness.h"

namespace pointsman {
namespace {

constexpr std::int64_t kNoBound = std::numeric_limits<std::int64_t>::max();

/// SQLite's integers are signed; no log comes near their end.
std::int64_t bounded(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min(value, static_cast<std::uint64_t>(kNoBound)));
}

Result<std::vector<StoredRecord>> read_records(SqliteReaders::Loan& loan, SqliteQuery& query) {
  std::vector<StoredRecord> records;
  while (query.next()) {
    Result<Record> record = decode(query.bytes_at(3));
    if (!record.ok()) return record.error();
    records.push_back({{std::string(query.bytes_at(0)), std::string(query.bytes_at(1))},
                       static_cast<LogPosition>(query.integer_at(2)),
                       std::move(record).value()});
  }
  if (!query.ok()) return loan.fail(query.code());
  return records;
}

Result<std::vector<Scope>> read_scopes(SqliteReaders::Loan& loan, SqliteQuery& query) {
  std::vector<Scope> scopes;
  while (query.next()) {
    scopes.push_back({std::string(query.bytes_at(0)), std::string(query.bytes_at(1))});
  }
  if (!query.ok()) return loan.fail(query.code());
  return scopes;
}

/// What the table `pruned` says of a scope; 0: nothing.
Result<LogPosition> read_mark(SqliteReaders::Loan& loan, const Scope& scope) {
  SqliteQuery query =
      loan.connection().query("SELECT below FROM pruned WHERE tenant = ?1 AND router = ?2");
  query.text(scope.tenant).text(scope.router);
  const LogPosition below = query.next() ? static_cast<LogPosition>(query.integer_at(0)) : 0;
  if (!query.ok()) return loan.fail(query.code());
  return below;
}

Error with_path(Error error, const std::string& path) {
  error.message = path + ": " + error.message;
  return error;
}

}  // namespace

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const SqliteStoreOptions& options) {
  if (options.path.empty() || options.path == ":memory:") {
    return invalid("store", "A SQLite store needs a file; for a log in memory use memory:.");
  }
  if (options.readers == 0) return invalid("readers", "A SQLite store needs a reader.");
  Result<std::shared_ptr<SqliteFile>> file =
      SqliteFile::at(options.path, options.read_only ? SqliteFile::IfMissing::fail
                                                     : SqliteFile::IfMissing::create);
  if (!file.ok()) return file.error();
  std::optional<SqliteFileLock> lock;
  if (!options.read_only) {
    Result<SqliteFileLock> taken = SqliteFileLock::acquire(*file);
    if (!taken.ok()) return taken.error();
    lock.emplace(std::move(taken).value());
  }
  std::unique_ptr<SqliteStore> store(new SqliteStore(options, *file, std::move(lock)));
  if (!options.read_only) {
    if (const Status opened = store->open_writer(); !opened.ok()) return opened.error();
    Result<std::unique_ptr<SqliteWitness>> witness =
        SqliteWitness::take(*store->writer_, store->readers_->options(), options.path);
    if (!witness.ok()) return with_path(witness.error(), options.path);
    store->witness_ = std::move(witness).value();
  }
  if (const Status looked = store->look_at_file(); !looked.ok()) return looked.error();
  return store;
}

SqliteStore::SqliteStore(const SqliteStoreOptions& options, std::shared_ptr<SqliteFile> file,
                         std::optional<SqliteFileLock> lock)
    : options_(options),
      file_(std::move(file)),
      lock_(std::move(lock)),
      readers_(std::make_unique<SqliteReaders>(
          SqliteConnection::Options{
              .file = file_, .read_only = true, .busy_timeout_ms = options.busy_timeout_ms},
          options.readers)) {}

SqliteStore::~SqliteStore() {
  // The writer goes last: the last connection folds the WAL into the file, which a reader cannot.
  readers_.reset();
  if (witness_) witness_->close_reader();
  writer_.reset();
  if (witness_) witness_->part_from_wal();
}

Status SqliteStore::open_writer() {
  Result<std::unique_ptr<SqliteConnection>> opened = SqliteConnection::open(
      {.file = file_, .read_only = false, .busy_timeout_ms = options_.busy_timeout_ms});
  if (!opened.ok()) return opened.error();
  SqliteConnection& connection = **opened;
  const bool full = options_.synchronous == SqliteSynchronous::full;
  const std::string settings = std::string("PRAGMA synchronous = ") + (full ? "FULL" : "NORMAL") +
                               "; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;"
                               "PRAGMA wal_autocheckpoint = 4000;"
                               "PRAGMA journal_size_limit = 67108864;";
  if (const int code = connection.execute(settings)) return connection.error(code);
  const Result<std::string> mode = connection.value("PRAGMA journal_mode = WAL");
  if (!mode.ok()) return with_path(mode.error(), options_.path);
  if (*mode != "wal") {
    return Error{ErrorCode::unavailable, options_.path + ": SQLite refused WAL mode.", ""};
  }
  if (const Status migrated = migrate_sqlite_schema(connection); !migrated.ok()) {
    return with_path(migrated.error(), options_.path);
  }
  found_journal_mode_ = *mode;
  const Result<std::string> synchronous = connection.value("PRAGMA synchronous");
  if (!synchronous.ok()) return synchronous.error();
  found_synchronous_ = *synchronous == "2" ? "full" : *synchronous == "1" ? "normal" : "off";
  writer_ = std::move(opened).value();
  return Done{};
}

Status SqliteStore::look_at_file() {
  Result<SqliteReaders::Loan> loan = readers_->borrow();
  if (!loan.ok()) return loan.error();
  const Result<int> version = check_sqlite_schema(loan->connection());
  if (!version.ok()) return with_path(version.error(), options_.path);
  may_be_pruned_ = *version > 1;
  if (!options_.read_only) return Done{};
  const Result<std::string> mode = loan->connection().value("PRAGMA journal_mode");
  if (!mode.ok()) return mode.error();
  found_journal_mode_ = *mode;
  found_synchronous_ = "not applicable";
  return Done{};
}

/// Precondition: write_mutex_ is held.
Status SqliteStore::ready_to_write() {
  if (options_.read_only) {
    return Error{ErrorCode::unavailable, options_.path + " is open for reading only.", ""};
  }
  if (const Status placed = witness_->in_place(); !placed.ok()) return placed;
  if (writer_) return Done{};
  if (const Status opened = open_writer(); !opened.ok()) return opened;
  ++reopened_;
  if (!sync_leftovers_) return Done{};
  // Linux forgets a failed fsync: frames of a commit in doubt may be readable yet not on the disk.
  // Moving them into the file writes and syncs them as new data; what was lost fails its checksum
  // and is gone. Only then may a repeat be called a duplicate.
  const Result<std::string> busy = writer_->value("PRAGMA wal_checkpoint(FULL)");
  if (busy.ok() && *busy == "0") {
    sync_leftovers_ = false;
    return Done{};
  }
  writer_.reset();
  if (!busy.ok()) return busy.error();
  return Error{ErrorCode::unavailable, "A reader holds up the recovery of " + options_.path + ".",
               ""};
}

Status SqliteStore::check(StoreCheck how) {
  if (!witness_) return file_->in_place() ? Status(Done{}) : file_->gone();
  const Status looked = witness_->look();
  if (!looked.ok() || how == StoreCheck::identity) return looked;
  const std::lock_guard lock(write_mutex_);
  if (const Status ready = ready_to_write(); !ready.ok()) return ready;
  const int code = prove_writing(*writer_);
  if (code == SQLITE_OK) return Done{};
  const Error error = writer_->error(code);
  drop_if_broken(code);
  return error;
}

Status SqliteStore::in_transaction(const std::function<int(SqliteConnection&)>& work) {
  const std::lock_guard lock(write_mutex_);
  if (const Status ready = ready_to_write(); !ready.ok()) return ready;
  int code = writer_->execute("BEGIN IMMEDIATE");
  if (code == SQLITE_OK) code = work(*writer_);
  if (code == SQLITE_OK) code = writer_->execute("COMMIT");
  if (code == SQLITE_OK) return Done{};
  Error error = writer_->error(code);
  if (writer_->in_transaction()) writer_->execute("ROLLBACK");
  drop_if_broken(code);
  return error;
}

void SqliteStore::drop_if_broken(int code) {
  if (fault_of(code) != SqliteFault::broken) return;
  sync_leftovers_ = sync_leftovers_ || (code & 0xff) == SQLITE_IOERR;
  writer_.reset();
}

Result<std::vector<AppendResult>> SqliteStore::append(std::span<const AppendRequest> group) {
  if (group.empty()) return std::vector<AppendResult>{};
  const std::lock_guard lock(write_mutex_);
  if (const Status ready = ready_to_write(); !ready.ok()) return ready.error();
  SqliteGroupOutcome outcome =
      append_group(*writer_, group, options_.max_record_bytes, /*apart=*/false);
  if (fault_of(outcome.code) == SqliteFault::record) {
    outcome = append_group(*writer_, group, options_.max_record_bytes, /*apart=*/true);
  }
  const SqliteFault fault = fault_of(outcome.code);
  if (fault == SqliteFault::none) {
    if (const Status placed = witness_->in_place(); !placed.ok()) {
      return Error{ErrorCode::in_doubt, placed.error().message, ""};
    }
    return std::move(outcome.results);
  }
  if (fault == SqliteFault::broken && outcome.committing) outcome.error.code = ErrorCode::in_doubt;
  drop_if_broken(outcome.code);
  return std::move(outcome.error);
}

Result<std::vector<StoredRecord>> SqliteStore::find(std::string_view tenant,
                                                    std::string_view query_id, LogPosition upper) {
  Result<SqliteReaders::Loan> loan = readers_->borrow();
  if (!loan.ok()) return loan.error();
  SqliteQuery query = loan->connection().query(
      "WITH found AS (SELECT position AS decision FROM decisions "
      "WHERE query_id = ?1 AND tenant = ?2) "
      "SELECT tenant, router, position, body FROM records "
      "WHERE position = (SELECT decision FROM found) AND position <= ?3 "
      "UNION ALL "
      "SELECT tenant, router, position, body FROM records INDEXED BY records_by_decision "
      "WHERE decision = (SELECT decision FROM found) AND position <= ?3 ORDER BY position");
  query.text(query_id).text(tenant).integer(bounded(upper));
  return read_records(*loan, query);
}

Result<std::vector<StoredRecord>> SqliteStore::session_records(const Scope& scope,
                                                               std::string_view session_id,
                                                               LogPosition upper) {
  Result<SqliteReaders::Loan> loan = readers_->borrow();
  if (!loan.ok()) return loan.error();
  SqliteQuery query = loan->connection().query(
      "SELECT tenant, router, position, body FROM records INDEXED BY records_by_session "
      "WHERE session_id = ?1 AND tenant = ?2 AND router = ?3 AND position <= ?4 ORDER BY position");
  query.text(session_id).text(scope.tenant).text(scope.router).integer(bounded(upper));
  return read_records(*loan, query);
}

Result<std::vector<Scope>> SqliteStore::session_scopes(std::string_view tenant,
                                                       std::string_view session_id) {
  Result<SqliteReaders::Loan> loan = readers_->borrow();
  if (!loan.ok()) return loan.error();
  SqliteQuery query = loan->connection().query(
      "SELECT DISTINCT tenant, router FROM records INDEXED BY records_by_session "
      "WHERE session_id = ?1 AND tenant = ?2 AND kind = 'decision' ORDER BY router");
  query.text(session_id).text(tenant);
  return read_scopes(*loan, query);
}

Result<std::vector<StoredRecord>> SqliteStore::scan(const Scope& scope, LogPosition after,
                                                    std::size_t limit) {
  Result<SqliteReaders::Loan> loan = readers_->borrow();
  if (!loan.ok()) return loan.error();
  SqliteQuery query = loan->connection().query(
      "SELECT tenant, router, position, body FROM records INDEXED BY records_by_router "
      "WHERE tenant = ?1 AND router = ?2 AND position > ?3 ORDER BY position LIMIT ?4");
  query.text(scope.tenant).text(scope.router).integer(bounded(after)).integer(bounded(limit));
  Result<std::vector<StoredRecord>> records = read_records(*loan, query);
  if (!records.ok()) return records;
  // After the records: what was pruned before they were read was marked before.
  const Result<LogPosition> below = may_be_pruned_ ? read_mark(*loan, scope) : LogPosition{0};
  if (!below.ok()) return below.error();
  if (begins_in_pruned(after, *below)) return pruned_error(*below);
  return records;
}

Result<LogPosition> SqliteStore::pruned_below(const Scope& scope) {
  Result<SqliteReaders::Loan> loan = readers_->borrow();
  if (!loan.ok()) return loan.error();
  return may_be_pruned_ ? read_mark(*loan, scope) : LogPosition{0};
}

Result<std::vector<StoredRecord>> SqliteStore::recent_feedback(std::string_view tenant,
                                                               LogPosition before,
                                                               std::size_t limit) {
  Result<SqliteReaders::Loan> loan = readers_->borrow();
  if (!loan.ok()) return loan.error();
  SqliteQuery query = loan->connection().query(
      "SELECT tenant, router, position, body FROM records INDEXED BY records_with_signal "
      "WHERE signal_type IS NOT NULL AND tenant = ?1 AND position < ?2 "
      "ORDER BY position DESC LIMIT ?3");
  query.text(tenant).integer(before == 0 ? kNoBound : bounded(before)).integer(bounded(limit));
  return read_records(*loan, query);
}

Result<std::vector<LogHead>> SqliteStore::heads() {
  Result<SqliteReaders::Loan> loan = readers_->borrow();
  if (!loan.ok()) return loan.error();
  SqliteQuery query = loan->connection().query(
      "SELECT c.tenant, c.router, (SELECT MAX(r.position) FROM records AS r "
      "INDEXED BY records_by_router WHERE r.tenant = c.tenant AND r.router = c.router) "
      "FROM (SELECT DISTINCT tenant, router FROM record_counts) AS c ORDER BY c.tenant, c.router");
  std::vector<LogHead> heads;
  while (query.next()) {
    heads.push_back({{std::string(query.bytes_at(0)), std::string(query.bytes_at(1))},
                     static_cast<LogPosition>(query.integer_at(2))});
  }
  if (!query.ok()) return loan->fail(query.code());
  return heads;
}

Result<StoreCounts> SqliteStore::counts(const Scope& scope, Timestamp now) {
  Result<SqliteReaders::Loan> loan = readers_->borrow();
  if (!loan.ok()) return loan.error();
  StoreCounts counts;
  SqliteQuery by_kind = loan->connection().query(
      "SELECT kind, signal_type, records FROM record_counts "
      "WHERE tenant = ?1 AND router = ?2 ORDER BY kind, signal_type");
  by_kind.text(scope.tenant).text(scope.router);
  while (by_kind.next()) {
    const std::string_view kind = by_kind.bytes_at(0);
    const auto n = static_cast<std::uint64_t>(by_kind.integer_at(2));
    if (kind == "decision") counts.decisions += n;
    if (kind == "outcome") counts.outcomes += n;
    if (kind == "session_feedback") counts.session_feedback += n;
    if (kind == "feedback") counts.feedback_by_type.emplace_back(by_kind.bytes_at(1), n);
  }
  if (!by_kind.ok()) return loan->fail(by_kind.code());
  SqliteQuery open = loan->connection().query(
      "SELECT COUNT(*) FROM decisions INDEXED BY decisions_open "
      "WHERE tenant = ?1 AND router = ?2 AND expires_at >= ?3");
  open.text(scope.tenant).text(scope.router).integer(now.time_since_epoch().count());
  if (open.next()) counts.open_decisions = static_cast<std::uint64_t>(open.integer_at(0));
  if (!open.ok()) return loan->fail(open.code());
  return counts;
}

std::vector<std::pair<std::string, std::string>> SqliteStore::settings() const {
  const bool full = found_synchronous_ == "full";
  return {{"kind", "sqlite"},
          {"path", options_.path},
          {"journal_mode", found_journal_mode_},
          {"synchronous", found_synchronous_},
          {"survives", full ? "power loss" : "the end of the process, not a power loss"},
          {"read_only", options_.read_only ? "true" : "false"},
          {"sqlite", sqlite3_libversion()},
          {"reopened_after_failure", std::to_string(reopened_.load())}};
}

}  // namespace pointsman
