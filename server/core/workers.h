#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pointsman {

/// A few threads for work that may wait (reading the store), so that no I/O thread ever does.
/// Thread-safe.
class Workers final {
 public:
  struct Options {
    std::size_t threads = 2;
    std::size_t max_queued = 1'024;  ///< Tasks that may wait; above, run() refuses.
  };

  explicit Workers(Options options);
  ~Workers();  ///< stop().

  /// False where the queue is full or the workers have stopped; the task is dropped then.
  bool run(std::function<void()> task);

  /// Finishes what is queued and joins. Idempotent.
  void stop();

 private:
  void loop();

  const Options options_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace pointsman
