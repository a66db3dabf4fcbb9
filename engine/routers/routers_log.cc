// What the store's log is to Routers: recovery, catching up, forks, checkpoints.

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "engine/log/log_reader.h"
#include "engine/routers/log_match.h"
#include "engine/routers/routers.h"
#include "engine/routers/routers_folding.h"

namespace pointsman {
namespace {

/// Routers that one follow() looks at in turn: after a doubt, and otherwise.
constexpr std::size_t kLooksInDoubt = 64;
constexpr std::size_t kLooksOtherwise = 1;

}  // namespace

Result<Routers::Recovered> Routers::newest_sound_fold(const Scope& scope) {
  Recovered recovered;
  auto checkpoints = store_.load_checkpoints(scope);
  if (!checkpoints) return checkpoints.error();
  for (const Checkpoint& checkpoint : *checkpoints) {
    auto tried = std::make_unique<RouterFold>(scope, options_.fold);
    if (!tried->restore(checkpoint)) continue;
    const auto match = match_log(store_, *tried);
    if (!match) return match.error();
    if (*match == LogMatch::same) {
      recovered.fold = std::move(tried);
      return recovered;
    }
    if (*match == LogMatch::pruned) continue;
    recovered.forked = true;
    if (options_.read_only) continue;
    if (Status dropped = store_.drop_checkpoint(checkpoint); !dropped) return dropped.error();
  }
  const auto below = store_.pruned_below(scope);
  if (!below) return below.error();
  if (*below > 1) {
    return Error{ErrorCode::pruned,
                 "The log of router \"" + scope.router + "\" was pruned below position " +
                     std::to_string(*below) +
                     ", and no checkpoint there is one that this release can read and the log "
                     "bears out: its state cannot be recovered. Restore a back-up of the store, "
                     "or use the release that saved the checkpoints.",
                 ""};
  }
  recovered.fold = std::make_unique<RouterFold>(scope, options_.fold);
  return recovered;
}

Status Routers::recover(const Scope& scope, const Progress& progress) {
  Entry& fresh = entry(scope);
  if (Status status = go_back(fresh, false); !status) return status;
  if (Status status = catch_up(fresh, nullptr, progress); !status) return status;
  account(fresh);
  return Done{};
}

Status Routers::go_back(Entry& entry, bool forked) {
  auto recovered = newest_sound_fold(entry.scope);
  if (!recovered) return recovered.error();
  entry.fold = std::move(recovered->fold);
  entry.forks += forked || recovered->forked ? 1 : 0;
  entry.since_checkpoint = 0;
  entry.unsaved = 0;
  touch(entry);
  return Done{};
}

Status Routers::fold_batch(Entry& entry, const std::vector<StoredRecord>& batch, Folding* folding) {
  const Scope& scope = entry.scope;
  const LogPosition position = entry.fold->position();
  FetchedDecisions source(store_);
  // The fold asks for a single one by itself.
  if (const auto forgotten = entry.fold->forgotten(batch); forgotten.size() > 1) {
    const LogPosition upper = batch.back().position;
    if (Status read = source.fetch(scope.tenant, forgotten, upper); !read) return read;
  }
  for (const StoredRecord& stored : batch) {
    if (stored.position <= position) continue;
    touch(entry);
    if (Status status = entry.fold->apply(stored, source); !status) return status;
    ++entry.since_checkpoint;
    ++entry.unsaved;
    const std::size_t* at = folding ? folding->find(scope, stored.position) : nullptr;
    if (at == nullptr) continue;
    if (Status status = describe(stored.record.body, folding->committed[*at]); !status) {
      return status;
    }
    folding->described[*at] = true;
  }
  return Done{};
}

Result<bool> Routers::pruned_while_folded(const Entry& entry, LogPosition first,
                                          const std::vector<StoredRecord>& batch, bool failed) {
  const auto speaks_of_others = [](const StoredRecord& stored) {
    return std::holds_alternative<SessionFeedback>(stored.record.body);
  };
  // A decision that is gone makes its feedback fail; a session that is gone is just empty.
  if (!failed && std::none_of(batch.begin(), batch.end(), speaks_of_others)) return false;
  const auto below = store_.pruned_below(entry.scope);
  if (!below) return below.error();
  return first < *below;
}

Status Routers::catch_up(Entry& entry, Folding* folding, const Progress& progress) {
  const std::uint64_t doubts = doubts_;
  std::uint64_t folded = 0;
  // The first scan begins one record back, and so also says whether that is still the same one.
  bool look = store_.shared() || is_behind(entry);
  std::optional<LogReader> log;
  for (;;) {
    const Scope& scope = entry.scope;
    const LogPosition position = entry.fold->position();
    look = look && position > 0;
    if (!log) log.emplace(store_, scope, look ? position - 1 : position);
    auto batch = log->next();
    if (!batch && batch.error().code != ErrorCode::pruned) return batch.error();
    if (!batch) {
      if (Status status = go_back(entry, false); !status) return status;
      look = false;
      log.reset();
      continue;
    }
    if (look) {
      const bool there = !batch->empty() && batch->front().position == position;
      const bool same =
          there ? batch->front().record.id == entry.fold->last_id() : !store_.shared();
      if (!same) {
        if (Status status = go_back(entry, true); !status) return status;
        look = false;
        log.reset();
        continue;
      }
    }
    const std::uint64_t before = entry.since_checkpoint;
    Status status = fold_batch(entry, *batch, folding);
    folded += entry.since_checkpoint - before;
    const auto pruned = pruned_while_folded(entry, position + 1, *batch, !status);
    if (!pruned) return pruned.error();
    if (*pruned) {
      if (Status leapt = go_back(entry, false); !leapt) return leapt;
      look = false;
      log.reset();
      continue;
    }
    if (!status) return status;
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
    if (entry.resting) continue;  // Its log is compared when it wakes.
    const auto match = match_log(store_, *entry.fold);
    if (!match) return match.error();
    if (*match != LogMatch::same) {
      if (Status status = catch_up(entry); !status) return status;
    }
  }
  return Done{};
}

Status Routers::save_checkpoint(Entry& entry) {
  const auto match = match_log(store_, *entry.fold);
  if (!match) return match.error();
  if (*match != LogMatch::same) return catch_up(entry);
  if (const auto checkpoint = entry.fold->checkpoint()) {
    if (Status saved = store_.save_checkpoint(*checkpoint); saved) {
      entry.unsaved = 0;
    } else {
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
    if (entry->resting || entry->since_checkpoint < options_.checkpoint_every) continue;
    if (Status saved = save_checkpoint(*entry); !saved) return saved;
  }
  return Done{};
}

Status Routers::checkpoint_all() {
  for (auto& [scope, entry] : entries_) {
    // One that rests left its checkpoint behind.
    if (entry->resting || entry->since_checkpoint == 0) continue;
    if (Status saved = save_checkpoint(*entry); !saved) return saved;
  }
  publish_touched();
  return Done{};
}

}  // namespace pointsman
