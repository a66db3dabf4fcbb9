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
  std::uint64_t forks = 0;        ///< See Routers: how often the log had lost what was folded.
  std::uint64_t divergences = 0;  ///< Checkpoints that another replica saved with another checksum.
  struct Budget {
    double lambda = 0.0;
    double account = 0.0;  ///< Targets overspent so far; below 0: left.
    double spent_today_usd = 0.0;
  };
  Budget budget;
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
/// Forks: a failover may lose records that were acknowledged, and then one position means two
/// records. So the id of the last folded record is compared with the store's at every scan of a
/// shared store, after every failed commit and every new connection, of one router in turn at
/// every follow(), and before every checkpoint. Where it differs or is gone, the router goes back
/// to the newest checkpoint whose last record is in the log, or else to the start, folds what the
/// log holds now, publishes that, and counts a fork. What was lost is lost: see docs/OPERATIONS.md.
///
/// Pruning: a router whose next record was pruned goes on from the newest checkpoint above it.
/// Where there is none, open() and every later call that has to fold it fail and name the router: a
/// part of a log is never folded as if it were the whole.
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
  /// where it takes no feedback itself. Asks the store once for what moved and scans only that.
  /// Errors: the store's, the first one; the other routers are followed and published all the same.
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

  /// How many routers all calls together have gone through one by one: the work of a commit is that
  /// of the routers it touches, however many there are.
  std::uint64_t routers_gone_through() const { return gone_through_; }

 private:
  using Cell = SnapshotCell<RouterSnapshot>;
  using Directory = std::map<Scope, std::shared_ptr<Cell>>;
  using Progress = std::function<void(const Scope&, std::uint64_t)>;
  struct Entry {
    Entry(const Scope& scope, const RouterFold::Options& options)
        : fold(std::make_unique<RouterFold>(scope, options)), cell(std::make_shared<Cell>()) {}
    std::unique_ptr<RouterFold> fold;  ///< Never null; a fork puts another in its place.
    std::shared_ptr<Cell> cell;
    std::uint64_t since_checkpoint = 0;
    std::uint64_t forks = 0;
    std::uint64_t divergences = 0;
    bool behind = false;       ///< The log may hold unfolded records: scan before the next fold.
    std::uint64_t doubts = 0;  ///< The value of doubts_ when the log was last compared.
    bool touched = false;      ///< It stands in touched_.
  };
  /// A group on its way from the store into the folds.
  struct Folding;

  Routers(Store& store, Options options) : store_(store), options_(std::move(options)) {}

  Entry& entry(const Scope& scope);
  void touch(Entry& entry);
  bool is_behind(const Entry& entry) const { return entry.behind || entry.doubts != doubts_; }

  // routers_log.cc: what the store's log is, and whether it is still the one that was folded.
  struct Recovered;
  Status recover(const Scope& scope, const Progress& progress);
  /// The newest checkpoint that the log bears out, or an empty fold. Drops those it does not.
  /// Error: `pruned` where the log was pruned and no checkpoint is left to go on from.
  Result<Recovered> newest_sound_fold(const Scope& scope);
  Status catch_up(Entry& entry, Folding* folding = nullptr, const Progress& progress = {});
  /// To the newest sound checkpoint, or the start. `forked`: the log has lost what was folded.
  Status go_back(Entry& entry, bool forked);
  Status fold_batch(Entry& entry, const std::vector<StoredRecord>& batch, Folding* folding);
  /// Whether what was folded from `first` on may have asked for decisions that are pruned since.
  Result<bool> pruned_while_folded(const Entry& entry, LogPosition first,
                                   const std::vector<StoredRecord>& batch, bool failed);
  Status look_in_turn();
  Status save_checkpoint(Entry& entry);
  Status save_due_checkpoints(const std::vector<Entry*>& entries);

  Status fold_appended(Folding& folding);
  Status fold_one(Folding& folding, std::size_t at);
  /// Catches a router up that is behind, so that a duplicate's first record is folded too.
  Status fold_missed(const Scope& scope);
  void mark_behind(const std::vector<AppendResult>& results);
  Status append_due_schemas();
  std::vector<Entry*> publish_touched();

  // routers_answers.cc: what is said of each record.
  Status describe(const RecordBody& body, Committed& committed);
  Status describe_duplicate(const AppendRequest& request, Committed& committed);
  /// The answer that was given at committed.position, from the store.
  Status describe_at(const std::string& query_id, Committed& committed);
  Status count_propagated(const std::string& session_id, Committed& committed);

  Store& store_;
  Options options_;
  std::map<Scope, std::unique_ptr<Entry>> entries_;
  std::vector<Entry*> touched_;      ///< Changed since they were published.
  bool directory_changed_ = false;   ///< entries_ has a router that readers do not see yet.
  std::uint64_t doubts_ = 0;         ///< Counts the reasons to compare every router's log again.
  std::uint64_t connections_ = 0;    ///< The store's, when it was last asked.
  Scope looked_at_;                  ///< The router that look_in_turn() looked at last.
  std::size_t left_to_look_at_ = 0;  ///< Routers it still has to go through since the last doubt.
  std::uint64_t gone_through_ = 0;
  /// Shared, so that a thread that keeps it can tell one Routers from the next at its address.
  std::shared_ptr<SnapshotCell<Directory>> directory_ = std::make_shared<SnapshotCell<Directory>>();
};

}  // namespace pointsman
