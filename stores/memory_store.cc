#include "stores/memory_store.h"

#include <algorithm>
#include <cassert>
#include <deque>
#include <initializer_list>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <variant>

#include "engine/bytes.h"
#include "engine/record_codec.h"
#include "stores/append_rules.h"

namespace pointsman {
namespace {

/// One string for several, without two lists that give the same.
std::string joined(std::initializer_list<std::string_view> parts) {
  ByteWriter out;
  for (const std::string_view part : parts) out.string(part);
  return out.take();
}

using Slots = std::vector<std::pair<std::string, SlotEntry>>;

std::optional<SlotEntry> find_in(const Slots& slots, std::string_view name) {
  for (const auto& [known, entry] : slots) {
    if (known == name) return entry;
  }
  return std::nullopt;
}

void put_in(Slots& slots, std::string_view name, const SlotEntry& entry) {
  for (auto& [known, current] : slots) {
    if (known == name) {
      current = entry;
      return;
    }
  }
  slots.emplace_back(name, entry);
}

/// Every index below names positions in increasing order and the oldest record goes first, so an
/// evicted position always stands at the front.
void drop_front(std::deque<LogPosition>& positions, LogPosition position) {
  if (!positions.empty() && positions.front() == position) positions.pop_front();
}

struct RouterLog {
  std::deque<LogPosition> positions;
  Slots slots;
  StoreCounts counts;
  std::map<std::string, std::uint64_t> feedback_by_type;
  std::map<Timestamp, std::uint64_t> open_until;
  std::vector<Checkpoint> checkpoints;  ///< Newest first, at most two.
  LogPosition pruned_below = 0;
};

struct SessionLog {
  std::deque<LogPosition> positions;
  std::uint64_t decisions = 0;
  Slots slots;
};

struct DecisionLog {
  DecisionEntry entry;
  std::vector<LogPosition> positions;  ///< Of the decision and of all that names it.
  Slots slots;
};

struct StoredBytes {
  Scope scope;
  std::string bytes;  ///< Empty: pruned.
};

/// What one pruning step takes out.
struct Doomed {
  std::unordered_set<LogPosition> positions;
  std::vector<std::string> decisions;  ///< Keys of the maps of the same name.
  std::vector<std::string> sessions;
};

constexpr std::size_t kCheckpointsKept = 2;

}  // namespace

class MemoryStore::Log final : public AppendIndex {
 public:
  explicit Log(const MemoryStoreOptions& options) : options_(options) {}

  std::optional<KeyEntry> find_key(std::string_view tenant, const IdempotencyKey& key,
                                   std::string_view router) override {
    const auto found = keys_.find(joined({tenant, key.route, key.key}));
    if (found == keys_.end()) return std::nullopt;
    for (const KeyEntry& entry : found->second) {
      if (entry.router == router) return entry;
    }
    return found->second.front();
  }

  std::optional<DecisionEntry> find_decision(std::string_view tenant,
                                             std::string_view query_id) override {
    const auto found = decisions_.find(joined({tenant, query_id}));
    if (found == decisions_.end()) return std::nullopt;
    return found->second.entry;
  }

  std::optional<SlotEntry> find_slot(const SubjectKey& subject, std::string_view name) override {
    const Slots* slots = slots_of(subject);
    return slots == nullptr ? std::nullopt : find_in(*slots, name);
  }

  Result<LogPosition> add_record(const Scope& scope, const Record& record,
                                 LogPosition /*decision*/) override {
    std::string bytes = encode(record);
    if (bytes.size() > options_.max_record_bytes) {
      return invalid("", "The record is larger than max_record_bytes.");
    }
    const LogPosition position = first_ + records_.size();
    records_.push_back({scope, std::move(bytes)});
    RouterLog& router = routers_[scope];
    router.positions.push_back(position);
    std::visit([&](const auto& body) { index(scope, router, position, body); }, record.body);
    return position;
  }

  void put_key(std::string_view tenant, const IdempotencyKey& key, const KeyEntry& entry) override {
    std::string name = joined({tenant, key.route, key.key});
    std::vector<KeyEntry>& entries = keys_[name];
    if (entries.empty()) keys_by_age_.push_back(std::move(name));
    const auto same = std::find_if(entries.begin(), entries.end(), [&](const KeyEntry& known) {
      return known.router == entry.router;
    });
    if (same == entries.end()) {
      entries.push_back(entry);
    } else {
      *same = entry;
    }
  }

  void put_decision(std::string_view tenant, std::string_view query_id,
                    const DecisionEntry& entry) override {
    DecisionLog& decision = decisions_[joined({tenant, query_id})];
    decision.entry = entry;
    decision.positions.push_back(entry.position);
    ++routers_[{std::string(tenant), entry.router}].open_until[entry.expires_at];
  }

  void put_slot(const SubjectKey& subject, std::string_view name, const SlotEntry& entry) override {
    // The subject is there: a decision was found, and a record has just been added.
    if (Slots* slots = slots_of(subject)) put_in(*slots, name, entry);
  }

  void evict() {
    while (records_.size() > options_.max_records) evict_oldest();
    while (keys_by_age_.size() > options_.max_records) {
      keys_.erase(keys_by_age_.front());
      keys_by_age_.pop_front();
    }
  }

  /// The records at `positions` that are still kept, in that order.
  template <class Positions>
  Result<std::vector<StoredRecord>> read(const Positions& positions) const {
    std::vector<StoredRecord> read;
    read.reserve(positions.size());
    for (const LogPosition position : positions) {
      const StoredBytes& stored = records_[position - first_];
      Result<Record> record = decode(stored.bytes);
      if (!record.ok()) return record.error();
      read.push_back({stored.scope, position, std::move(record).value()});
    }
    return read;
  }

  const DecisionLog* decision(std::string_view tenant, std::string_view query_id) const {
    const auto found = decisions_.find(joined({tenant, query_id}));
    return found == decisions_.end() ? nullptr : &found->second;
  }

  const SessionLog* session(const Scope& scope, std::string_view id) const {
    const auto found = sessions_.find(joined({scope.tenant, scope.router, id}));
    return found == sessions_.end() ? nullptr : &found->second;
  }

  const std::deque<LogPosition>* feedback(std::string_view tenant) const {
    const auto found = feedback_.find(tenant);
    return found == feedback_.end() ? nullptr : &found->second;
  }

  std::map<Scope, RouterLog>& routers() { return routers_; }
  PruneOutcome prune(const PruneStep& step) {
    PruneOutcome outcome;
    const auto at = routers_.find(step.scope);
    if (at == routers_.end()) return {.last = true};
    RouterLog& router = at->second;
    router.pruned_below = std::max(router.pruned_below, step.below);
    const auto& all = router.positions;
    const auto begin = std::upper_bound(all.begin(), all.end(), step.after);
    const auto bound = std::lower_bound(begin, all.end(), step.below);
    const auto left = static_cast<std::size_t>(std::distance(begin, bound));
    const std::vector<LogPosition> page(
        begin, std::next(begin, static_cast<std::ptrdiff_t>(std::min(left, step.limit))));
    outcome.last = page.size() == left;
    outcome.looked_to = page.empty() ? step.after : page.back();
    Doomed doomed;
    for (const LogPosition position : page) judge(step, position, doomed);
    for (const LogPosition position : page) outcome.kept += doomed.positions.count(position) ^ 1U;
    outcome.removed = doomed.positions.size();
    remove(router, step.scope, doomed);
    forget_keys(step.now);
    return outcome;
  }

  std::uint64_t evicted() const { return evicted_; }
  std::uint64_t pruned() const { return pruned_; }
  std::size_t kept() const { return records_.size() - holes_; }
  const MemoryStoreOptions& options() const { return options_; }

  std::mutex mutex;

 private:
  Slots* slots_of(const SubjectKey& key) {
    if (key.kind == SubjectKind::decision) {
      const auto found = decisions_.find(joined({key.tenant, key.subject}));
      return found == decisions_.end() ? nullptr : &found->second.slots;
    }
    if (key.kind == SubjectKind::session) {
      const auto found = sessions_.find(joined({key.tenant, key.router, key.subject}));
      return found == sessions_.end() ? nullptr : &found->second.slots;
    }
    const auto found = routers_.find({std::string(key.tenant), std::string(key.router)});
    return found == routers_.end() ? nullptr : &found->second.slots;
  }

  SessionLog& add_to_session(const Scope& scope, std::string_view id, LogPosition position) {
    SessionLog& session = sessions_[joined({scope.tenant, scope.router, id})];
    session.positions.push_back(position);
    return session;
  }

  void add_to_decision(const Scope& scope, std::string_view query_id, LogPosition position) {
    const auto found = decisions_.find(joined({scope.tenant, query_id}));
    if (found != decisions_.end()) found->second.positions.push_back(position);
  }

  void index(const Scope& scope, RouterLog& router, LogPosition position, const Decision& body) {
    ++router.counts.decisions;
    if (body.session_id.empty()) return;
    ++add_to_session(scope, body.session_id, position).decisions;
  }
  void index(const Scope& scope, RouterLog& router, LogPosition position, const Outcome& body) {
    ++router.counts.outcomes;
    add_to_decision(scope, body.query_id, position);
  }
  void index(const Scope& scope, RouterLog& router, LogPosition position, const Feedback& body) {
    ++router.feedback_by_type[body.signal_type];
    feedback_[scope.tenant].push_back(position);
    add_to_decision(scope, body.query_id, position);
  }
  void index(const Scope& scope, RouterLog& router, LogPosition position,
             const SessionFeedback& body) {
    ++router.counts.session_feedback;
    feedback_[scope.tenant].push_back(position);
    add_to_session(scope, body.session_id, position);
  }
  template <class Other>
  void index(const Scope&, RouterLog&, LogPosition, const Other&) {}

  /// Dooms the unit that begins with the record at `position`, where one does and it is over.
  void judge(const PruneStep& step, LogPosition position, Doomed& doomed) {
    const Result<Record> record = decode(records_[position - first_].bytes);
    assert(record.ok());
    if (const auto* decision = std::get_if<Decision>(&record->body)) {
      if (!decision->session_id.empty()) {
        judge_session(step, decision->session_id, position, doomed);
      } else {
        doom_decision(step, decision->query_id, doomed);
      }
    } else if (const auto* session = std::get_if<SessionFeedback>(&record->body)) {
      judge_session(step, session->session_id, position, doomed);
    }
  }

  bool doom_decision(const PruneStep& step, std::string_view query_id, Doomed& doomed) {
    std::string key = joined({step.scope.tenant, query_id});
    const auto found = decisions_.find(key);
    if (found == decisions_.end()) return true;
    const DecisionLog& decision = found->second;
    if (decision.entry.expires_at >= over_before(step.now)) return false;
    if (decision.positions.back() >= step.below) return false;
    doomed.positions.insert(decision.positions.begin(), decision.positions.end());
    doomed.decisions.push_back(std::move(key));
    return true;
  }

  void judge_session(const PruneStep& step, std::string_view id, LogPosition position,
                     Doomed& doomed) {
    std::string key = joined({step.scope.tenant, step.scope.router, id});
    const auto found = sessions_.find(key);
    if (found == sessions_.end() || found->second.positions.front() != position) return;
    if (found->second.positions.back() >= step.below) return;
    Doomed unit;
    for (const LogPosition at : found->second.positions) {
      const Result<Record> record = decode(records_[at - first_].bytes);
      assert(record.ok());
      unit.positions.insert(at);
      if (const auto* decision = std::get_if<Decision>(&record->body)) {
        if (!doom_decision(step, decision->query_id, unit)) return;
      } else if (record->time >= over_before(step.now)) {
        return;
      }
    }
    doomed.positions.merge(unit.positions);
    std::move(unit.decisions.begin(), unit.decisions.end(), std::back_inserter(doomed.decisions));
    doomed.sessions.push_back(std::move(key));
  }

  void remove(RouterLog& router, const Scope& scope, const Doomed& doomed) {
    if (doomed.positions.empty()) return;
    const auto gone = [&](LogPosition position) { return doomed.positions.contains(position); };
    std::erase_if(router.positions, gone);
    if (const auto found = feedback_.find(scope.tenant); found != feedback_.end()) {
      std::erase_if(found->second, gone);
    }
    for (const std::string& key : doomed.decisions) {
      const auto found = decisions_.find(key);
      close(router, found->second.entry);
      decisions_.erase(found);
    }
    for (const std::string& key : doomed.sessions) sessions_.erase(key);
    for (const LogPosition position : doomed.positions) records_[position - first_].bytes = {};
    pruned_ += doomed.positions.size();
    holes_ += doomed.positions.size();
    while (!records_.empty() && records_.front().bytes.empty()) drop_hole();
  }

  void drop_hole() {
    records_.pop_front();
    ++first_;
    --holes_;
  }

  void forget_keys(Timestamp now) {
    std::erase_if(keys_, [&](const auto& known) {
      return std::all_of(known.second.begin(), known.second.end(),
                         [&](const KeyEntry& entry) { return entry.expires_at < now; });
    });
    std::erase_if(keys_by_age_, [&](const std::string& name) { return !keys_.contains(name); });
  }

  static void close(RouterLog& router, const DecisionEntry& entry) {
    const auto open = router.open_until.find(entry.expires_at);
    if (open != router.open_until.end() && --open->second == 0) router.open_until.erase(open);
  }

  void evict_oldest() {
    if (records_.front().bytes.empty()) return drop_hole();
    const StoredBytes oldest = std::move(records_.front());
    const LogPosition position = first_++;
    ++evicted_;
    records_.pop_front();
    RouterLog& router = routers_[oldest.scope];
    drop_front(router.positions, position);
    if (const auto found = feedback_.find(oldest.scope.tenant); found != feedback_.end()) {
      drop_front(found->second, position);
    }
    const Result<Record> record = decode(oldest.bytes);
    assert(record.ok());
    if (const auto* decision = std::get_if<Decision>(&record->body)) {
      evict_decision(oldest.scope, router, position, *decision);
    } else if (const auto* session = std::get_if<SessionFeedback>(&record->body)) {
      evict_from_session(oldest.scope, session->session_id, position, 0);
    }
  }

  void evict_decision(const Scope& scope, RouterLog& router, LogPosition position,
                      const Decision& decision) {
    evict_from_session(scope, decision.session_id, position, 1);
    const auto found = decisions_.find(joined({scope.tenant, decision.query_id}));
    if (found == decisions_.end() || found->second.entry.position != position) return;
    close(router, found->second.entry);
    decisions_.erase(found);
  }

  void evict_from_session(const Scope& scope, std::string_view id, LogPosition position,
                          std::uint64_t decisions) {
    const auto found = sessions_.find(joined({scope.tenant, scope.router, id}));
    if (found == sessions_.end()) return;
    found->second.decisions -= decisions;
    drop_front(found->second.positions, position);
    if (found->second.positions.empty()) sessions_.erase(found);
  }

  const MemoryStoreOptions options_;
  LogPosition first_ = 1;  ///< Of records_.front(); positions have no gaps here.
  std::uint64_t evicted_ = 0;
  std::uint64_t pruned_ = 0;
  std::size_t holes_ = 0;  ///< Entries of records_ that were pruned.
  std::deque<StoredBytes> records_;
  std::map<Scope, RouterLog> routers_;
  std::unordered_map<std::string, DecisionLog> decisions_;
  std::unordered_map<std::string, SessionLog> sessions_;
  std::map<std::string, std::deque<LogPosition>, std::less<>> feedback_;
  std::unordered_map<std::string, std::vector<KeyEntry>> keys_;
  std::deque<std::string> keys_by_age_;
};

MemoryStore::MemoryStore(const MemoryStoreOptions& options)
    : log_(std::make_unique<Log>(options)) {}

MemoryStore::~MemoryStore() = default;

Result<std::vector<AppendResult>> MemoryStore::append(std::span<const AppendRequest> group) {
  const std::lock_guard lock(log_->mutex);
  std::vector<AppendResult> results;
  results.reserve(group.size());
  for (const AppendRequest& request : group) results.push_back(append_by_rules(request, *log_));
  log_->evict();
  return results;
}

Result<std::vector<StoredRecord>> MemoryStore::find(std::string_view tenant,
                                                    std::string_view query_id, LogPosition upper) {
  const std::lock_guard lock(log_->mutex);
  const DecisionLog* decision = log_->decision(tenant, query_id);
  if (decision == nullptr) return std::vector<StoredRecord>{};
  const auto& all = decision->positions;
  const auto end = std::upper_bound(all.begin(), all.end(), upper);
  return log_->read(std::span(all.begin(), end));
}

Result<std::vector<StoredRecord>> MemoryStore::session_records(const Scope& scope,
                                                               std::string_view session_id,
                                                               LogPosition upper) {
  const std::lock_guard lock(log_->mutex);
  const SessionLog* session = log_->session(scope, session_id);
  if (session == nullptr) return std::vector<StoredRecord>{};
  const auto& all = session->positions;
  const auto end = std::upper_bound(all.begin(), all.end(), upper);
  return log_->read(std::vector<LogPosition>(all.begin(), end));
}

Result<std::vector<Scope>> MemoryStore::session_scopes(std::string_view tenant,
                                                       std::string_view session_id) {
  const std::lock_guard lock(log_->mutex);
  std::vector<Scope> found;
  for (const auto& [scope, router] : log_->routers()) {
    if (scope.tenant != tenant) continue;
    const SessionLog* session = log_->session(scope, session_id);
    if (session != nullptr && session->decisions > 0) found.push_back(scope);
  }
  return found;
}

Result<std::vector<StoredRecord>> MemoryStore::scan(const Scope& scope, LogPosition after,
                                                    std::size_t limit) {
  const std::lock_guard lock(log_->mutex);
  const auto router = log_->routers().find(scope);
  if (router == log_->routers().end()) return std::vector<StoredRecord>{};
  if (begins_in_pruned(after, router->second.pruned_below))
    return pruned_error(router->second.pruned_below);
  const auto& all = router->second.positions;
  const auto begin = std::upper_bound(all.begin(), all.end(), after);
  const auto left = static_cast<std::size_t>(std::distance(begin, all.end()));
  const auto end = std::next(begin, static_cast<std::ptrdiff_t>(std::min(left, limit)));
  return log_->read(std::vector<LogPosition>(begin, end));
}

Result<std::vector<StoredRecord>> MemoryStore::recent_feedback(std::string_view tenant,
                                                               LogPosition before,
                                                               std::size_t limit) {
  const std::lock_guard lock(log_->mutex);
  const std::deque<LogPosition>* all = log_->feedback(tenant);
  if (all == nullptr) return std::vector<StoredRecord>{};
  const auto end = before == 0 ? all->end() : std::lower_bound(all->begin(), all->end(), before);
  const auto below = static_cast<std::size_t>(std::distance(all->begin(), end));
  const auto begin = std::prev(end, static_cast<std::ptrdiff_t>(std::min(below, limit)));
  return log_->read(
      std::vector<LogPosition>(std::make_reverse_iterator(end), std::make_reverse_iterator(begin)));
}

Result<std::vector<LogHead>> MemoryStore::heads() {
  const std::lock_guard lock(log_->mutex);
  std::vector<LogHead> found;
  for (const auto& [scope, router] : log_->routers()) {
    if (!router.positions.empty()) found.push_back({scope, router.positions.back()});
  }
  return found;
}

Status MemoryStore::save_checkpoint(const Checkpoint& checkpoint) {
  const std::lock_guard lock(log_->mutex);
  auto& kept = log_->routers()[checkpoint.scope].checkpoints;
  for (const Checkpoint& known : kept) {
    if (known.format != checkpoint.format || known.position != checkpoint.position) continue;
    if (known.checksum == checkpoint.checksum) return Done{};
    return Error{ErrorCode::conflict, "This checkpoint is stored with another checksum.", ""};
  }
  kept.push_back(checkpoint);
  std::sort(kept.begin(), kept.end(), [](const Checkpoint& a, const Checkpoint& b) {
    return std::pair(a.position, a.format) > std::pair(b.position, b.format);
  });
  if (kept.size() > kCheckpointsKept) kept.resize(kCheckpointsKept);
  return Done{};
}

Result<std::vector<Checkpoint>> MemoryStore::load_checkpoints(const Scope& scope) {
  const std::lock_guard lock(log_->mutex);
  const auto router = log_->routers().find(scope);
  if (router == log_->routers().end()) return std::vector<Checkpoint>{};
  return router->second.checkpoints;
}

Status MemoryStore::drop_checkpoint(const Checkpoint& checkpoint) {
  const std::lock_guard lock(log_->mutex);
  const auto router = log_->routers().find(checkpoint.scope);
  if (router == log_->routers().end()) return Done{};
  std::erase_if(router->second.checkpoints, [&](const Checkpoint& known) {
    return known.format == checkpoint.format && known.position == checkpoint.position &&
           known.checksum == checkpoint.checksum;
  });
  return Done{};
}

Result<PruneOutcome> MemoryStore::prune(const PruneStep& step) {
  const std::lock_guard lock(log_->mutex);
  return log_->prune(step);
}

Result<LogPosition> MemoryStore::pruned_below(const Scope& scope) {
  const std::lock_guard lock(log_->mutex);
  const auto router = log_->routers().find(scope);
  return router == log_->routers().end() ? 0 : router->second.pruned_below;
}

Status MemoryStore::compact() { return Done{}; }

Result<StoreCounts> MemoryStore::counts(const Scope& scope, Timestamp now) {
  const std::lock_guard lock(log_->mutex);
  const auto found = log_->routers().find(scope);
  if (found == log_->routers().end()) return StoreCounts{};
  const RouterLog& router = found->second;
  StoreCounts counts = router.counts;
  counts.feedback_by_type.assign(router.feedback_by_type.begin(), router.feedback_by_type.end());
  for (auto open = router.open_until.lower_bound(now); open != router.open_until.end(); ++open) {
    counts.open_decisions += open->second;
  }
  return counts;
}

std::vector<std::pair<std::string, std::string>> MemoryStore::settings() const {
  const std::lock_guard lock(log_->mutex);
  return {{"kind", "memory"},
          {"survives", "nothing: it lives in the process's memory"},
          {"max_records", std::to_string(log_->options().max_records)},
          {"records", std::to_string(log_->kept())},
          {"evicted_records", std::to_string(log_->evicted())},
          {"pruned_records", std::to_string(log_->pruned())}};
}

}  // namespace pointsman
