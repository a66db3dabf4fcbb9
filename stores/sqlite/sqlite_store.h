#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/log/store.h"
#include "stores/sqlite/sqlite_file.h"

namespace pointsman {

class SqliteConnection;
class SqliteReaders;
class SqliteWitness;

enum class SqliteSynchronous : std::uint8_t {
  full,    ///< The log is synced at each commit: an acknowledged record survives a power loss.
  normal,  ///< It survives the end of the process; a power loss may drop the newest groups.
};

struct SqliteStoreOptions {
  /// The file; made where it is missing, for its owner alone. Its folder must be there.
  std::string path;
  SqliteSynchronous synchronous = SqliteSynchronous::full;
  bool read_only = false;      ///< Reads beside a process that writes; appending is an error.
  int busy_timeout_ms = 5000;  ///< How long a call waits for a lock of another connection.
  std::size_t readers = 4;     ///< Connections for reading; a further reader waits for one.
  std::size_t max_record_bytes = 64U << 20;  ///< Encoded; a larger record is `failed`.
};

/// The log in one SQLite file (3.40, WAL), for one writing process: the file is locked while
/// the store is open, and another writer gets `unavailable`, by whatever name it opens it. One
/// append() is one transaction. Readers have connections of their own and never wait for the
/// writer. People may read the file with any SQLite tool: see the tables and views in
/// sqlite_schema.cc.
///
/// Durability: with synchronous = full an acknowledged record survives a power loss as far as the
/// disk keeps what it says it synced; with normal it survives the process, kill -9 included. After
/// a failure of input or output the file is opened anew before the next append, and whatever the
/// failed commit left is synced or gone before anything is acknowledged.
///
/// Where the file or its WAL is removed, replaced or written over, nothing more is acknowledged: a
/// group before whose commit that was the case is refused, one that met it is in doubt.
///
/// Errors: `in_doubt` where a COMMIT failed; `unavailable` for a full disk, a lock, a read-only
/// store; `corrupt`. A record that breaks for a reason of its own is `failed` alone.
/// Thread-safety: all calls. Appends take turns.
class SqliteStore final : public Store {
 public:
  static Result<std::unique_ptr<SqliteStore>> open(const SqliteStoreOptions& options);
  ~SqliteStore() override;

  Result<std::vector<AppendResult>> append(std::span<const AppendRequest> group) override;
  Result<std::vector<StoredRecord>> find(std::string_view tenant, std::string_view query_id,
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
  bool shared() const override { return false; }
  std::uint64_t connections() const override { return 1 + reopened_.load(); }

 private:
  SqliteStore(const SqliteStoreOptions& options, std::shared_ptr<SqliteFile> file,
              std::optional<SqliteFileLock> lock);
  Status open_writer();
  Status ready_to_write();
  Status look_at_file();
  /// The next write opens another connection where `code` says that this one is of no more use.
  void drop_if_broken(int code);
  /// Runs `work`, which gives a SQLite code, as one write transaction.
  Status in_transaction(const std::function<int(SqliteConnection&)>& work);

  const SqliteStoreOptions options_;
  const std::shared_ptr<SqliteFile> file_;
  std::optional<SqliteFileLock> lock_;  ///< Outlives the connections: declared before them.
  std::string found_journal_mode_;
  std::string found_synchronous_;
  bool may_be_pruned_ = false;  ///< A file of an earlier release, open for reading, cannot be.

  std::mutex write_mutex_;
  std::unique_ptr<SqliteConnection> writer_;  ///< Null after a failure: open anew.
  bool sync_leftovers_ = false;               ///< A failed sync may have left frames in the WAL.
  std::atomic<std::uint64_t> reopened_{0};
  std::unique_ptr<SqliteWitness> witness_;  ///< Null where it is open for reading only.

  std::unique_ptr<SqliteReaders> readers_;
};

}  // namespace pointsman
