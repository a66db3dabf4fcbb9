#include "engine/routers/routers.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "engine/routers/routers_folding.h"

namespace pointsman {
namespace {

constexpr std::size_t kMostCachedRouters = 64;

bool was_appended(AppendStatus status) {
  return status == AppendStatus::recorded || status == AppendStatus::revised;
}

}  // namespace

Result<std::unique_ptr<Routers>> Routers::open(
    Store& store, Options options,
    const std::function<void(const Scope&, std::uint64_t)>& progress) {
  std::unique_ptr<Routers> routers(new Routers(store, std::move(options)));
  routers->connections_ = store.connections();
  auto scopes = store.scopes();
  if (!scopes) return scopes.error();
  for (const Scope& scope : *scopes) {
    if (Status status = routers->recover(scope, progress); !status) return status.error();
    routers->make_room(0);
  }
  if (!routers->options_.read_only) {
    if (Status status = routers->append_due_schemas(); !status) return status.error();
  }
  routers->publish_touched();
  routers->make_room(0);  // Mirrors came with the snapshots.
  routers->publish_touched();
  return routers;
}

Routers::Entry& Routers::entry(const Scope& scope) {
  std::unique_ptr<Entry>& slot = entries_[scope];
  if (!slot) {
    slot = std::make_unique<Entry>(scope, options_.fold);
    slot->doubts = doubts_;
    awake_.push_back(slot.get());
    routers_.fetch_add(1, std::memory_order_relaxed);
    directory_changed_ = true;
  }
  return *slot;
}

void Routers::touch(Entry& entry) {
  if (std::exchange(entry.touched, true)) return;
  touched_.push_back(&entry);
}

Result<std::vector<Committed>> Routers::commit(std::vector<AppendRequest> group) {
  auto results = store_.append(group);
  if (!results) {
    // Of a group in doubt the log may hold every record: look before anything above it is folded.
    ++doubts_;
    left_to_look_at_ = entries_.size();
    return results.error();
  }
  Folding folding(std::move(group), *results, store_.shared());
  Status folded = fold_appended(folding);
  if (folded) folded = append_due_schemas();
  // What was left out here is in the log all the same; the next commit scans for it first.
  if (!folded) mark_behind(*results);
  const std::vector<Entry*> published = publish_touched();
  if (!folded) {
    // The records are in the log but this process could not follow them: whoever asks again is
    // told "duplicate" once it has caught up.
    return Error{ErrorCode::in_doubt, folded.error().message, folded.error().field};
  }
  // One that fails is tried again by the next commit; the records are safe in the log.
  (void)save_due_checkpoints(published);
  publish_touched();
  make_room(0);
  publish_touched();
  return std::move(folding.committed);
}

Status Routers::follow() {
  if (const std::uint64_t now = store_.connections(); now != connections_) {
    connections_ = now;
    ++doubts_;
    left_to_look_at_ = entries_.size();
  }
  const auto heads = store_.heads();
  Status status = heads ? Status(Done{}) : heads.error();
  const auto note = [&status](const Status& one) {
    if (status && !one) status = one;
  };
  if (heads) {
    for (const LogHead& head : *heads) {
      Entry& followed = entry(head.scope);
      if (followed.resting) continue;
      if (followed.fold->position() == head.position && !followed.behind) continue;
      ++gone_through_;
      followed.cell->use();
      note(catch_up(followed));
      account(followed);
      make_room(0);
    }
    note(look_in_turn());
    if (!options_.read_only) note(append_due_schemas());
  }
  publish_touched();
  make_room(0);
  publish_touched();
  return status;
}

Status Routers::fold_appended(Folding& folding) {
  for (std::size_t i = 0; i < folding.group.size(); ++i) {
    Committed& out = folding.committed[i];
    if (out.status == AppendStatus::duplicate) {
      if (Status status = fold_missed(out.scope); !status) return status;
      if (Status status = describe_duplicate(folding.group[i], out); !status) return status;
    }
    if (!was_appended(out.status)) continue;
    if (Status status = fold_one(folding, i); !status) return status;
  }
  return Done{};
}

Status Routers::fold_one(Folding& folding, std::size_t at) {
  if (folding.described[at]) return Done{};
  Entry& target = entry(folding.committed[at].scope);
  target.cell->use();
  if (target.resting) make_room(target.bytes, true);
  if (Status status = fold_into(target, folding, at); !status) return status;
  touch(target);
  if (target.bytes == 0) {  // It is new; what the others have grown is counted when published.
    account(target);
    make_room(0, true);
  }
  return Done{};
}

Status Routers::fold_into(Entry& target, Folding& folding, std::size_t at) {
  Committed& out = folding.committed[at];
  const bool scan = folding.must_scan(out.scope) || is_behind(target);
  if (target.resting) {
    if (Status status = wake(target, &folding); !status) return status;
  } else if (scan) {
    if (Status status = catch_up(target, &folding); !status) return status;
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
    return describe(stored.record.body, out);
  }
  // A scan has folded it already.
  return describe(folding.group[at].record.body, out);
}

Status Routers::fold_missed(const Scope& scope) {
  if (scope.router.empty()) return Done{};
  // A router that nobody has seen yet had its first group in doubt.
  const bool known = entries_.contains(scope);
  Entry& target = entry(scope);
  // Who decides with a router that rests wakes it first, and with it what it missed.
  if (target.resting) return Done{};
  return known && !is_behind(target) ? Status(Done{}) : catch_up(target);
}

void Routers::mark_behind(const std::vector<AppendResult>& results) {
  for (const AppendResult& result : results) {
    if (was_appended(result.status)) entry(result.scope).behind = true;
  }
}

Status Routers::append_due_schema(Entry& target) {
  const auto revision = target.fold->due_schema_revision();
  if (!revision) return Done{};
  // The time of a record that the engine makes itself is that of the log it speaks of.
  const AppendRequest request =
      append_schema(target.scope, RecordStamp{options_.record_ids(), target.fold->last_time()},
                    *revision, target.fold->layout_since());
  auto result = store_.append({&request, 1});
  if (!result) {
    target.behind = true;
    return result.error();
  }
  if (!was_appended(result->front().status) || store_.shared()) return catch_up(target);
  const StoredRecord stored{target.scope, result->front().position, request.record};
  if (Status status = target.fold->apply(stored, store_); !status) return status;
  ++target.unsaved;
  touch(target);
  return Done{};
}

Status Routers::append_due_schemas() {
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    Entry& target = *touched_[i];
    ++gone_through_;
    if (target.resting) continue;
    if (Status status = append_due_schema(target); !status) return status;
  }
  return Done{};
}

std::vector<Routers::Entry*> Routers::publish_touched() {
  std::vector<Entry*> published = std::exchange(touched_, {});
  for (Entry* target : published) {
    ++gone_through_;
    target->touched = false;
    auto view = std::make_shared<RouterView>();
    if (target->resting) {
      view->resting = target->resting;
    } else {
      view->snapshot = target->fold->snapshot();
    }
    target->cell->view.publish(std::move(view));
    account(*target);
  }
  // After the cells, so that who finds a new router finds its snapshot too.
  if (std::exchange(directory_changed_, false)) {
    auto directory = std::make_shared<Directory>();
    for (const auto& [name, existing] : entries_) {
      directory->emplace_hint(directory->end(), name, existing->cell);
    }
    directory_->publish(std::move(directory));
  }
  return published;
}

const RouterView* Routers::look(const Scope& scope, Look how) const {
  struct CachedCell {
    std::shared_ptr<Cell> cell;  ///< Held, so that its address cannot come to mean another.
    SnapshotCell<RouterView>::Reader reader;
  };
  thread_local std::unordered_map<const Cell*, CachedCell> cache;
  thread_local std::shared_ptr<const SnapshotCell<Directory>> held;
  thread_local SnapshotCell<Directory>::Reader reader;
  if (held != directory_) {
    held = directory_;
    reader = {};
  }
  const auto& directory = directory_->read(reader);
  if (!directory) return nullptr;
  const auto at = directory->find(scope);
  if (at == directory->end()) return nullptr;
  if (cache.size() > kMostCachedRouters) cache.clear();
  CachedCell& cached = cache[at->second.get()];
  if (!cached.cell) cached.cell = at->second;
  if (how == Look::use) cached.cell->use();
  return at->second->view.read(cached.reader).get();
}

std::shared_ptr<const RouterSnapshot> Routers::snapshot(const Scope& scope) const {
  const RouterView* seen = look(scope, Look::use);
  return seen ? seen->snapshot : nullptr;
}

RouterView Routers::view(const Scope& scope) const {
  const RouterView* seen = look(scope, Look::glance);
  return seen ? *seen : RouterView{};
}

std::vector<Scope> Routers::scopes() const {
  std::vector<Scope> names;
  if (const auto directory = directory_->read()) {
    for (const auto& [scope, cell] : *directory) names.push_back(scope);
  }
  return names;
}

RouterReport Routers::report(const Scope& scope) const {
  const auto at = entries_.find(scope);
  if (at != entries_.end()) return report_of(*at->second);
  RouterReport none;
  none.scope = scope;
  return none;
}

RouterReport Routers::report_of(const Entry& entry) const {
  RouterReport report;
  if (entry.resting) {
    report = *entry.resting;
    report.forks = entry.forks;
    report.divergences = entry.divergences;
    return report;
  }
  report.scope = entry.scope;
  report.forks = entry.forks;
  report.divergences = entry.divergences;
  const RouterFold& fold = *entry.fold;
  if (fold.config() == nullptr) return report;
  report.position = fold.position();
  report.checksum = fold.checksum();
  report.decisions = fold.decisions();
  report.schema_version = fold.schema_version();
  const BudgetPacer& pacer = fold.pacer();
  report.budget = {pacer.lambda(), pacer.account(), pacer.spent_today_usd()};
  report.policy = policy_name(fold.config()->policy);
  report.mode = fold.config()->mode;
  for (const auto& arm : fold.arms()) {
    report.arms.push_back({arm->spec, arm->stats, fold.coefficients(*arm)});
  }
  return report;
}

Result<DecisionState> Routers::state_of(const Scope& scope, const std::string& query_id) {
  const auto at = entries_.find(scope);
  if (at == entries_.end()) return Error{ErrorCode::not_found, "no such router", "router"};
  Entry& entry = *at->second;
  if (entry.resting) {
    make_room(entry.bytes);
    if (Status woken = wake(entry, nullptr); !woken) return woken.error();
  }
  auto state = entry.fold->state_of(query_id, store_);
  publish_touched();
  make_room(0);
  publish_touched();
  return state;
}

}  // namespace pointsman
