#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/append_requests.h"
#include "engine/router_fold.h"
#include "engine/snapshot_cell.h"
#include "engine/store.h"

namespace pointsman {

/// What became of one appended record.
struct Committed {
  AppendStatus status = AppendStatus::unknown;
  LogPosition position = 0;  ///< Of a duplicate: the first one's.
  Scope scope;
  std::string message;      ///< Of `failed`.
  Reward reward;            ///< Feedback: the recorded signal's; of a duplicate the first one's.
  Observation observation;  ///< Feedback: of its decision, at `position`.
  std::uint64_t propagated = 0;              ///< Session feedback: decisions it reached.
  std::shared_ptr<const Decision> decision;  ///< Duplicate decision: the stored one.
};

/// A router's state for /stats and inspect.
struct RouterReport {
  Scope scope;
  LogPosition position = 0;
  std::uint64_t checksum = 0;
  std::uint64_t decisions = 0;
  std::uint32_t schema_version = 0;
  std::string policy;
  struct ArmReport {
    ArmSpec spec;
    ArmStats stats;
    std::vector<double> theta;
  };
  std::vector<ArmReport> arms;
};

/// All routers of one store: recovers them from checkpoint and log, appends, folds what was
/// appended, and publishes a snapshot before it returns, so that a caller whose feedback was
/// acknowledged decides with it.
///
/// Thread-safety: snapshot() from any thread, without waiting for a commit. Everything else from
/// one thread at a time (the writer's).
class Routers final {
 public:
  struct Options {
    RouterFold::Options fold;
    /// A checkpoint is saved after so many records of a router; 0: only when asked.
    std::uint64_t checkpoint_every = 50'000;
    std::function<RecordId()> record_ids;  ///< For records that the engine itself appends.
    bool read_only = false;                ///< Recover and report only: nothing is appended.
  };

  /// Recovers every router of the store. `store` must outlive the result.
  /// `progress` (optional) hears the scope and the number of records folded so far.
  static Result<std::unique_ptr<Routers>> open(
      Store& store, Options options,
      const std::function<void(const Scope&, std::uint64_t)>& progress = {});

  /// Appends the group in one atomic step, folds it, publishes. One entry a request, in order.
  /// An Error means that nothing of the group is acknowledged: give it again with the same keys.
  Result<std::vector<Committed>> commit(std::vector<AppendRequest> group);

  /// Folds and publishes what other processes have appended to a shared store, new routers too.
  /// A replica calls it every few ten milliseconds, so that its decisions follow the log even
  /// where it takes no feedback itself. Errors: the store's; what was folded before is published.
  Status follow();

  /// The newest view of a router, or null where there is none of that name.
  std::shared_ptr<const RouterSnapshot> snapshot(const Scope& scope) const;

  /// The routers of a tenant, by name.
  std::vector<Scope> scopes() const;

  RouterReport report(const Scope& scope) const;

  /// The state of one decision at the newest folded position.
  Result<DecisionState> state_of(const Scope& scope, const std::string& query_id);

  /// Saves a checkpoint of every router that has one to save.
  Status checkpoint_all();

 private:
  using Cell = SnapshotCell<RouterSnapshot>;
  using Directory = std::map<Scope, std::shared_ptr<Cell>>;
  struct Entry {
    explicit Entry(Scope scope, const RouterFold::Options& options)
        : fold(std::move(scope), options), cell(std::make_shared<Cell>()) {}
    RouterFold fold;
    std::shared_ptr<Cell> cell;
    std::uint64_t since_checkpoint = 0;
    bool behind = false;  ///< The log may hold unfolded records: scan before the next fold.
    bool touched = false;
  };

  Routers(Store& store, Options options) : store_(store), options_(std::move(options)) {}

  Entry& entry(const Scope& scope);
  Status recover(const Scope& scope,
                 const std::function<void(const Scope&, std::uint64_t)>& progress);
  Status catch_up(Entry& entry,
                  const std::function<void(const Scope&, std::uint64_t)>& progress = {});
  Status fold_appended(std::vector<AppendRequest>& group, const std::vector<AppendResult>& results,
                       std::vector<Committed>& committed);
  /// Catches a router up that is behind, so that a duplicate's first record is folded too.
  Status fold_missed(const Scope& scope);
  void mark_behind(const std::vector<AppendResult>& results);
  Status describe(const RecordBody& body, Committed& committed);
  Status describe_duplicate(const AppendRequest& request, Committed& committed);
  /// The answer that was given at committed.position, from the store.
  Status describe_at(const std::string& query_id, Committed& committed);
  Status count_propagated(const std::string& session_id, Committed& committed);
  Status append_due_schemas();
  void publish_touched();
  Status save_checkpoint(Entry& entry);

  Store& store_;
  Options options_;
  std::map<Scope, std::unique_ptr<Entry>> entries_;
  /// Shared, so that a thread that keeps it can tell one Routers from the next at its address.
  std::shared_ptr<SnapshotCell<Directory>> directory_ = std::make_shared<SnapshotCell<Directory>>();
};

}  // namespace pointsman
