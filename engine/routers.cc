#include "engine/routers.h"

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

#include "engine/log_reader.h"

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
    auto directory = std::make_shared<Directory>();
    for (const auto& [name, existing] : entries_) (*directory)[name] = existing->cell;
    directory_->publish(std::move(directory));
  }
  return *slot;
}

Status Routers::recover(const Scope& scope,
                        const std::function<void(const Scope&, std::uint64_t)>& progress) {
  auto checkpoints = store_.load_checkpoints(scope);
  if (!checkpoints) return checkpoints.error();
  Entry* found = nullptr;
  for (const Checkpoint& checkpoint : *checkpoints) {
    auto tried = std::make_unique<Entry>(scope, options_.fold);
    if (tried->fold.restore(checkpoint)) {
      Entry& fresh = entry(scope);
      tried->cell = fresh.cell;
      entries_[scope] = std::move(tried);
      found = entries_[scope].get();
      break;
    }
  }
  if (found == nullptr) found = &entry(scope);
  found->touched = true;
  return catch_up(*found, progress);
}

Status Routers::catch_up(Entry& entry,
                         const std::function<void(const Scope&, std::uint64_t)>& progress) {
  std::uint64_t folded = 0;
  LogReader log(store_, entry.fold.scope(), entry.fold.position());
  for (;;) {
    auto batch = log.next();
    if (!batch) return batch.error();
    for (const StoredRecord& stored : *batch) {
      entry.touched = true;
      if (Status status = entry.fold.apply(stored, store_); !status) return status;
    }
    folded += batch->size();
    entry.since_checkpoint += batch->size();
    if (progress && !batch->empty()) progress(entry.fold.scope(), folded);
    if (batch->size() < LogReader::kBatch) break;
  }
  entry.behind = false;
  return Done{};
}

Result<std::vector<Committed>> Routers::commit(std::vector<AppendRequest> group) {
  auto results = store_.append(group);
  if (!results) {
    // Of a group in doubt the log may hold every record: look before anything above it is folded.
    for (auto& [scope, entry] : entries_) entry->behind = true;
    return results.error();
  }
  std::vector<Committed> committed(group.size());
  Status folded = fold_appended(group, *results, committed);
  if (folded) folded = append_due_schemas();
  // What was left out here is in the log all the same; the next commit scans for it first.
  if (!folded) mark_behind(*results);
  publish_touched();
  if (!folded) {
    // The records are in the log but this process could not follow them: whoever asks again is
    // told "duplicate" once it has caught up.
    return Error{ErrorCode::in_doubt, folded.error().message, folded.error().field};
  }
  for (auto& [scope, entry] : entries_) {
    if (options_.checkpoint_every != 0 && entry->since_checkpoint >= options_.checkpoint_every) {
      if (Status saved = save_checkpoint(*entry); !saved) break;  // The next commit tries again.
    }
  }
  return committed;
}

Status Routers::follow() {
  auto scopes = store_.scopes();
  Status status = scopes ? Status(Done{}) : scopes.error();
  for (std::size_t i = 0; status && i < scopes->size(); ++i) status = catch_up(entry((*scopes)[i]));
  if (status && !options_.read_only) status = append_due_schemas();
  publish_touched();
  return status;
}

Status Routers::fold_appended(std::vector<AppendRequest>& group,
                              const std::vector<AppendResult>& results,
                              std::vector<Committed>& committed) {
  for (std::size_t i = 0; i < group.size(); ++i) {
    Committed& out = committed[i];
    out.status = results[i].status;
    out.position = results[i].position;
    out.scope = results[i].scope;
    out.message = results[i].message;
    if (out.status == AppendStatus::duplicate) {
      if (Status status = fold_missed(out.scope); !status) return status;
      if (Status status = describe_duplicate(group[i], out); !status) return status;
    }
    if (!was_appended(out.status)) continue;
    Entry& target = entry(out.scope);
    target.touched = true;
    if (target.behind || store_.shared()) {
      if (Status status = catch_up(target); !status) return status;
    }
    const StoredRecord stored{out.scope, out.position, std::move(group[i].record)};
    if (stored.position > target.fold.position()) {  // Else a scan has folded it already.
      if (Status status = target.fold.apply(stored, store_); !status) return status;
      ++target.since_checkpoint;
    }
    if (Status status = describe(stored.record.body, out); !status) return status;
  }
  return Done{};
}

Status Routers::fold_missed(const Scope& scope) {
  if (scope.router.empty()) return Done{};
  // A router that nobody has seen yet had its first group in doubt.
  const bool known = entries_.contains(scope);
  Entry& target = entry(scope);
  return known && !target.behind ? Status(Done{}) : catch_up(target);
}

void Routers::mark_behind(const std::vector<AppendResult>& results) {
  for (const AppendResult& result : results) {
    if (was_appended(result.status)) entry(result.scope).behind = true;
  }
}

Status Routers::describe(const RecordBody& body, Committed& committed) {
  if (const auto* feedback = std::get_if<Feedback>(&body)) {
    committed.reward = feedback->reward;
    RouterFold& fold = entry(committed.scope).fold;
    // A scan may have folded later records too, of which this answer must not speak.
    if (fold.position() != committed.position) return describe_at(feedback->query_id, committed);
    auto state = fold.state_of(feedback->query_id, store_);
    if (!state) return state.error();
    committed.observation = combine(*state);
  } else if (const auto* session = std::get_if<SessionFeedback>(&body)) {
    committed.reward = session->reward;
    return count_propagated(session->session_id, committed);
  }
  return Done{};
}

Status Routers::describe_at(const std::string& query_id, Committed& committed) {
  auto own = store_.find(committed.scope.tenant, query_id, committed.position);
  if (!own) return own.error();
  if (own->empty()) {  // A bounded store remembers a key longer than its decision.
    committed.status = AppendStatus::unknown;
    return Done{};
  }
  std::vector<StoredRecord> session;
  for (const StoredRecord& stored : *own) {
    if (const auto* decision = std::get_if<Decision>(&stored.record.body)) {
      if (!decision->session_id.empty()) {
        auto records =
            store_.session_records(committed.scope, decision->session_id, committed.position);
        if (!records) return records.error();
        session = std::move(*records);
      }
    }
    if (stored.position != committed.position) continue;
    if (const auto* feedback = std::get_if<Feedback>(&stored.record.body)) {
      committed.reward = feedback->reward;
    }
    if (const auto* decision = std::get_if<Decision>(&stored.record.body)) {
      committed.decision = std::make_shared<const Decision>(*decision);
    }
  }
  const auto state = rebuild_state(*own, session, committed.position + 1);
  if (!state) return Error{ErrorCode::corrupt, "a duplicate of a record that is not there", ""};
  committed.observation = state->folded;
  return Done{};
}

Status Routers::count_propagated(const std::string& session_id, Committed& committed) {
  auto records = store_.session_records(committed.scope, session_id, committed.position);
  if (!records) return records.error();
  for (const StoredRecord& stored : *records) {
    if (std::holds_alternative<Decision>(stored.record.body)) ++committed.propagated;
    if (stored.position != committed.position) continue;
    if (const auto* session = std::get_if<SessionFeedback>(&stored.record.body)) {
      committed.reward = session->reward;
    }
  }
  return Done{};
}

Status Routers::describe_duplicate(const AppendRequest& request, Committed& committed) {
  switch (request.subject_kind) {
    case SubjectKind::decision:
      return describe_at(request.subject, committed);
    case SubjectKind::session:
      return count_propagated(request.subject, committed);
    case SubjectKind::none:
    case SubjectKind::router:
      return Done{};
  }
  return Done{};
}

Status Routers::append_due_schemas() {
  for (auto& [scope, target] : entries_) {
    if (!target->touched) continue;
    const auto revision = target->fold.due_schema_revision();
    if (!revision) continue;
    // The time of a record that the engine makes itself is that of the log it speaks of.
    const AppendRequest request =
        append_schema(scope, RecordStamp{options_.record_ids(), target->fold.last_time()},
                      *revision, target->fold.layout_since());
    auto result = store_.append({&request, 1});
    if (!result) {
      target->behind = true;
      return result.error();
    }
    if (was_appended(result->front().status) && !store_.shared()) {
      const StoredRecord stored{scope, result->front().position, request.record};
      if (Status status = target->fold.apply(stored, store_); !status) return status;
    } else if (Status status = catch_up(*target); !status) {
      return status;
    }
  }
  return Done{};
}

void Routers::publish_touched() {
  for (auto& [scope, target] : entries_) {
    if (!std::exchange(target->touched, false)) continue;
    target->cell->publish(target->fold.snapshot());
  }
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
  if (at == entries_.end() || at->second->fold.config() == nullptr) return report;
  const RouterFold& fold = at->second->fold;
  report.position = fold.position();
  report.checksum = fold.checksum();
  report.decisions = fold.decisions();
  report.schema_version = fold.schema_version();
  report.policy = policy_name(fold.config()->policy);
  for (const auto& arm : fold.arms()) {
    const auto theta = arm->posterior.theta();
    report.arms.push_back({arm->spec, arm->stats, {theta.begin(), theta.end()}});
  }
  return report;
}

Result<DecisionState> Routers::state_of(const Scope& scope, const std::string& query_id) {
  const auto at = entries_.find(scope);
  if (at == entries_.end()) return Error{ErrorCode::not_found, "no such router", "router"};
  return at->second->fold.state_of(query_id, store_);
}

Status Routers::save_checkpoint(Entry& entry) {
  if (const auto checkpoint = entry.fold.checkpoint()) {
    if (Status saved = store_.save_checkpoint(*checkpoint); !saved) return saved;
  }
  entry.since_checkpoint = 0;
  return Done{};
}

Status Routers::checkpoint_all() {
  for (auto& [scope, entry] : entries_) {
    if (entry->since_checkpoint == 0) continue;
    if (Status saved = save_checkpoint(*entry); !saved) return saved;
  }
  return Done{};
}

}  // namespace pointsman
