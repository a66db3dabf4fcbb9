#include "engine/fold/decision_cache.h"

#include <iterator>
#include <utility>

namespace pointsman {
namespace {

/// What an entry takes beside itself: a list's two links and an allocation's head, and of the index
/// the id once more, an iterator, a hash, a link and its share of the buckets.
constexpr std::size_t kEntryFrame =
    2 * sizeof(void*) + 16 + sizeof(std::string) + 5 * sizeof(void*);

/// Of a short string nothing: it stands in its object.
std::size_t heap_bytes(const std::string& text) {
  return text.capacity() > std::string().capacity() ? text.capacity() + 17 : 0;
}

std::size_t heap_bytes(const DecisionState& state) {
  return heap_bytes(state.arm) + heap_bytes(state.session_id) + heap_bytes(state.outcome.query_id) +
         4 * state.raw.capacity() + 16 + sizeof(Signal) * state.signals.capacity();
}

}  // namespace

DecisionState* DecisionCache::find(const std::string& query_id) {
  const auto at = index_.find(query_id);
  return at == index_.end() ? nullptr : &at->second->state;
}

DecisionState& DecisionCache::put(const std::string& query_id, DecisionState state) {
  // The id of a decision that was pruned may come again.
  if (const auto known = index_.find(query_id); known != index_.end()) {
    bytes_ -= known->second->bytes;
    entries_.erase(known->second);
  }
  const std::size_t bytes =
      sizeof(Entry) + kEntryFrame + 2 * heap_bytes(query_id) + heap_bytes(state);
  entries_.push_front(Entry{query_id, std::move(state), false, bytes});
  bytes_ += bytes;
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
    bytes_ -= last->bytes;
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
