#pragma once

// Internal to server/http: includes Asio.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <variant>

#include "server/http/loop.h"
#include "server/http/message.h"
#include "server/http/stream_pipe.h"

namespace pointsman::http {

class Connection;

/// Where a connection's answers arrive, and what its coroutine waits on. Responders share it with
/// the coroutine, and may outlive both that and the server. One request is open at a time, so one
/// place is enough.
class Slot final : public ResponseSink, public std::enable_shared_from_this<Slot> {
 public:
  explicit Slot(std::shared_ptr<Loop> loop) : loop_(std::move(loop)) {}

  // Any thread.
  void deliver(Response response, Wake wake) override;
  void wake() override;
  std::shared_ptr<StreamPipe> open_stream(StreamHead head) override;
  bool client_gone() const override { return gone_.load(std::memory_order_relaxed); }
  void on_gone(std::function<void()> callback) override;

  // The loop's thread only.
  void receive(Loop::Letter letter);
  void tell_gone();  ///< The client is gone: runs the callback of the open request, if it has one.
  void abort();      ///< The server stops: whoever waits is resumed, and sees aborted().
  bool aborted() const { return aborted_; }
  /// Resumes the coroutine if it waits. It may end, and its connection with it.
  void resume();
  /// Suspends the coroutine until resume(), which may come for any reason.
  Task<> wait();

 private:
  friend class Connection;

  /// A suspended coroutine. (Boost 1.81's any_completion_handler recurses for ever when moved.)
  struct Waiter {
    virtual ~Waiter() = default;
    virtual void resume() = 0;
  };
  template <class Resume>
  struct WaiterOf;

  void put(Loop::Letter letter, Wake wake);
  void forget_callback();

  const std::shared_ptr<Loop> loop_;

  std::atomic<bool> gone_{false};
  std::atomic<bool> has_callback_{false};
  std::mutex gone_mutex_;
  std::function<void()> on_gone_;  ///< Of the open request. Guarded by gone_mutex_.

  // From here on: the loop's thread only.
  Connection* owner_ = nullptr;
  bool in_handler_ = false;
  bool aborted_ = false;
  std::variant<std::monostate, Response, Loop::StreamStart> answer_;
  std::shared_ptr<StreamPipe> open_pipe_;
  std::unique_ptr<Waiter> waiter_;
};

}  // namespace pointsman::http
