#include "stores/memory/memory_log.h"

#include <algorithm>
#include <cassert>
#include <initializer_list>
#include <iterator>
#include <variant>

#include "engine/values/bytes.h"

namespace pointsman {
namespace {

/// One string for several, without two lists that give the same.
std::string joined(std::initializer_list<std::string_view> parts) {
  ByteWriter out;
  for (const std::string_view part : parts) out.string(part);
  return out.take();
}

std::optional<SlotEntry> find_in(const MemoryLog::Slots& slots, std::string_view name) {
  for (const auto& [known, entry] : slots) {
    if (known == name) return entry;
  }
  return std::nullopt;
}

void put_in(MemoryLog::Slots& slots, std::string_view name, const SlotEntry& entry) {
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

}  // namespace

std::optional<KeyEntry> MemoryLog::find_key(std::string_view tenant, const IdempotencyKey& key,
                                            std::string_view router) {
  const auto found = keys_.find(joined({tenant, key.route, key.key}));
  if (found == keys_.end()) return std::nullopt;
  for (const KeyEntry& entry : found->second) {
    if (entry.router == router) return entry;
  }
  return found->second.front();
}

std::optional<DecisionEntry> MemoryLog::find_decision(std::string_view tenant,
                                                      std::string_view query_id) {
  const auto found = decisions_.find(joined({tenant, query_id}));
  if (found == decisions_.end()) return std::nullopt;
  return found->second.entry;
}

std::optional<SlotEntry> MemoryLog::find_slot(const SubjectKey& subject, std::string_view name) {
  const Slots* slots = slots_of(subject);
  return slots == nullptr ? std::nullopt : find_in(*slots, name);
}

Result<LogPosition> MemoryLog::add_record(const Scope& scope, const Record& record,
                                          LogPosition /*decision*/) {
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

void MemoryLog::put_key(std::string_view tenant, const IdempotencyKey& key, const KeyEntry& entry) {
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

void MemoryLog::put_decision(std::string_view tenant, std::string_view query_id,
                             const DecisionEntry& entry) {
  DecisionLog& decision = decisions_[joined({tenant, query_id})];
  decision.entry = entry;
  decision.positions.push_back(entry.position);
  ++routers_[{std::string(tenant), entry.router}].open_until[entry.expires_at];
}

void MemoryLog::put_slot(const SubjectKey& subject, std::string_view name, const SlotEntry& entry) {
  // The subject is there: a decision was found, and a record has just been added.
  if (Slots* slots = slots_of(subject)) put_in(*slots, name, entry);
}

void MemoryLog::evict() {
  while (records_.size() > options_.max_records) evict_oldest();
  while (keys_by_age_.size() > options_.max_records) {
    keys_.erase(keys_by_age_.front());
    keys_by_age_.pop_front();
  }
}

const MemoryLog::DecisionLog* MemoryLog::decision(std::string_view tenant,
                                                  std::string_view query_id) const {
  const auto found = decisions_.find(joined({tenant, query_id}));
  return found == decisions_.end() ? nullptr : &found->second;
}

const MemoryLog::SessionLog* MemoryLog::session(const Scope& scope, std::string_view id) const {
  const auto found = sessions_.find(joined({scope.tenant, scope.router, id}));
  return found == sessions_.end() ? nullptr : &found->second;
}

const std::deque<LogPosition>* MemoryLog::feedback(std::string_view tenant) const {
  const auto found = feedback_.find(tenant);
  return found == feedback_.end() ? nullptr : &found->second;
}

PruneOutcome MemoryLog::prune(const PruneStep& step) {
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

MemoryLog::Slots* MemoryLog::slots_of(const SubjectKey& key) {
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

MemoryLog::SessionLog& MemoryLog::add_to_session(const Scope& scope, std::string_view id,
                                                 LogPosition position) {
  SessionLog& session = sessions_[joined({scope.tenant, scope.router, id})];
  session.positions.push_back(position);
  return session;
}

void MemoryLog::add_to_decision(const Scope& scope, std::string_view query_id,
                                LogPosition position) {
  const auto found = decisions_.find(joined({scope.tenant, query_id}));
  if (found != decisions_.end()) found->second.positions.push_back(position);
}

void MemoryLog::index(const Scope& scope, RouterLog& router, LogPosition position,
                      const Decision& body) {
  ++router.counts.decisions;
  if (body.session_id.empty()) return;
  ++add_to_session(scope, body.session_id, position).decisions;
}

void MemoryLog::index(const Scope& scope, RouterLog& router, LogPosition position,
                      const Outcome& body) {
  ++router.counts.outcomes;
  add_to_decision(scope, body.query_id, position);
}

void MemoryLog::index(const Scope& scope, RouterLog& router, LogPosition position,
                      const Feedback& body) {
  ++router.feedback_by_type[body.signal_type];
  feedback_[scope.tenant].push_back(position);
  add_to_decision(scope, body.query_id, position);
}

void MemoryLog::index(const Scope& scope, RouterLog& router, LogPosition position,
                      const SessionFeedback& body) {
  ++router.counts.session_feedback;
  feedback_[scope.tenant].push_back(position);
  add_to_session(scope, body.session_id, position);
}

void MemoryLog::judge(const PruneStep& step, LogPosition position, Doomed& doomed) {
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

bool MemoryLog::doom_decision(const PruneStep& step, std::string_view query_id, Doomed& doomed) {
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

void MemoryLog::judge_session(const PruneStep& step, std::string_view id, LogPosition position,
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

void MemoryLog::remove(RouterLog& router, const Scope& scope, const Doomed& doomed) {
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

void MemoryLog::drop_hole() {
  records_.pop_front();
  ++first_;
  --holes_;
}

void MemoryLog::forget_keys(Timestamp now) {
  std::erase_if(keys_, [&](const auto& known) {
    return std::all_of(known.second.begin(), known.second.end(),
                       [&](const KeyEntry& entry) { return entry.expires_at < now; });
  });
  std::erase_if(keys_by_age_, [&](const std::string& name) { return !keys_.contains(name); });
}

void MemoryLog::close(RouterLog& router, const DecisionEntry& entry) {
  const auto open = router.open_until.find(entry.expires_at);
  if (open != router.open_until.end() && --open->second == 0) router.open_until.erase(open);
}

void MemoryLog::evict_oldest() {
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

void MemoryLog::evict_decision(const Scope& scope, RouterLog& router, LogPosition position,
                               const Decision& decision) {
  evict_from_session(scope, decision.session_id, position, 1);
  const auto found = decisions_.find(joined({scope.tenant, decision.query_id}));
  if (found == decisions_.end() || found->second.entry.position != position) return;
  close(router, found->second.entry);
  decisions_.erase(found);
}

void MemoryLog::evict_from_session(const Scope& scope, std::string_view id, LogPosition position,
                                   std::uint64_t decisions) {
  const auto found = sessions_.find(joined({scope.tenant, scope.router, id}));
  if (found == sessions_.end()) return;
  found->second.decisions -= decisions;
  drop_front(found->second.positions, position);
  if (found->second.positions.empty()) sessions_.erase(found);
}

}  // namespace pointsman
