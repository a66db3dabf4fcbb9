#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace pointsman {

/// One writer publishes immutable values, many readers take the newest. A reader keeps its own
/// shared_ptr and looks at one atomic counter; it takes the mutex only when the counter moved.
/// (std::atomic<shared_ptr> stalls its writer by milliseconds under two readers.)
template <class T>
class SnapshotCell final {
 public:
  /// What a reader keeps between reads. One a thread; not shared.
  struct Reader {
    std::uint64_t version = 0;
    std::shared_ptr<const T> value;
  };

  void publish(std::shared_ptr<const T> value) {
    {
      const std::scoped_lock lock(mutex_);
      value_.swap(value);
    }
    version_.fetch_add(1, std::memory_order_release);
    // The old value is released here, outside the lock.
  }

  /// The newest value, or one that was newest when the call began.
  const std::shared_ptr<const T>& read(Reader& reader) const {
    const std::uint64_t version = version_.load(std::memory_order_acquire);
    if (reader.version != version) {
      const std::scoped_lock lock(mutex_);
      reader.value = value_;
      reader.version = version;
    }
    return reader.value;
  }

  std::shared_ptr<const T> read() const {
    const std::scoped_lock lock(mutex_);
    return value_;
  }

 private:
  std::atomic<std::uint64_t> version_{0};
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

}  // namespace pointsman
