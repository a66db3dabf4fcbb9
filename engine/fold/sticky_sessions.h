#pragma once

#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/fold/decide.h"

namespace pointsman {

/// The arm that each recent session was given, least recently decided out first.
/// Thread-safe: the fold writes, decisions read; the lock is held for one look-up.
class StickySessions final {
 public:
  explicit StickySessions(std::size_t capacity) : capacity_(capacity) {}

  void put(const std::string& session_id, StickyArm arm) {
    const std::scoped_lock lock(mutex_);
    if (const auto at = index_.find(session_id); at != index_.end()) {
      bytes_ = bytes_ - bytes_of(*at->second) + bytes_of({session_id, arm});
      at->second->second = std::move(arm);
      order_.splice(order_.begin(), order_, at->second);
      return;
    }
    order_.emplace_front(session_id, std::move(arm));
    index_[session_id] = order_.begin();
    bytes_ += bytes_of(order_.front());
    if (order_.size() > capacity_) {
      bytes_ -= bytes_of(order_.back());
      index_.erase(order_.back().first);
      order_.pop_back();
    }
  }

  std::optional<StickyArm> find(const std::string& session_id) const {
    const std::scoped_lock lock(mutex_);
    const auto at = index_.find(session_id);
    if (at == index_.end()) return std::nullopt;
    return at->second->second;
  }

  /// About what the sessions hold.
  std::size_t bytes() const {
    const std::scoped_lock lock(mutex_);
    return bytes_;
  }

  /// Oldest first, so that putting them in this order gives the same state.
  std::vector<std::pair<std::string, StickyArm>> entries() const {
    const std::scoped_lock lock(mutex_);
    return {order_.rbegin(), order_.rend()};
  }

 private:
  using Order = std::list<std::pair<std::string, StickyArm>>;

  /// With a list's links, and of the index the id once more, an iterator, a hash and a link.
  static std::size_t bytes_of(const Order::value_type& session) {
    return sizeof(session) + sizeof(std::string) + 9 * sizeof(void*) + 2 * session.first.size() +
           session.second.arm.size() + session.second.decision.size();
  }

  std::size_t capacity_;
  std::size_t bytes_ = 0;
  mutable std::mutex mutex_;
  Order order_;  ///< Newest first.
  std::unordered_map<std::string, Order::iterator> index_;
};

}  // namespace pointsman
