#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <thread>

namespace pointsman {

/// Ends calls that wait too long for an answer. libpq waits for ever on a peer that is silent but
/// whose host still acknowledges; the watchdog shuts the socket down, and the call returns with a
/// lost connection. Thread-safe.
class PostgresWatchdog final {
 public:
  PostgresWatchdog();
  PostgresWatchdog(const PostgresWatchdog&) = delete;
  PostgresWatchdog& operator=(const PostgresWatchdog&) = delete;
  ~PostgresWatchdog();

  /// Watches `socket` while it lives. The socket must stay open as long.
  class Watch final {
   public:
    Watch(PostgresWatchdog& owner, int socket, std::chrono::milliseconds patience);
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    ~Watch();

   private:
    PostgresWatchdog& owner_;
    std::uint64_t id_;
  };

 private:
  struct Watched {
    int socket;
    std::chrono::steady_clock::time_point deadline;
  };
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  std::uint64_t next_id_ = 0;
  std::map<std::uint64_t, Watched> watched_;
  std::thread thread_;  ///< Last: it uses the rest.
};

}  // namespace pointsman
