#include "stores/postgres/postgres_watchdog.h"

#include <sys/socket.h>

namespace pointsman {
namespace {

/// How late a call may be ended. Waking at intervals costs less than waking for every call.
constexpr std::chrono::milliseconds kInterval{100};

}  // namespace

PostgresWatchdog::PostgresWatchdog() : thread_([this] { run(); }) {}

PostgresWatchdog::~PostgresWatchdog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

PostgresWatchdog::Watch::Watch(PostgresWatchdog& owner, int socket,
                               std::chrono::milliseconds patience)
    : owner_(owner) {
  const std::lock_guard lock(owner_.mutex_);
  id_ = owner_.next_id_++;
  owner_.watched_[id_] = {socket, std::chrono::steady_clock::now() + patience};
}

PostgresWatchdog::Watch::~Watch() {
  // Under the mutex: once this is done the socket may be closed, and its number used anew.
  const std::lock_guard lock(owner_.mutex_);
  owner_.watched_.erase(id_);
}

void PostgresWatchdog::run() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, kInterval, [this] { return stop_; })) {
    const auto now = std::chrono::steady_clock::now();
    for (const auto& [id, watched] : watched_) {
      if (watched.deadline < now) ::shutdown(watched.socket, SHUT_RDWR);
    }
  }
}

}  // namespace pointsman
