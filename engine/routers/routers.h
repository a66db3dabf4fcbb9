#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/fold/router_fold.h"
#include "engine/log/append_requests.h"
#include "engine/log/store.h"
#include "engine/routers/committed.h"
#include "engine/routers/folding.h"
#include "engine/routers/held_router.h"
#include "engine/routers/resting.h"
#include "engine/routers/router_directory.h"
#include "engine/routers/router_log.h"
#include "engine/routers/router_report.h"

namespace pointsman {

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
  static Result<std::unique_ptr<Routers>> open(Store& store, Options options,
                                               const FoldProgress& progress = {});

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

  /// The newest snapshot of a router, or what is kept of one that rests, without using it. Both are
  /// null where there is none of that name.
  RouterView view(const Scope& scope) const;

  /// The newest snapshot of a router, which wakes where it rests. Errors: `not_found`; those of
  /// open() and the store's, and it rests on then.
  Result<std::shared_ptr<const RouterSnapshot>> wake(const Scope& scope);

  /// The routers of a tenant, by name.
  std::vector<Scope> scopes() const;

  /// The router's state; of one that rests, as it was when it went to rest.
  RouterReport report(const Scope& scope) const;

  RestCounters rest_counters() const;

  /// The state of one decision at the newest folded position. Wakes its router.
  Result<DecisionState> state_of(const Scope& scope, const std::string& query_id);

  /// Saves a checkpoint of every router that has one to save.
  Status checkpoint_all();

  /// How many routers all calls together have gone through one by one: the work of a commit is that
  /// of the routers it touches, however many there are.
  std::uint64_t routers_gone_through() const { return gone_through_ + resting_.gone_through(); }

 private:
  Routers(Store& store, Options options);

  /// The router of this name, which is made where there is none.
  HeldRouter& router(const Scope& scope);
  /// Every router's log has to be compared again, a share of them at every follow().
  void doubt();

  Status fold_appended(Folding& folding);
  Status fold_one(Folding& folding, std::size_t at);
  Status fold_into(HeldRouter& target, Folding& folding, std::size_t at);
  /// Catches a router up that is behind, so that a duplicate's first record is folded too.
  Status fold_missed(const Scope& scope);
  void mark_behind(const std::vector<AppendResult>& results);
  Status look_in_turn();
  Status append_due_schemas();
  Status save_due_checkpoints(const std::vector<HeldRouter*>& routers);
  /// Publishes what was touched, and returns it.
  std::vector<HeldRouter*> publish();
  /// Publishes what was touched, has routers rest for the room that this takes, and publishes
  /// those.
  void settle();

  Store& store_;
  Options options_;
  HeldRouters routers_;
  RouterDirectory directory_;
  RouterLog log_;
  Resting resting_;
  std::uint64_t connections_ = 0;    ///< The store's, when it was last asked.
  Scope looked_at_;                  ///< The router that look_in_turn() looked at last.
  std::size_t left_to_look_at_ = 0;  ///< Routers it still has to go through since the last doubt.
  std::uint64_t gone_through_ = 0;
};

}  // namespace pointsman
