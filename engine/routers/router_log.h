#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/log/append_requests.h"
#include "engine/log/store.h"
#include "engine/routers/folding.h"
#include "engine/routers/held_router.h"
#include "engine/routers/router_directory.h"

namespace pointsman {

/// Hears a router's scope and how many of its records were folded so far.
using FoldProgress = std::function<void(const Scope&, std::uint64_t)>;

/// What a store's log is to the folds of its routers: recovery, catching up, the records that the
/// engine appends itself, checkpoints, and whether the log is still the one that was folded (forks
/// and pruning: see Routers). A router whose fold changes is touched in the directory.
///
/// Thread-safety: one thread at a time. Errors are the store's, unless a method says more.
class RouterLog final {
 public:
  struct Options {
    RouterFold::Options fold;
    std::function<RecordId()> record_ids;  ///< For records that the engine itself appends.
    bool read_only = false;                ///< Nothing is appended, no checkpoint is dropped.
  };

  /// `store` and `directory` must outlive it.
  RouterLog(Store& store, Options options, RouterDirectory& directory)
      : store_(store), options_(std::move(options)), directory_(directory) {}

  std::unique_ptr<HeldRouter> make_router(const Scope& scope) const;

  /// Every router's log may have changed below what was folded: compare before the next fold.
  void doubt() { ++doubts_; }
  bool is_behind(const HeldRouter& router) const {
    return router.behind || router.doubts != doubts_;
  }

  /// Brings a new router to the end of the log, from the newest sound checkpoint or the start.
  /// Error: `pruned` where the log was pruned and no checkpoint is left to go on from.
  Status recover(HeldRouter& router, const FoldProgress& progress);

  /// Gives a router that rests its fold back, brought up to the log; after an error it has none.
  /// The caller ends its rest. Errors: as recover().
  Status recover_rested(HeldRouter& router, Folding* folding);

  /// Folds what the log holds beyond the fold, and describes what of it is of the group `folding`.
  Status catch_up(HeldRouter& router, Folding* folding = nullptr,
                  const FoldProgress& progress = {});

  /// Compares one router's log with its fold by one read, and catches up where they differ.
  Status compare(HeldRouter& router);

  /// Appends the schema revision that the log owes, and folds it.
  Status append_due_schema(HeldRouter& router);

  /// Saves a checkpoint of the fold, where the log still is the one that was folded.
  Status save_checkpoint(HeldRouter& router);

 private:
  struct Recovered {
    std::unique_ptr<RouterFold> fold;
    bool forked = false;  ///< A checkpoint speaks of records that the log does not have.
  };
  /// The newest checkpoint that the log bears out, or an empty fold. Drops those it does not.
  Result<Recovered> newest_sound_fold(const Scope& scope);
  /// Puts newest_sound_fold() in the place of the router's fold, and says whether it was forked.
  Result<bool> take_sound_fold(HeldRouter& router);
  /// The same for a router that is awake; counts a fork where there is one, and where the caller
  /// knows of one already.
  Status go_back(HeldRouter& router, bool forked);
  Status fold_batch(HeldRouter& router, const std::vector<StoredRecord>& batch, Folding* folding);
  /// Whether what was folded from `first` on may have asked for decisions that are pruned since.
  Result<bool> pruned_while_folded(const Scope& scope, LogPosition first,
                                   const std::vector<StoredRecord>& batch, bool failed);

  Store& store_;
  Options options_;
  RouterDirectory& directory_;
  std::uint64_t doubts_ = 0;  ///< Counts the reasons to compare every router's log again.
};

}  // namespace pointsman
