#include "engine/routers/routers.h"

#include <algorithm>
#include <utility>

namespace pointsman {
namespace {

/// Routers that one follow() looks at in turn: after a doubt, and otherwise.
constexpr std::size_t kLooksInDoubt = 64;
constexpr std::size_t kLooksOtherwise = 1;

Error unknown_router() { return {ErrorCode::not_found, "no such router", "router"}; }

}  // namespace

Routers::Routers(Store& store, Options options)
    : store_(store),
      options_(std::move(options)),
      log_(store,
           {.fold = options_.fold,
            .record_ids = options_.record_ids,
            .read_only = options_.read_only},
           directory_),
      resting_(store, log_, directory_,
               {.awake_bytes = options_.awake_bytes,
                .read_only = options_.read_only,
                .monotonic = options_.monotonic}),
      connections_(store.connections()) {}

Result<std::unique_ptr<Routers>> Routers::open(Store& store, Options options,
                                               const FoldProgress& progress) {
  std::unique_ptr<Routers> routers(new Routers(store, std::move(options)));
  auto scopes = store.scopes();
  if (!scopes) return scopes.error();
  for (const Scope& scope : *scopes) {
    HeldRouter& fresh = routers->router(scope);
    if (Status status = routers->log_.recover(fresh, progress); !status) return status.error();
    routers->resting_.account(fresh);
    routers->resting_.make_room(0);
  }
  if (!routers->options_.read_only) {
    if (Status status = routers->append_due_schemas(); !status) return status.error();
  }
  routers->settle();
  return routers;
}

HeldRouter& Routers::router(const Scope& scope) {
  std::unique_ptr<HeldRouter>& slot = routers_[scope];
  if (!slot) {
    slot = log_.make_router(scope);
    resting_.add(*slot);
    directory_.note_new();
  }
  return *slot;
}

void Routers::doubt() {
  log_.doubt();
  left_to_look_at_ = routers_.size();
}

std::vector<HeldRouter*> Routers::publish() {
  std::vector<HeldRouter*> published = directory_.publish(routers_);
  gone_through_ += published.size();
  for (HeldRouter* const one : published) resting_.account(*one);  // Mirrors came with snapshots.
  return published;
}

void Routers::settle() {
  publish();
  resting_.make_room(0);
  publish();
}

Result<std::vector<Committed>> Routers::commit(std::vector<AppendRequest> group) {
  auto results = store_.append(group);
  if (!results) {
    // The log may hold every record of a group in doubt: look before anything above it is folded.
    doubt();
    return results.error();
  }
  Folding folding(std::move(group), *results, store_.shared());
  Status folded = fold_appended(folding);
  if (folded) folded = append_due_schemas();
  // A record that was left out here is in the log all the same; the next commit scans for it first.
  if (!folded) mark_behind(*results);
  const std::vector<HeldRouter*> published = publish();
  if (!folded) {
    // The records are in the log but this process could not follow them: whoever asks again is
    // told "duplicate" once it has caught up.
    return Error{ErrorCode::in_doubt, folded.error().message, folded.error().field};
  }
  // A checkpoint that fails is tried again by the next commit; the records are safe in the log.
  (void)save_due_checkpoints(published);
  settle();
  return std::move(folding.committed);
}

Status Routers::follow() {
  if (const std::uint64_t now = store_.connections(); now != connections_) {
    connections_ = now;
    doubt();
  }
  const auto heads = store_.heads();
  Status status = heads ? Status(Done{}) : heads.error();
  const auto note = [&status](const Status& one) {
    if (status && !one) status = one;
  };
  if (heads) {
    for (const LogHead& head : *heads) {
      HeldRouter& followed = router(head.scope);
      if (followed.resting) continue;
      if (followed.fold->position() == head.position && !followed.behind) continue;
      ++gone_through_;
      followed.cell->use();
      note(log_.catch_up(followed));
      resting_.account(followed);
      resting_.make_room(0);
    }
    note(look_in_turn());
    if (!options_.read_only) note(append_due_schemas());
  }
  settle();
  return status;
}

Status Routers::fold_appended(Folding& folding) {
  for (std::size_t i = 0; i < folding.group.size(); ++i) {
    Committed& out = folding.committed[i];
    if (out.status == AppendStatus::duplicate) {
      if (Status status = fold_missed(out.scope); !status) return status;
      if (Status status = describe_duplicate(store_, folding.group[i], out); !status) return status;
    }
    if (!was_appended(out.status)) continue;
    if (Status status = fold_one(folding, i); !status) return status;
  }
  return Done{};
}

Status Routers::fold_one(Folding& folding, std::size_t at) {
  if (folding.described[at]) return Done{};
  HeldRouter& target = router(folding.committed[at].scope);
  target.cell->use();
  if (target.resting) resting_.make_room(target.bytes, Resting::Amid::group);
  if (Status status = fold_into(target, folding, at); !status) return status;
  directory_.touch(target);
  if (target.bytes == 0) {  // It is new; what the others have grown is counted when published.
    resting_.account(target);
    resting_.make_room(0, Resting::Amid::group);
  }
  return Done{};
}

Status Routers::fold_into(HeldRouter& target, Folding& folding, std::size_t at) {
  Committed& out = folding.committed[at];
  const bool scan = folding.must_scan(out.scope) || log_.is_behind(target);
  if (target.resting) {
    if (Status status = resting_.wake(target, &folding); !status) return status;
  } else if (scan) {
    if (Status status = log_.catch_up(target, &folding); !status) return status;
  }
  if (folding.described[at]) return Done{};
  if (out.position > target.fold->position()) {
    if (store_.shared()) {
      return Error{ErrorCode::in_doubt, "The log has lost a record that it had just taken.", ""};
    }
    const StoredRecord stored{out.scope, out.position, std::move(folding.group[at].record)};
    if (Status status = target.fold->apply(stored, store_); !status) return status;
    ++target.since_checkpoint;
    ++target.unsaved;
    return describe(*target.fold, store_, stored.record.body, out);
  }
  // A scan has folded it already.
  return describe(*target.fold, store_, folding.group[at].record.body, out);
}

Status Routers::fold_missed(const Scope& scope) {
  if (scope.router.empty()) return Done{};
  // A router that nobody has seen yet had its first group in doubt.
  const bool known = routers_.contains(scope);
  HeldRouter& target = router(scope);
  // A decision with a router that rests wakes it first, and folds what it missed.
  if (target.resting) return Done{};
  return known && !log_.is_behind(target) ? Status(Done{}) : log_.catch_up(target);
}

void Routers::mark_behind(const std::vector<AppendResult>& results) {
  for (const AppendResult& result : results) {
    if (was_appended(result.status)) router(result.scope).behind = true;
  }
}

Status Routers::append_due_schemas() {
  // By index, because appending may touch routers and the list grow.
  for (std::size_t i = 0; i < directory_.touched().size(); ++i) {
    HeldRouter& target = *directory_.touched()[i];
    ++gone_through_;
    if (target.resting) continue;
    if (Status status = log_.append_due_schema(target); !status) return status;
  }
  return Done{};
}

Status Routers::look_in_turn() {
  std::size_t looks = left_to_look_at_ > 0 ? kLooksInDoubt : kLooksOtherwise;
  for (looks = std::min(looks, routers_.size()); looks > 0; --looks) {
    auto next = routers_.upper_bound(looked_at_);
    if (next == routers_.end()) next = routers_.begin();
    looked_at_ = next->first;
    if (left_to_look_at_ > 0) --left_to_look_at_;
    ++gone_through_;
    HeldRouter& looked = *next->second;
    if (looked.resting) continue;  // Its log is compared when it wakes.
    if (Status status = log_.compare(looked); !status) return status;
  }
  return Done{};
}

Status Routers::save_due_checkpoints(const std::vector<HeldRouter*>& routers) {
  if (options_.checkpoint_every == 0) return Done{};
  for (HeldRouter* const one : routers) {
    ++gone_through_;
    if (one->resting || one->since_checkpoint < options_.checkpoint_every) continue;
    if (Status saved = log_.save_checkpoint(*one); !saved) return saved;
  }
  return Done{};
}

Status Routers::checkpoint_all() {
  for (auto& [scope, one] : routers_) {
    // A router that rests left its checkpoint behind.
    if (one->resting || one->since_checkpoint == 0) continue;
    if (Status saved = log_.save_checkpoint(*one); !saved) return saved;
  }
  publish();
  return Done{};
}

std::shared_ptr<const RouterSnapshot> Routers::snapshot(const Scope& scope) const {
  const RouterView* seen = directory_.look(scope, RouterDirectory::Look::use);
  return seen ? seen->snapshot : nullptr;
}

RouterView Routers::view(const Scope& scope) const {
  const RouterView* seen = directory_.look(scope, RouterDirectory::Look::glance);
  return seen ? *seen : RouterView{};
}

std::vector<Scope> Routers::scopes() const { return directory_.scopes(); }

RestCounters Routers::rest_counters() const { return resting_.counters(); }

RouterReport Routers::report(const Scope& scope) const {
  const auto at = routers_.find(scope);
  if (at != routers_.end()) return report_of(*at->second);
  RouterReport none;
  none.scope = scope;
  return none;
}

Result<std::shared_ptr<const RouterSnapshot>> Routers::wake(const Scope& scope) {
  const auto at = routers_.find(scope);
  if (at == routers_.end()) return unknown_router();
  HeldRouter& target = *at->second;
  if (target.resting) {
    resting_.make_room(target.bytes);
    Status woken = resting_.wake(target, nullptr);
    if (woken && !options_.read_only) woken = append_due_schemas();
    publish();
    if (!woken) return woken.error();
  }
  auto snapshot = view(scope).snapshot;
  if (!snapshot) return unknown_router();
  settle();
  return snapshot;
}

Result<DecisionState> Routers::state_of(const Scope& scope, const std::string& query_id) {
  const auto at = routers_.find(scope);
  if (at == routers_.end()) return unknown_router();
  HeldRouter& target = *at->second;
  if (target.resting) {
    resting_.make_room(target.bytes);
    if (Status woken = resting_.wake(target, nullptr); !woken) return woken.error();
  }
  auto state = target.fold->state_of(query_id, store_);
  settle();
  return state;
}

}  // namespace pointsman
