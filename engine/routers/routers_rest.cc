// Which of Routers are awake: going to rest, waking, and the bound on what the awake ones hold.

#include <algorithm>
#include <utility>

#include "engine/routers/log_match.h"
#include "engine/routers/routers.h"
#include "engine/routers/routers_folding.h"

namespace pointsman {
namespace {

/// Routers that are looked at for one that rests: the bound of a call's work.
constexpr std::size_t kLooksForOne = 16;

/// Records that a wake may have to fold again. A checkpoint costs a durable write of 34 KB an arm
/// at d = 64, a record some microseconds: so a router that is asked for seldom does not write one
/// at every visit.
constexpr std::uint64_t kFoldedAgain = 256;

/// The same of a router that has no checkpoint because its schema is not settled: milliseconds.
constexpr std::uint64_t kYoungFoldedAgain = 4096;

template <class Counter, class Step>
void add(Counter& counter, Step step) {
  counter.fetch_add(step, std::memory_order_relaxed);
}

}  // namespace

void Routers::account(Entry& entry) {
  if (entry.resting) return;  // Counted when it went to rest.
  const std::size_t now = entry.fold->bytes();
  add(awake_bytes_, now - std::exchange(entry.bytes, now));  // Unsigned: it may wrap, and back.
}

Result<bool> Routers::cheap_to_wake(Entry& entry) {
  if (options_.read_only) return true;  // Nobody asks for more than its report.
  const std::uint64_t most = store_.evicts() ? 0 : kFoldedAgain;
  if (entry.unsaved <= most) return true;
  if (entry.fold->schema_version() < Standardiser::kFrozenVersion) {
    return !store_.evicts() && entry.unsaved <= kYoungFoldedAgain;
  }
  // One that was refused at this very position is refused again.
  if (entry.since_checkpoint == 0) return false;
  if (Status saved = save_checkpoint(entry); !saved) return saved.error();
  return entry.unsaved <= most;
}

Result<bool> Routers::rest(Entry& entry, bool amid_group) {
  if (entry.fold->config() == nullptr) return false;
  if (!options_.read_only) {
    if (!amid_group) {
      if (Status status = append_due_schema(entry); !status) return status.error();
    } else if (entry.fold->due_schema_revision()) {
      return false;
    }
  }
  auto cheap = cheap_to_wake(entry);
  if (!cheap || !*cheap) return cheap;
  auto report = std::make_shared<RouterReport>(report_of(entry));
  report->resting = true;
  account(entry);
  add(awake_bytes_, std::size_t{0} - entry.bytes);
  entry.rested_at = entry.fold->last_id();
  entry.resting = std::move(report);
  entry.fold.reset();
  touch(entry);
  add(resting_, 1U);
  add(rests_, 1U);
  return true;
}

bool Routers::rest_one(bool amid_group) {
  // Second chance (Corbató 1969), but of as many as are looked at one rests: where all of many
  // were used, going through them all would not make a better choice.
  const std::size_t chances = std::min(kLooksForOne, awake_.size());
  for (std::size_t i = 0; i <= chances && !awake_.empty(); ++i) {
    Entry& entry = *awake_.front();
    awake_.pop_front();
    ++gone_through_;
    const bool used = entry.cell->used.exchange(false, std::memory_order_relaxed);
    if (!used || i == chances) {
      const auto rests = rest(entry, amid_group);
      if (rests && *rests) return true;
      if (!rests) i = chances;  // The store is away: nobody who needs a checkpoint can rest.
    }
    awake_.push_back(&entry);
  }
  return false;
}

void Routers::make_room(std::size_t bytes, bool amid_group) {
  if (options_.awake_bytes == 0) return;
  while (awake_bytes_.load(std::memory_order_relaxed) + bytes > options_.awake_bytes) {
    if (!rest_one(amid_group)) return;
  }
}

Status Routers::recover_rested(Entry& entry, Folding* folding) {
  auto recovered = newest_sound_fold(entry.scope);
  if (!recovered) return recovered.error();
  // A failover may have taken what was folded after that checkpoint: then nothing of the checkpoint
  // says so, but the record that the router rested on does.
  bool lost = recovered->forked;
  if (store_.shared() || is_behind(entry)) {
    const auto match = match_log(store_, entry.scope, {entry.resting->position, entry.rested_at});
    if (!match) return match.error();
    lost = lost || *match == LogMatch::other;
  }
  entry.fold = std::move(recovered->fold);
  entry.since_checkpoint = 0;
  entry.unsaved = 0;
  if (Status status = catch_up(entry, folding); !status) {
    entry.fold.reset();  // What it has folded by then is older than what its readers saw.
    return status;
  }
  if (lost) ++entry.forks;
  return Done{};
}

Status Routers::wake(Entry& entry, Folding* folding) {
  const auto now = [this] {
    return options_.monotonic ? options_.monotonic() : std::chrono::nanoseconds(0);
  };
  const auto start = now();
  ++gone_through_;
  Status status = recover_rested(entry, folding);
  if (status) {
    entry.resting.reset();
    entry.bytes = 0;
    account(entry);
    entry.cell->use();
    awake_.push_back(&entry);
    touch(entry);
    add(resting_, std::uint64_t{0} - 1);
    add(wakes_, 1U);
  }
  add(waking_ns_, (now() - start).count());
  return status;
}

Result<std::shared_ptr<const RouterSnapshot>> Routers::wake(const Scope& scope) {
  const auto at = entries_.find(scope);
  const auto unknown = [] { return Error{ErrorCode::not_found, "no such router", "router"}; };
  if (at == entries_.end()) return unknown();
  Entry& entry = *at->second;
  if (entry.resting) {
    make_room(entry.bytes);
    Status woken = wake(entry, nullptr);
    if (woken && !options_.read_only) woken = append_due_schemas();
    publish_touched();
    if (!woken) return woken.error();
  }
  auto snapshot = view(scope).snapshot;
  if (!snapshot) return unknown();
  make_room(0);
  publish_touched();
  return snapshot;
}

RestCounters Routers::rest_counters() const {
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
