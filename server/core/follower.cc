#include "server/core/follower.h"

#include <spdlog/spdlog.h>

#include <future>
#include <utility>

namespace pointsman {

Follower::Follower(Writer& writer, Routers& routers, std::chrono::milliseconds every)
    : writer_(writer), routers_(routers), thread_([this, every] { loop(every); }) {}

Follower::~Follower() { stop(); }

void Follower::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

std::optional<std::chrono::duration<double>> Follower::age() const {
  if (successes() == 0) return std::nullopt;
  using Clock = std::chrono::steady_clock;
  return Clock::now() - Clock::time_point(Clock::duration(last_success_.load()));
}

void Follower::loop(std::chrono::milliseconds every) {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, every, [this] { return stopping_; })) {
    lock.unlock();
    std::promise<void> done;
    const bool taken = writer_.run([&] {
      follow();
      done.set_value();
    });
    if (taken) done.get_future().wait();
    lock.lock();
  }
}

void Follower::follow() {
  const Status followed = routers_.follow();
  if (followed) {
    last_success_.store(std::chrono::steady_clock::now().time_since_epoch().count());
    ++successes_;
  }
  ++tries_;
  // Once a failure, not twenty times a second.
  const bool failed_before = std::exchange(failing_, !followed.ok());
  if (!followed && !failed_before) {
    spdlog::warn("the log could not be followed: {}", followed.error().message);
  }
  if (followed && failed_before) spdlog::info("the log is followed again");
}

}  // namespace pointsman
