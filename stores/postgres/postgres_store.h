#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/log/store.h"

namespace pointsman {

class PostgresConnection;
class PostgresDoor;
class PostgresPool;
struct PostgresGroupOutcome;

struct PostgresStoreOptions {
  std::string url;  ///< postgresql://… as libpq reads it. May hold a password: never repeated.
  std::chrono::milliseconds connect_timeout{5000};  ///< In whole seconds, two at the least.
  /// How long PostgreSQL may take over one statement, waiting for another writer included.
  std::chrono::milliseconds statement_timeout{10'000};
  std::chrono::milliseconds first_pause{50};      ///< Between two attempts to connect; it doubles
  std::chrono::milliseconds longest_pause{2000};  ///< up to this.
  std::size_t readers = 4;                        ///< Sessions for reading.
  std::size_t max_record_bytes = 64U << 20;       ///< Encoded; a larger record is `failed`.
};

/// The log in PostgreSQL (15), for any number of writing processes. One append() is one statement,
/// one round trip and one transaction. Its tables, views and functions are in the schema
/// "pointsman", which is made and brought up to date here: see stores/postgres/.
///
/// Order: an append holds the row of each log that it appends to until it commits, and only then
/// takes positions; so positions of a log increase in the order of the commits, and a reader that
/// asks for what is above a position skips nothing. Positions are drawn from one sequence for all
/// logs and have gaps.
///
/// Durability is that of the server: settings() says what was found. synchronous_commit = off is
/// refused where there are replicas.
///
/// A database that was exchanged for another, or made anew, is refused until the server is started
/// anew: the schema has a random id.
///
/// Errors: `in_doubt` where the connection was lost while an append was under way, because the
/// statement commits by itself; `unavailable` where PostgreSQL cannot be reached or says no. It
/// connects anew at the next call, after a pause that grows. A record that breaks for a reason of
/// its own is `failed` alone. No call waits longer than the timeouts together.
/// Thread-safety: all calls. Appends of one store take turns.
class PostgresStore final : public Store {
 public:
  static Result<std::unique_ptr<PostgresStore>> open(const PostgresStoreOptions& options);
  ~PostgresStore() override;

  Result<std::vector<AppendResult>> append(std::span<const AppendRequest> group) override;
  Result<std::vector<StoredRecord>> find(std::string_view tenant, std::string_view query_id,
                                         LogPosition upper) override;
  Result<std::vector<StoredRecord>> find_all(std::string_view tenant,
                                             std::span<const std::string> query_ids,
                                             LogPosition upper) override;
  Result<std::vector<StoredRecord>> session_records(const Scope& scope, std::string_view session_id,
                                                    LogPosition upper) override;
  Result<std::vector<Scope>> session_scopes(std::string_view tenant,
                                            std::string_view session_id) override;
  Result<std::vector<StoredRecord>> scan(const Scope& scope, LogPosition after,
                                         std::size_t limit) override;
  Result<std::vector<StoredRecord>> recent_feedback(std::string_view tenant, LogPosition before,
                                                    std::size_t limit) override;
  Result<std::vector<LogHead>> heads() override;
  Status save_checkpoint(const Checkpoint& checkpoint) override;
  Result<std::vector<Checkpoint>> load_checkpoints(const Scope& scope) override;
  Status drop_checkpoint(const Checkpoint& checkpoint) override;
  Result<PruneOutcome> prune(const PruneStep& step) override;
  Result<LogPosition> pruned_below(const Scope& scope) override;
  Status compact() override;
  Result<StoreCounts> counts(const Scope& scope, Timestamp now) override;
  Status check(StoreCheck how) override;
  std::vector<std::pair<std::string, std::string>> settings() const override;
  bool shared() const override { return true; }
  std::uint64_t connections() const override;

 private:
  /// The server's settings, as of the last time that the writer connected.
  struct Found {
    std::string server_version;
    std::string synchronous_commit;
    std::string fsync;
    std::string replicas;
  };

  explicit PostgresStore(const PostgresStoreOptions& options);
  Status ready_to_write();
  Status look_at_server(PostgresConnection& connection);
  /// At open the store's id is taken, and made where there is none; later it has to be there.
  Status take_or_meet_identity(PostgresConnection& connection);
  Status judge_identity(std::string_view found) const;
  PostgresGroupOutcome append_group(std::span<const AppendRequest> group);

  const PostgresStoreOptions options_;
  std::unique_ptr<PostgresDoor> door_;  ///< Outlives the connections: declared before them.
  std::unique_ptr<PostgresPool> readers_;
  std::unique_ptr<PostgresDoor> checking_door_;
  std::mutex check_mutex_;
  /// Waits for no other call, and not long for PostgreSQL.
  std::unique_ptr<PostgresConnection> checking_;
  std::string id_;                       ///< Of the store that was opened. Set by open().
  std::atomic<bool> is_another_{false};  ///< As of the last check().

  std::mutex write_mutex_;
  std::unique_ptr<PostgresConnection> writer_;  ///< Null after a loss: connect anew.
  std::uint64_t groups_ = 0;

  std::atomic<std::uint64_t> connected_{0};
  mutable std::mutex found_mutex_;
  Found found_;
};

}  // namespace pointsman
