#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/fold/router_fold.h"
#include "engine/log/append_requests.h"
#include "engine/log/store.h"
#include "engine/routers/snapshot_cell.h"

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
  ServingMode mode = ServingMode::live;
  bool resting = false;           ///< Of the time when it went to rest: see Routers.
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

/// What readers see of a router: the newest snapshot while it is awake, or what is kept of it.
struct RouterView {
  std::shared_ptr<const RouterSnapshot> snapshot;
  std::shared_ptr<const RouterReport> resting;
};

/// How the routers of a store keep to the bound on what the awake ones hold.
struct RestCounters {
  std::uint64_t awake = 0;    ///< Routers, now.
  std::uint64_t resting = 0;  ///< Routers, now.
  std::uint64_t awake_bytes = 0;
  std::uint64_t rests = 0;
  std::uint64_t wakes = 0;
  std::chrono::nanoseconds waking{0};  ///< All wakes together, failed ones too.
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
/// Rest: above Options::awake_bytes a router that was not used for a while gives up its fold and
/// its snapshot; a report stays. The log is the truth, so nothing is lost by it; the law is that it
/// must be cheap to come back:
/// - A router rests only where the store holds a checkpoint of it from which at most 256 records
///   are to be folded again, or, while it is too young for one, its whole log is at most 4,096
///   records. Where that needs a checkpoint, it is saved first; where the store is away or refuses
///   it, the router stays awake. From a store that evicts(), no record is asked for again: there a
///   router rests on a checkpoint of all that it folded, or not at all.
/// - It wakes when it is asked for: by a record of it in a commit, by wake(), by state_of(). That
///   is recovery as open() does it, with its forks and its pruning, and gives the same bits as if
///   the router had never rested. Where it fails, the router rests on and the caller hears the
///   store's error.
/// - follow() passes over a resting router, however far its log has moved; a fork there is found
///   when it wakes.
/// - A router that is used goes to rest last (a second chance in turn; at most 16 are looked at for
///   one that rests), and only as much rests at a time as came: no call stalls for a sweep.
///
/// Thread-safety: snapshot(), view(), scopes() and rest_counters() from any thread, without waiting
/// for a commit. Everything else from one thread at a time (the writer's).
class Routers final {
 public:
  struct Options {
    RouterFold::Options fold;
    /// A checkpoint is saved after so many records of a router; 0: only when asked.
    std::uint64_t checkpoint_every = 50'000;
    std::function<RecordId()> record_ids;  ///< For records that the engine itself appends.
    bool read_only = false;                ///< Recover and report only: nothing is appended.
    /// What routers may hold before the least recently used ones rest (RouterFold::bytes()); 0: no
    /// bound. Those that cannot rest stay awake above it.
    std::size_t awake_bytes = 0;
    /// A clock that never goes back, for RestCounters::waking; without one that stays 0.
    std::function<std::chrono::nanoseconds()> monotonic;
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

  /// The newest snapshot of a router, or null where there is none of that name or it rests. Counts
  /// as a use of it.
  std::shared_ptr<const RouterSnapshot> snapshot(const Scope& scope) const;

  /// The same, and what is kept of a router that rests, without using it. Both null: there is none
  /// of that name.
  RouterView view(const Scope& scope) const;

  /// The newest snapshot of a router, which wakes where it rests. Errors: `not_found`; those of
  /// open() and the store's, and it rests on then.
  Result<std::shared_ptr<const RouterSnapshot>> wake(const Scope& scope);

  /// The routers of a tenant, by name.
  std::vector<Scope> scopes() const;

  /// Of a router that rests: as it was when it went to rest.
  RouterReport report(const Scope& scope) const;

  RestCounters rest_counters() const;

  /// The state of one decision at the newest folded position. Wakes its router.
  Result<DecisionState> state_of(const Scope& scope, const std::string& query_id);

  /// Saves a checkpoint of every router that has one to save.
  Status checkpoint_all();

  /// How many routers all calls together have gone through one by one: the work of a commit is that
  /// of the routers it touches, however many there are.
  std::uint64_t routers_gone_through() const { return gone_through_; }

 private:
  /// Where readers find a router.
  struct Cell {
    SnapshotCell<RouterView> view;
    std::atomic<bool> used{false};  ///< Since somebody last looked for routers that may rest.
    void use() {
      // Read first: a line that nobody writes stays in every core's cache.
      if (!used.load(std::memory_order_relaxed)) used.store(true, std::memory_order_relaxed);
    }
  };
  using Directory = std::map<Scope, std::shared_ptr<Cell>>;
  using Progress = std::function<void(const Scope&, std::uint64_t)>;
  struct Entry {
    Entry(const Scope& name, const RouterFold::Options& options)
        : scope(name),
          fold(std::make_unique<RouterFold>(name, options)),
          cell(std::make_shared<Cell>()) {}
    const Scope scope;
    std::unique_ptr<RouterFold> fold;  ///< Null while it rests; a fork puts another in its place.
    std::shared_ptr<const RouterReport> resting;  ///< Null while it is awake.
    RecordId rested_at{};  ///< While it rests: the id of its last folded record.
    std::shared_ptr<Cell> cell;
    std::size_t bytes = 0;  ///< What it holds, or held when it went to rest.
    std::uint64_t since_checkpoint = 0;
    std::uint64_t unsaved = 0;  ///< Records that were folded and that no checkpoint of ours has.
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
  enum class Look { use, glance };
  /// What this thread sees of a router, good until it looks again; null where there is none.
  const RouterView* look(const Scope& scope, Look how) const;
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
  Status fold_into(Entry& target, Folding& folding, std::size_t at);
  /// Catches a router up that is behind, so that a duplicate's first record is folded too.
  Status fold_missed(const Scope& scope);
  void mark_behind(const std::vector<AppendResult>& results);
  Status append_due_schema(Entry& entry);
  Status append_due_schemas();
  std::vector<Entry*> publish_touched();

  // routers_rest.cc: which routers are awake.
  /// Puts the fold of a router that rests back, brought up to the log.
  Status wake(Entry& entry, Folding* folding);
  Status recover_rested(Entry& entry, Folding* folding);
  /// False: it has to stay awake. `amid_group`: some records of it may be in the log and not be
  /// folded yet, so that nothing may be appended above them.
  Result<bool> rest(Entry& entry, bool amid_group);
  Result<bool> cheap_to_wake(Entry& entry);
  /// Routers rest until the awake ones leave room for so many bytes, or none of them can.
  void make_room(std::size_t bytes, bool amid_group = false);
  bool rest_one(bool amid_group);
  /// Brings awake_bytes_ up to date with a router.
  void account(Entry& entry);
  RouterReport report_of(const Entry& entry) const;

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
  std::deque<Entry*> awake_;  ///< Those that rest next first, but for the ones used since.
  std::atomic<std::uint64_t> awake_bytes_{0};
  std::atomic<std::uint64_t> routers_{0};
  std::atomic<std::uint64_t> resting_{0};
  std::atomic<std::uint64_t> rests_{0};
  std::atomic<std::uint64_t> wakes_{0};
  std::atomic<std::int64_t> waking_ns_{0};
  /// Shared, so that a thread that keeps it can tell one Routers from the next at its address.
  std::shared_ptr<SnapshotCell<Directory>> directory_ = std::make_shared<SnapshotCell<Directory>>();
};

}  // namespace pointsman
