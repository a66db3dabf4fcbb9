#include "stores/postgres/postgres_store.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>

#include "stores/postgres/postgres_append.h"
#include "stores/postgres/postgres_connection.h"
#include "stores/postgres/postgres_pool.h"
#include "stores/postgres/postgres_schema.h"

namespace pointsman {
namespace {

/// A group meets others' at most so often before its records are tried one by one.
constexpr int kAttemptsAtOnce = 3;

/// Expired keys are looked for every so many groups.
constexpr std::uint64_t kGroupsBetweenForgetting = 16;

constexpr PostgresStatement kSettings{
    "settings",
    "SELECT current_setting('server_version'), current_setting('synchronous_commit'), "
    "current_setting('fsync'), (SELECT count(*) FROM pg_stat_replication)"};

constexpr PostgresStatement kReadIdentity{"read_identity", "SELECT id FROM store_identity"};
constexpr PostgresStatement kProveWriting{"prove_writing",
                                          "UPDATE store_identity SET writes = writes + 1"};

/// How long a check waits for an answer.
constexpr std::chrono::milliseconds kLongestCheck{1'000};

PostgresDoor::Options door_options(const PostgresStoreOptions& options) {
  return {.connection = {.url = PostgresUrl(options.url),
                         .connect_timeout = options.connect_timeout,
                         .statement_timeout = options.statement_timeout},
          .first_pause = options.first_pause,
          .longest_pause = options.longest_pause};
}

PostgresDoor::Options checking_options(const PostgresStoreOptions& options) {
  PostgresDoor::Options made = door_options(options);
  made.connection.statement_timeout = std::min(options.statement_timeout, kLongestCheck);
  made.connection.grace = std::chrono::milliseconds(200);
  return made;
}

Result<std::string> identity_in(const pqxx::result& rows) {
  if (rows.size() == 1) return std::string(rows[0][0].c_str());
  return Error{ErrorCode::unavailable, "PostgreSQL keeps no id of the store.", ""};
}

}  // namespace

Result<std::unique_ptr<PostgresStore>> PostgresStore::open(const PostgresStoreOptions& options) {
  if (options.readers == 0) return invalid("readers", "A PostgreSQL store needs a reader.");
  std::unique_ptr<PostgresStore> store(new PostgresStore(options));
  const std::lock_guard lock(store->write_mutex_);
  if (const Status ready = store->ready_to_write(); !ready.ok()) return ready.error();
  return store;
}

PostgresStore::PostgresStore(const PostgresStoreOptions& options)
    : options_(options),
      door_(std::make_unique<PostgresDoor>(door_options(options))),
      readers_(std::make_unique<PostgresPool>(*door_, options.readers, options.statement_timeout)),
      checking_door_(std::make_unique<PostgresDoor>(checking_options(options))) {}

PostgresStore::~PostgresStore() = default;

/// Precondition: write_mutex_ is held.
Status PostgresStore::ready_to_write() {
  if (writer_ && writer_->alive()) return Done{};
  writer_.reset();
  Result<std::unique_ptr<PostgresConnection>> opened = door_->open();
  if (!opened.ok()) return opened.error();
  // Each time: this may be another server than the last, as after a failover.
  if (Status same = take_or_meet_identity(**opened); !same.ok()) return same;
  if (Status looked = look_at_server(**opened); !looked.ok()) return looked;
  writer_ = std::move(opened).value();
  ++connected_;
  return Done{};
}

Status PostgresStore::take_or_meet_identity(PostgresConnection& connection) {
  // Nothing is made in a database that is not the one that was opened.
  if (id_.empty()) {
    if (Status migrated = migrate_postgres_schema(connection); !migrated.ok()) return migrated;
  }
  PostgresAnswer answer = connection.run(kReadIdentity);
  if (answer.fault == PostgresFault::refused && !id_.empty()) return judge_identity("");
  if (!answer.ok()) return std::move(answer.error);
  Result<std::string> found = identity_in(answer.rows);
  if (!found.ok()) return found.error();
  if (id_.empty()) id_ = *found;
  return judge_identity(*found);
}

Status PostgresStore::judge_identity(std::string_view found) const {
  if (found == id_) return Done{};
  return Error{ErrorCode::unavailable,
               "The PostgreSQL database is not the one that was opened: it was made anew, or "
               "another stands at its address. Bring that one back, or restart the server to use "
               "this one.",
               ""};
}

Status PostgresStore::check(StoreCheck how) {
  const std::lock_guard lock(check_mutex_);
  if (!checking_ || !checking_->alive()) {
    checking_.reset();
    Result<std::unique_ptr<PostgresConnection>> opened = checking_door_->open();
    if (!opened.ok()) return opened.error();
    checking_ = std::move(opened).value();
  }
  // Not given again where the session is lost: that is an answer.
  PostgresAnswer answer = checking_->run(kReadIdentity);
  if (!answer.ok()) return std::move(answer.error);
  const Result<std::string> found = identity_in(answer.rows);
  if (!found.ok()) return found.error();
  Status same = judge_identity(*found);
  is_another_ = !same.ok();
  if (!same.ok() || how == StoreCheck::identity) return same;
  PostgresAnswer written = checking_->run(kProveWriting);
  if (!written.ok()) return std::move(written.error);
  return Done{};
}

Status PostgresStore::look_at_server(PostgresConnection& connection) {
  PostgresAnswer answer = connection.run(kSettings);
  if (!answer.ok()) return std::move(answer.error);
  const pqxx::row row = answer.rows[0];
  Found found{.server_version = row[0].c_str(),
              .synchronous_commit = row[1].c_str(),
              .fsync = row[2].c_str(),
              .replicas = row[3].c_str()};
  if (found.synchronous_commit == "off" && found.replicas != "0") {
    return invalid("store",
                   "PostgreSQL has replicas and synchronous_commit = off: a failover would lose "
                   "acknowledged records. Turn it on, for this role or for the server.");
  }
  const std::lock_guard lock(found_mutex_);
  found_ = std::move(found);
  return Done{};
}

/// Precondition: write_mutex_ is held, writer_ is ready.
PostgresGroupOutcome PostgresStore::append_group(std::span<const AppendRequest> group) {
  const PostgresAppendOptions options{
      .max_record_bytes = options_.max_record_bytes,
      .forget_expired_keys = ++groups_ % kGroupsBetweenForgetting == 0};
  PostgresGroupOutcome outcome;
  for (int attempt = 0; attempt < kAttemptsAtOnce; ++attempt) {
    outcome = append_at_once(*writer_, group, options);
    if (outcome.fault != PostgresFault::race) break;
  }
  if (outcome.fault == PostgresFault::record || outcome.fault == PostgresFault::race) {
    outcome = append_one_by_one(*writer_, group, options);
  }
  return outcome;
}

Result<std::vector<AppendResult>> PostgresStore::append(std::span<const AppendRequest> group) {
  if (group.empty()) return std::vector<AppendResult>{};
  const std::lock_guard lock(write_mutex_);
  if (const Status ready = ready_to_write(); !ready.ok()) return ready.error();
  if (is_another_) return judge_identity("").error();
  PostgresGroupOutcome outcome = append_group(group);
  if (outcome.fault == PostgresFault::none) return std::move(outcome.results);
  if (writer_->lost()) writer_.reset();
  if (outcome.committing) {
    outcome.error = {ErrorCode::in_doubt,
                     "The connection to PostgreSQL was lost during a commit; the same again is "
                     "recognised.",
                     ""};
  }
  return std::move(outcome.error);
}

std::vector<std::pair<std::string, std::string>> PostgresStore::settings() const {
  const std::lock_guard lock(found_mutex_);
  const bool durable = found_.synchronous_commit != "off" && found_.fsync == "on";
  std::string survives = durable ? "power loss" : "the end of this process, not of the server";
  if (durable && found_.replicas != "0") {
    survives += "; a failover as far as the replicas are synchronous";
  }
  return {{"kind", "postgresql"},
          {"server_version", found_.server_version},
          {"synchronous_commit", found_.synchronous_commit},
          {"fsync", found_.fsync},
          {"replicas", found_.replicas},
          {"survives", survives},
          {"schema_version", std::to_string(kPostgresSchemaVersion)},
          {"connected", std::to_string(connected_.load())}};
}

}  // namespace pointsman
