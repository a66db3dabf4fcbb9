#pragma once

#include <cstddef>
#include <list>
#include <string>
#include <unordered_map>

#include "engine/fold/observation.h"

namespace pointsman {

/// The decisions that a fold has at hand, the one that came first out first: a decision that has
/// its feedback must not outlast one that still waits for it. One that is not here any more is
/// rebuilt from the store, so the bound costs time, never correctness.
class DecisionCache final {
 public:
  explicit DecisionCache(std::size_t capacity) : capacity_(capacity) {}

  bool contains(const std::string& query_id) const { return index_.contains(query_id); }
  /// Null where it is not here. The pointer is good until the next call.
  DecisionState* find(const std::string& query_id);
  DecisionState& put(const std::string& query_id, DecisionState state);
  /// A pinned decision is not evicted: the fold reads it again at the next schema revision.
  void pin(const std::string& query_id);
  void unpin_all();
  std::size_t size() const { return entries_.size(); }

  /// About what the entries hold: what each held when it came, which later signals add little to.
  std::size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string query_id;
    DecisionState state;
    bool pinned = false;
    std::size_t bytes = 0;
  };
  std::size_t capacity_;
  std::size_t bytes_ = 0;
  std::list<Entry> entries_;  ///< Newest first; pinned ones stay.
  std::unordered_map<std::string, std::list<Entry>::iterator> index_;
};

}  // namespace pointsman
