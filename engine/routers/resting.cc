#include "engine/routers/resting.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace pointsman {
namespace {

/// Routers that are looked at for one that rests: the bound of a call's work.
constexpr std::size_t kLooksForOne = 16;

/// Records that a wake may have to fold again. A checkpoint costs a durable write of 34 KB an arm
/// at d = 64, a record some microseconds: so a router that is asked for seldom does not write one
/// at every visit.
constexpr std::uint64_t kFoldedAgain = 256;

/// Records that a wake may have to fold again for a router that has no checkpoint because its
/// schema is not settled: that takes milliseconds.
constexpr std::uint64_t kYoungFoldedAgain = 4096;

template <class Counter, class Step>
void count(Counter& counter, Step step) {
  counter.fetch_add(step, std::memory_order_relaxed);
}

}  // namespace

void Resting::add(HeldRouter& router) {
  awake_.push_back(&router);
  count(routers_, 1U);
}

void Resting::account(HeldRouter& router) {
  if (router.resting) return;  // Counted when it went to rest.
  const std::size_t now = router.fold->bytes();
  count(awake_bytes_, now - std::exchange(router.bytes, now));  // Unsigned: it may wrap, and back.
}

Result<bool> Resting::cheap_to_wake(HeldRouter& router) {
  if (options_.read_only) return true;  // Nobody asks for more than its report.
  const std::uint64_t most = store_.evicts() ? 0 : kFoldedAgain;
  if (router.unsaved <= most) return true;
  if (router.fold->schema_version() < Standardiser::kFrozenVersion) {
    return !store_.evicts() && router.unsaved <= kYoungFoldedAgain;
  }
  // A checkpoint that was refused at this very position is refused again.
  if (router.since_checkpoint == 0) return false;
  if (Status saved = log_.save_checkpoint(router); !saved) return saved.error();
  return router.unsaved <= most;
}

Result<bool> Resting::rest(HeldRouter& router, Amid amid) {
  if (router.fold->config() == nullptr) return false;
  if (!options_.read_only) {
    if (amid == Amid::nothing) {
      if (Status status = log_.append_due_schema(router); !status) return status.error();
    } else if (router.fold->due_schema_revision()) {
      return false;
    }
  }
  auto cheap = cheap_to_wake(router);
  if (!cheap || !*cheap) return cheap;
  auto report = std::make_shared<RouterReport>(report_of(router));
  report->resting = true;
  account(router);
  count(awake_bytes_, std::size_t{0} - router.bytes);
  router.rested_at = router.fold->last_id();
  router.resting = std::move(report);
  router.fold.reset();
  directory_.touch(router);
  count(resting_, 1U);
  count(rests_, 1U);
  return true;
}

bool Resting::rest_one(Amid amid) {
  // Second chance (Corbató 1969), but of as many as are looked at one rests: where all of many
  // were used, going through them all would not make a better choice.
  const std::size_t chances = std::min(kLooksForOne, awake_.size());
  for (std::size_t i = 0; i <= chances && !awake_.empty(); ++i) {
    HeldRouter& router = *awake_.front();
    awake_.pop_front();
    ++gone_through_;
    const bool used = router.cell->used.exchange(false, std::memory_order_relaxed);
    if (!used || i == chances) {
      const auto rests = rest(router, amid);
      if (rests && *rests) return true;
      if (!rests) i = chances;  // The store is away: nobody who needs a checkpoint can rest.
    }
    awake_.push_back(&router);
  }
  return false;
}

void Resting::make_room(std::size_t bytes, Amid amid) {
  if (options_.awake_bytes == 0) return;
  while (awake_bytes_.load(std::memory_order_relaxed) + bytes > options_.awake_bytes) {
    if (!rest_one(amid)) return;
  }
}

Status Resting::wake(HeldRouter& router, Folding* folding) {
  const auto now = [this] {
    return options_.monotonic ? options_.monotonic() : std::chrono::nanoseconds(0);
  };
  const auto start = now();
  ++gone_through_;
  Status status = log_.recover_rested(router, folding);
  if (status) {
    router.resting.reset();
    router.bytes = 0;
    account(router);
    router.cell->use();
    awake_.push_back(&router);
    directory_.touch(router);
    count(resting_, std::uint64_t{0} - 1);
    count(wakes_, 1U);
  }
  count(waking_ns_, (now() - start).count());
  return status;
}

RestCounters Resting::counters() const {
  const auto read = [](const auto& counter) { return counter.load(std::memory_order_relaxed); };
  RestCounters counters;
  counters.resting = read(resting_);
  counters.awake = std::max(read(routers_), counters.resting) - counters.resting;
  counters.awake_bytes = read(awake_bytes_);
  counters.rests = read(rests_);
  counters.wakes = read(wakes_);
  counters.waking = std::chrono::nanoseconds(read(waking_ns_));
  return counters;
}

}  // namespace pointsman
