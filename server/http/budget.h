#pragma once

#include <atomic>
#include <cstddef>

namespace pointsman::http {

/// A share of a bound in bytes that all connections of a server have together. Shares are taken in
/// steps of 64 KiB, and what fits into one step is free: the number of connections bounds it.
/// One thread at a time may use a share; a pool is thread-safe and outlives its shares.
class ByteShare final {
 public:
  struct Pool {
    std::size_t limit = 0;
    std::atomic<std::size_t> used{0};
  };

  explicit ByteShare(Pool& pool) : pool_(&pool) {}
  ByteShare(const ByteShare&) = delete;
  ByteShare& operator=(const ByteShare&) = delete;
  ~ByteShare() { pool_->used.fetch_sub(held_, std::memory_order_relaxed); }

  /// Makes room for `bytes` altogether; false if the pool is used up.
  bool grow_to(std::size_t bytes) {
    if (bytes <= kStep || bytes <= held_) return true;
    const std::size_t want = (bytes + kStep - 1) / kStep * kStep;
    const std::size_t more = want - held_;
    if (pool_->used.fetch_add(more, std::memory_order_relaxed) + more > pool_->limit) {
      pool_->used.fetch_sub(more, std::memory_order_relaxed);
      return false;
    }
    held_ = want;
    return true;
  }

 private:
  static constexpr std::size_t kStep = std::size_t{64} << 10;
  Pool* pool_;
  std::size_t held_ = 0;
};

}  // namespace pointsman::http
