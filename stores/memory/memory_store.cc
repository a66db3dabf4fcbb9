#include "stores/memory/memory_store.h"

#include <algorithm>
#include <deque>
#include <iterator>

#include "stores/append_rules.h"
#include "stores/memory/memory_log.h"

namespace pointsman {
namespace {

constexpr std::size_t kCheckpointsKept = 2;

}  // namespace

MemoryStore::MemoryStore(const MemoryStoreOptions& options)
    : log_(std::make_unique<MemoryLog>(options)) {}

MemoryStore::~MemoryStore() = default;

Result<std::vector<AppendResult>> MemoryStore::append(std::span<const AppendRequest> group) {
  const std::lock_guard lock(mutex_);
  std::vector<AppendResult> results;
  results.reserve(group.size());
  for (const AppendRequest& request : group) results.push_back(append_by_rules(request, *log_));
  log_->evict();
  return results;
}

Result<std::vector<StoredRecord>> MemoryStore::find(std::string_view tenant,
                                                    std::string_view query_id, LogPosition upper) {
  const std::lock_guard lock(mutex_);
  const MemoryLog::DecisionLog* decision = log_->decision(tenant, query_id);
  if (decision == nullptr) return std::vector<StoredRecord>{};
  const auto& all = decision->positions;
  const auto end = std::upper_bound(all.begin(), all.end(), upper);
  return log_->read(std::span(all.begin(), end));
}

Result<std::vector<StoredRecord>> MemoryStore::session_records(const Scope& scope,
                                                               std::string_view session_id,
                                                               LogPosition upper) {
  const std::lock_guard lock(mutex_);
  const MemoryLog::SessionLog* session = log_->session(scope, session_id);
  if (session == nullptr) return std::vector<StoredRecord>{};
  const auto& all = session->positions;
  const auto end = std::upper_bound(all.begin(), all.end(), upper);
  return log_->read(std::vector<LogPosition>(all.begin(), end));
}

Result<std::vector<Scope>> MemoryStore::session_scopes(std::string_view tenant,
                                                       std::string_view session_id) {
  const std::lock_guard lock(mutex_);
  std::vector<Scope> found;
  for (const auto& [scope, router] : log_->routers()) {
    if (scope.tenant != tenant) continue;
    const MemoryLog::SessionLog* session = log_->session(scope, session_id);
    if (session != nullptr && session->decisions > 0) found.push_back(scope);
  }
  return found;
}

Result<std::vector<StoredRecord>> MemoryStore::scan(const Scope& scope, LogPosition after,
                                                    std::size_t limit) {
  const std::lock_guard lock(mutex_);
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
  const std::lock_guard lock(mutex_);
  const std::deque<LogPosition>* all = log_->feedback(tenant);
  if (all == nullptr) return std::vector<StoredRecord>{};
  const auto end = before == 0 ? all->end() : std::lower_bound(all->begin(), all->end(), before);
  const auto below = static_cast<std::size_t>(std::distance(all->begin(), end));
  const auto begin = std::prev(end, static_cast<std::ptrdiff_t>(std::min(below, limit)));
  return log_->read(
      std::vector<LogPosition>(std::make_reverse_iterator(end), std::make_reverse_iterator(begin)));
}

Result<std::vector<LogHead>> MemoryStore::heads() {
  const std::lock_guard lock(mutex_);
  std::vector<LogHead> found;
  for (const auto& [scope, router] : log_->routers()) {
    if (!router.positions.empty()) found.push_back({scope, router.positions.back()});
  }
  return found;
}

Status MemoryStore::save_checkpoint(const Checkpoint& checkpoint) {
  const std::lock_guard lock(mutex_);
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
  const std::lock_guard lock(mutex_);
  const auto router = log_->routers().find(scope);
  if (router == log_->routers().end()) return std::vector<Checkpoint>{};
  return router->second.checkpoints;
}

Status MemoryStore::drop_checkpoint(const Checkpoint& checkpoint) {
  const std::lock_guard lock(mutex_);
  const auto router = log_->routers().find(checkpoint.scope);
  if (router == log_->routers().end()) return Done{};
  std::erase_if(router->second.checkpoints, [&](const Checkpoint& known) {
    return known.format == checkpoint.format && known.position == checkpoint.position &&
           known.checksum == checkpoint.checksum;
  });
  return Done{};
}

Result<PruneOutcome> MemoryStore::prune(const PruneStep& step) {
  const std::lock_guard lock(mutex_);
  return log_->prune(step);
}

Result<LogPosition> MemoryStore::pruned_below(const Scope& scope) {
  const std::lock_guard lock(mutex_);
  const auto router = log_->routers().find(scope);
  return router == log_->routers().end() ? 0 : router->second.pruned_below;
}

Status MemoryStore::compact() { return Done{}; }

Result<StoreCounts> MemoryStore::counts(const Scope& scope, Timestamp now) {
  const std::lock_guard lock(mutex_);
  const auto found = log_->routers().find(scope);
  if (found == log_->routers().end()) return StoreCounts{};
  const MemoryLog::RouterLog& router = found->second;
  StoreCounts counts = router.counts;
  counts.feedback_by_type.assign(router.feedback_by_type.begin(), router.feedback_by_type.end());
  for (auto open = router.open_until.lower_bound(now); open != router.open_until.end(); ++open) {
    counts.open_decisions += open->second;
  }
  return counts;
}

std::vector<std::pair<std::string, std::string>> MemoryStore::settings() const {
  const std::lock_guard lock(mutex_);
  return {{"kind", "memory"},
          {"survives", "nothing: it lives in the process's memory"},
          {"max_records", std::to_string(log_->options().max_records)},
          {"records", std::to_string(log_->kept())},
          {"evicted_records", std::to_string(log_->evicted())},
          {"pruned_records", std::to_string(log_->pruned())}};
}

}  // namespace pointsman
