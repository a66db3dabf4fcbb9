#include "engine/decision_cache.h"

#include <iterator>
#include <utility>

namespace pointsman {

DecisionState* DecisionCache::find(const std::string& query_id) {
  const auto at = index_.find(query_id);
  return at == index_.end() ? nullptr : &at->second->state;
}

DecisionState& DecisionCache::put(const std::string& query_id, DecisionState state) {
  // The id of a decision that was pruned may come again.
  if (const auto known = index_.find(query_id); known != index_.end()) {
    entries_.erase(known->second);
  }
  entries_.push_front(Entry{query_id, std::move(state), false});
  const auto placed = entries_.begin();
  index_[query_id] = placed;
  for (auto last = std::prev(entries_.end()); entries_.size() > capacity_;) {
    if (last->pinned) {
      // Pinned entries are few (at most 1,024): move them out of the way.
      entries_.splice(entries_.begin(), entries_, last);
      last = std::prev(entries_.end());
      continue;
    }
    index_.erase(last->query_id);
    last = std::prev(entries_.erase(last));
  }
  return placed->state;
}

void DecisionCache::pin(const std::string& query_id) {
  if (const auto at = index_.find(query_id); at != index_.end()) at->second->pinned = true;
}

void DecisionCache::unpin_all() {
  for (Entry& entry : entries_) entry.pinned = false;
}

}  // namespace pointsman
