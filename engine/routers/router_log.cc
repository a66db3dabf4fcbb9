#include "engine/routers/router_log.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/log/log_reader.h"
#include "engine/routers/log_match.h"

namespace pointsman {

std::unique_ptr<HeldRouter> RouterLog::make_router(const Scope& scope) const {
  auto made = std::make_unique<HeldRouter>(scope, options_.fold);
  made->doubts = doubts_;
  return made;
}

Result<RouterLog::Recovered> RouterLog::newest_sound_fold(const Scope& scope) {
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

Status RouterLog::recover(HeldRouter& router, const FoldProgress& progress) {
  if (Status status = go_back(router, false); !status) return status;
  return catch_up(router, nullptr, progress);
}

Result<bool> RouterLog::take_sound_fold(HeldRouter& router) {
  auto recovered = newest_sound_fold(router.scope);
  if (!recovered) return recovered.error();
  router.fold = std::move(recovered->fold);
  router.since_checkpoint = 0;
  router.unsaved = 0;
  return recovered->forked;
}

Status RouterLog::go_back(HeldRouter& router, bool forked) {
  const auto lost = take_sound_fold(router);
  if (!lost) return lost.error();
  router.forks += forked || *lost ? 1 : 0;
  directory_.touch(router);
  return Done{};
}

Status RouterLog::recover_rested(HeldRouter& router, Folding* folding) {
  // A failover may have taken what was folded after the checkpoint that is left: then nothing of
  // the checkpoint says so, but the record that the router rested on does.
  bool lost = false;
  if (store_.shared() || is_behind(router)) {
    const FoldedRecord rested{router.resting->position, router.rested_at};
    const auto match = match_log(store_, router.scope, rested);
    if (!match) return match.error();
    lost = *match == LogMatch::other;
  }
  const auto forked = take_sound_fold(router);
  if (!forked) return forked.error();
  if (Status status = catch_up(router, folding); !status) {
    router.fold.reset();  // What it has folded by then is older than what its readers saw.
    return status;
  }
  router.forks += lost || *forked ? 1 : 0;
  return Done{};
}

Status RouterLog::compare(HeldRouter& router) {
  const auto match = match_log(store_, *router.fold);
  if (!match) return match.error();
  return *match == LogMatch::same ? Status(Done{}) : catch_up(router);
}

Status RouterLog::append_due_schema(HeldRouter& router) {
  const auto revision = router.fold->due_schema_revision();
  if (!revision) return Done{};
  // The time of a record that the engine makes itself is that of the log it speaks of.
  const AppendRequest request =
      append_schema(router.scope, RecordStamp{options_.record_ids(), router.fold->last_time()},
                    *revision, router.fold->layout_since());
  auto result = store_.append({&request, 1});
  if (!result) {
    router.behind = true;
    return result.error();
  }
  if (!was_appended(result->front().status) || store_.shared()) return catch_up(router);
  const StoredRecord stored{router.scope, result->front().position, request.record};
  if (Status status = router.fold->apply(stored, store_); !status) return status;
  ++router.unsaved;
  directory_.touch(router);
  return Done{};
}

Status RouterLog::fold_batch(HeldRouter& router, const std::vector<StoredRecord>& batch,
                             Folding* folding) {
  const Scope& scope = router.scope;
  const LogPosition position = router.fold->position();
  FetchedDecisions source(store_);
  // The fold asks for a single one by itself.
  if (const auto forgotten = router.fold->forgotten(batch); forgotten.size() > 1) {
    const LogPosition upper = batch.back().position;
    if (Status read = source.fetch(scope.tenant, forgotten, upper); !read) return read;
  }
  for (const StoredRecord& stored : batch) {
    if (stored.position <= position) continue;
    directory_.touch(router);
    if (Status status = router.fold->apply(stored, source); !status) return status;
    ++router.since_checkpoint;
    ++router.unsaved;
    const std::size_t* at = folding ? folding->find(scope, stored.position) : nullptr;
    if (at == nullptr) continue;
    if (Status status = describe(*router.fold, store_, stored.record.body, folding->committed[*at]);
        !status) {
      return status;
    }
    folding->described[*at] = true;
  }
  return Done{};
}

Result<bool> RouterLog::pruned_while_folded(const Scope& scope, LogPosition first,
                                            const std::vector<StoredRecord>& batch, bool failed) {
  const auto speaks_of_others = [](const StoredRecord& stored) {
    return std::holds_alternative<SessionFeedback>(stored.record.body);
  };
  // A decision that is gone makes its feedback fail; a session that is gone is just empty.
  if (!failed && std::none_of(batch.begin(), batch.end(), speaks_of_others)) return false;
  const auto below = store_.pruned_below(scope);
  if (!below) return below.error();
  return first < *below;
}

Status RouterLog::catch_up(HeldRouter& router, Folding* folding, const FoldProgress& progress) {
  const std::uint64_t doubts = doubts_;
  std::uint64_t folded = 0;
  // The first scan begins one record back, and so also says whether that is still the same one.
  bool look = store_.shared() || is_behind(router);
  std::optional<LogReader> log;
  for (;;) {
    const Scope& scope = router.scope;
    const LogPosition position = router.fold->position();
    look = look && position > 0;
    if (!log) log.emplace(store_, scope, look ? position - 1 : position);
    auto batch = log->next();
    if (!batch && batch.error().code != ErrorCode::pruned) return batch.error();
    if (!batch) {
      if (Status status = go_back(router, false); !status) return status;
      look = false;
      log.reset();
      continue;
    }
    if (look) {
      const bool there = !batch->empty() && batch->front().position == position;
      const bool same =
          there ? batch->front().record.id == router.fold->last_id() : !store_.shared();
      if (!same) {
        if (Status status = go_back(router, true); !status) return status;
        look = false;
        log.reset();
        continue;
      }
    }
    const std::uint64_t before = router.since_checkpoint;
    Status status = fold_batch(router, *batch, folding);
    folded += router.since_checkpoint - before;
    const auto pruned = pruned_while_folded(scope, position + 1, *batch, !status);
    if (!pruned) return pruned.error();
    if (*pruned) {
      if (Status leapt = go_back(router, false); !leapt) return leapt;
      look = false;
      log.reset();
      continue;
    }
    if (!status) return status;
    if (progress && folded > 0) progress(scope, folded);
    look = false;
    if (batch->size() < LogReader::kBatch) break;
  }
  router.behind = false;
  router.doubts = doubts;
  return Done{};
}

Status RouterLog::save_checkpoint(HeldRouter& router) {
  const auto match = match_log(store_, *router.fold);
  if (!match) return match.error();
  if (*match != LogMatch::same) return catch_up(router);
  if (const auto checkpoint = router.fold->checkpoint()) {
    if (Status saved = store_.save_checkpoint(*checkpoint); saved) {
      router.unsaved = 0;
    } else {
      if (saved.error().code != ErrorCode::conflict) return saved;
      ++router.divergences;
    }
  }
  router.since_checkpoint = 0;
  return Done{};
}

}  // namespace pointsman
