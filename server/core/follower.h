#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/routers/routers.h"
#include "server/core/writer.h"

namespace pointsman {

/// Follows what other replicas append to a shared store, on the writer's thread, until stop().
/// Both must outlive it. Thread-safety: age(), tries() and successes() from any thread.
class Follower final {
 public:
  static constexpr std::chrono::milliseconds kEvery{50};

  Follower(Writer& writer, Routers& routers, std::chrono::milliseconds every = kEvery);
  ~Follower();  ///< stop().

  /// Ends the thread. Idempotent; from one thread.
  void stop();

  /// Since the log was last followed without an error; nothing before the first time.
  std::optional<std::chrono::duration<double>> age() const;
  std::uint64_t tries() const { return tries_.load(); }
  std::uint64_t successes() const { return successes_.load(); }

 private:
  void loop(std::chrono::milliseconds every);
  void follow();

  Writer& writer_;
  Routers& routers_;
  std::atomic<std::uint64_t> tries_{0};
  std::atomic<std::uint64_t> successes_{0};
  std::atomic<std::chrono::steady_clock::rep> last_success_{0};
  bool failing_ = false;  ///< The writer's thread: it has been said already.
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;  ///< Last: it uses the others.
};

}  // namespace pointsman
