#include "engine/routers.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "engine/routers_folding.h"

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
  }
  if (!routers->options_.read_only) {
    if (Status status = routers->append_due_schemas(); !status) return status.error();
  }
  routers->publish_touched();
  return routers;
}

Routers::Entry& Routers::entry(const Scope& scope) {
  std::unique_ptr<Entry>& slot = entries_[scope];
  if (!slot) {
    slot = std::make_unique<Entry>(scope, options_.fold);
    slot->doubts = doubts_;
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
      if (followed.fold->position() == head.position && !followed.behind) continue;
      ++gone_through_;
      note(catch_up(followed));
    }
    note(look_in_turn());
    if (!options_.read_only) note(append_due_schemas());
  }
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
  Committed& out = folding.committed[at];
  Entry& target = entry(out.scope);
  touch(target);
  if (folding.must_scan(out.scope) || is_behind(target)) {
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
  return known && !is_behind(target) ? Status(Done{}) : catch_up(target);
}

void Routers::mark_behind(const std::vector<AppendResult>& results) {
  for (const AppendResult& result : results) {
    if (was_appended(result.status)) entry(result.scope).behind = true;
  }
}

Status Routers::append_due_schemas() {
  for (std::size_t i = 0; i < touched_.size(); ++i) {
    Entry& target = *touched_[i];
    ++gone_through_;
    const auto revision = target.fold->due_schema_revision();
    if (!revision) continue;
    // The time of a record that the engine makes itself is that of the log it speaks of.
    const Scope& scope = target.fold->scope();
    const AppendRequest request =
        append_schema(scope, RecordStamp{options_.record_ids(), target.fold->last_time()},
                      *revision, target.fold->layout_since());
    auto result = store_.append({&request, 1});
    if (!result) {
      target.behind = true;
      return result.error();
    }
    if (was_appended(result->front().status) && !store_.shared()) {
      const StoredRecord stored{scope, result->front().position, request.record};
      if (Status status = target.fold->apply(stored, store_); !status) return status;
    } else if (Status status = catch_up(target); !status) {
      return status;
    }
  }
  return Done{};
}

std::vector<Routers::Entry*> Routers::publish_touched() {
  std::vector<Entry*> published = std::exchange(touched_, {});
  for (Entry* target : published) {
    ++gone_through_;
    target->touched = false;
    target->cell->publish(target->fold->snapshot());
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

std::shared_ptr<const RouterSnapshot> Routers::snapshot(const Scope& scope) const {
  struct CachedCell {
    std::shared_ptr<Cell> cell;  ///< Held, so that its address cannot come to mean another.
    Cell::Reader reader;
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
  return at->second->read(cached.reader);
}

std::vector<Scope> Routers::scopes() const {
  std::vector<Scope> names;
  if (const auto directory = directory_->read()) {
    for (const auto& [scope, cell] : *directory) names.push_back(scope);
  }
  return names;
}

RouterReport Routers::report(const Scope& scope) const {
  RouterReport report;
  report.scope = scope;
  const auto at = entries_.find(scope);
  if (at == entries_.end()) return report;
  report.forks = at->second->forks;
  report.divergences = at->second->divergences;
  if (at->second->fold->config() == nullptr) return report;
  const RouterFold& fold = *at->second->fold;
  report.position = fold.position();
  report.checksum = fold.checksum();
  report.decisions = fold.decisions();
  report.schema_version = fold.schema_version();
  const BudgetPacer& pacer = fold.pacer();
  report.budget = {pacer.lambda(), pacer.account(), pacer.spent_today_usd()};
  report.policy = policy_name(fold.config()->policy);
  for (const auto& arm : fold.arms()) {
    report.arms.push_back({arm->spec, arm->stats, fold.coefficients(*arm)});
  }
  return report;
}

Result<DecisionState> Routers::state_of(const Scope& scope, const std::string& query_id) {
  const auto at = entries_.find(scope);
  if (at == entries_.end()) return Error{ErrorCode::not_found, "no such router", "router"};
  return at->second->fold->state_of(query_id, store_);
}

}  // namespace pointsman
