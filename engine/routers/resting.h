#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>

#include "engine/log/store.h"
#include "engine/routers/folding.h"
#include "engine/routers/held_router.h"
#include "engine/routers/router_directory.h"
#include "engine/routers/router_log.h"

namespace pointsman {

/// How the routers of a store keep to the bound on what the awake ones hold.
struct RestCounters {
  std::uint64_t awake = 0;    ///< Routers, now.
  std::uint64_t resting = 0;  ///< Routers, now.
  std::uint64_t awake_bytes = 0;
  std::uint64_t rests = 0;
  std::uint64_t wakes = 0;
  std::chrono::nanoseconds waking{0};  ///< All wakes together, failed ones too.
};

/// Decides which routers of a store are awake: puts them to rest, wakes them, and holds the awake
/// ones to a bound on their bytes. The rules are those of Routers, "Rest".
///
/// Thread-safety: counters() from any thread; the rest from one thread at a time.
class Resting final {
 public:
  struct Options {
    std::size_t awake_bytes = 0;  ///< The bound on what the awake routers hold; 0: none.
    bool read_only = false;       ///< Nobody asks a router at rest for more than its report.
    std::function<std::chrono::nanoseconds()> monotonic;  ///< For RestCounters::waking, or empty.
  };

  /// `store`, `log` and `directory` must outlive it.
  Resting(Store& store, RouterLog& log, RouterDirectory& directory, Options options)
      : store_(store), log_(log), directory_(directory), options_(std::move(options)) {}

  /// Takes a new router in, which is awake. It must outlive this.
  void add(HeldRouter& router);

  /// Brings what is known of a router's bytes up to date.
  void account(HeldRouter& router);

  /// Whether records of a group may stand in the log that are not folded yet: then nothing may be
  /// appended above them.
  enum class Amid { nothing, group };

  /// Routers rest until the awake ones leave room for so many bytes, or none of them can.
  void make_room(std::size_t bytes, Amid amid = Amid::nothing);

  /// Puts the fold of a router that rests back, brought up to the log, and describes what of it is
  /// of the group `folding` (may be null). Errors: RouterLog::recover()'s, and it rests on then.
  Status wake(HeldRouter& router, Folding* folding);

  RestCounters counters() const;

  /// How many routers were looked at one by one so far.
  std::uint64_t gone_through() const { return gone_through_; }

 private:
  /// False: the router has to stay awake.
  Result<bool> rest(HeldRouter& router, Amid amid);
  /// Whether the router can come back at little cost, after a checkpoint where that needs one.
  Result<bool> cheap_to_wake(HeldRouter& router);
  bool rest_one(Amid amid);

  Store& store_;
  RouterLog& log_;
  RouterDirectory& directory_;
  Options options_;
  std::deque<HeldRouter*> awake_;  ///< The next to rest stands first, unless it was used since.
  std::uint64_t gone_through_ = 0;
  std::atomic<std::uint64_t> awake_bytes_{0};
  std::atomic<std::uint64_t> routers_{0};
  std::atomic<std::uint64_t> resting_{0};
  std::atomic<std::uint64_t> rests_{0};
  std::atomic<std::uint64_t> wakes_{0};
  std::atomic<std::int64_t> waking_ns_{0};
};

}  // namespace pointsman
