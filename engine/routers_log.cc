// What the store's log is to Routers: recovery, catching up, forks, checkpoints.

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "engine/log_reader.h"
#include "engine/routers.h"
#include "engine/routers_folding.h"

namespace pointsman {
namespace {

/// Routers that one follow() looks at in turn: after a doubt, and otherwise.
constexpr std::size_t kLooksInDoubt = 64;
constexpr std::size_t kLooksOtherwise = 1;

}  // namespace

struct Routers::Recovered {
  std::unique_ptr<RouterFold> fold;
  bool forked = false;  ///< A checkpoint speaks of records that the log does not have.
};

Result<bool> Routers::still_the_folded_log(const RouterFold& fold) {
  if (fold.position() == 0) return true;
  const auto id = store_.record_id_at(fold.scope(), fold.position());
  if (!id) return id.error();
  // A store of one process loses nothing behind its back; a bounded one lets go of the oldest.
  if (!*id) return !store_.shared();
  return **id == fold.last_id();
}

Result<Routers::Recovered> Routers::newest_sound_fold(const Scope& scope) {
  Recovered recovered;
  auto checkpoints = store_.load_checkpoints(scope);
  if (!checkpoints) return checkpoints.error();
  for (const Checkpoint& checkpoint : *checkpoints) {
    auto tried = std::make_unique<RouterFold>(scope, options_.fold);
    if (!tried->restore(checkpoint)) continue;
    const auto sound = still_the_folded_log(*tried);
    if (!sound) return sound.error();
    if (*sound) {
      recovered.fold = std::move(tried);
      return recovered;
    }
    recovered.forked = true;
    if (options_.read_only) continue;
    if (Status dropped = store_.drop_checkpoint(checkpoint); !dropped) return dropped.error();
  }
  recovered.fold = std::make_unique<RouterFold>(scope, options_.fold);
  return recovered;
}

Status Routers::recover(const Scope& scope, const Progress& progress) {
  auto recovered = newest_sound_fold(scope);
  if (!recovered) return recovered.error();
  Entry& fresh = entry(scope);
  fresh.fold = std::move(recovered->fold);
  fresh.forks += recovered->forked ? 1 : 0;
  touch(fresh);
  return catch_up(fresh, nullptr, progress);
}

Status Routers::go_back(Entry& entry) {
  auto recovered = newest_sound_fold(entry.fold->scope());
  if (!recovered) return recovered.error();
  entry.fold = std::move(recovered->fold);
  entry.since_checkpoint = 0;
  ++entry.forks;
  touch(entry);
  return Done{};
}

Status Routers::catch_up(Entry& entry, Folding* folding, const Progress& progress) {
  const std::uint64_t doubts = doubts_;
  std::uint64_t folded = 0;
  // The first scan begins one record back, and so also says whether that is still the same one.
  bool look = store_.shared() || is_behind(entry);
  std::optional<LogReader> log;
  for (;;) {
    const Scope& scope = entry.fold->scope();
    const LogPosition position = entry.fold->position();
    look = look && position > 0;
    if (!log) log.emplace(store_, scope, look ? position - 1 : position);
    auto batch = log->next();
    if (!batch) return batch.error();
    if (look) {
      const bool there = !batch->empty() && batch->front().position == position;
      const bool same =
          there ? batch->front().record.id == entry.fold->last_id() : !store_.shared();
      if (!same) {
        if (Status status = go_back(entry); !status) return status;
        look = false;
        log.reset();
        continue;
      }
    }
    for (const StoredRecord& stored : *batch) {
      if (stored.position <= position) continue;
      touch(entry);
      if (Status status = entry.fold->apply(stored, store_); !status) return status;
      ++entry.since_checkpoint;
      ++folded;
      const std::size_t* at = folding ? folding->find(scope, stored.position) : nullptr;
      if (at == nullptr) continue;
      if (Status status = describe(stored.record.body, folding->committed[*at]); !status) {
        return status;
      }
      folding->described[*at] = true;
    }
    if (progress && folded > 0) progress(scope, folded);
    look = false;
    if (batch->size() < LogReader::kBatch) break;
  }
  entry.behind = false;
  entry.doubts = doubts;
  return Done{};
}

Status Routers::look_in_turn() {
  std::size_t looks = left_to_look_at_ > 0 ? kLooksInDoubt : kLooksOtherwise;
  for (looks = std::min(looks, entries_.size()); looks > 0; --looks) {
    auto next = entries_.upper_bound(looked_at_);
    if (next == entries_.end()) next = entries_.begin();
    looked_at_ = next->first;
    if (left_to_look_at_ > 0) --left_to_look_at_;
    ++gone_through_;
    Entry& entry = *next->second;
    const auto same = still_the_folded_log(*entry.fold);
    if (!same) return same.error();
    if (!*same) {
      if (Status status = catch_up(entry); !status) return status;
    }
  }
  return Done{};
}

Status Routers::save_checkpoint(Entry& entry) {
  const auto same = still_the_folded_log(*entry.fold);
  if (!same) return same.error();
  if (!*same) return catch_up(entry);
  if (const auto checkpoint = entry.fold->checkpoint()) {
    if (Status saved = store_.save_checkpoint(*checkpoint); !saved) {
      if (saved.error().code != ErrorCode::conflict) return saved;
      ++entry.divergences;
    }
  }
  entry.since_checkpoint = 0;
  return Done{};
}

Status Routers::save_due_checkpoints(const std::vector<Entry*>& entries) {
  if (options_.checkpoint_every == 0) return Done{};
  for (Entry* entry : entries) {
    ++gone_through_;
    if (entry->since_checkpoint < options_.checkpoint_every) continue;
    if (Status saved = save_checkpoint(*entry); !saved) return saved;
  }
  return Done{};
}

Status Routers::checkpoint_all() {
  for (auto& [scope, entry] : entries_) {
    if (entry->since_checkpoint == 0) continue;
    if (Status saved = save_checkpoint(*entry); !saved) return saved;
  }
  publish_touched();
  return Done{};
}

}  // namespace pointsman
