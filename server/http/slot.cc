#include "server/http/slot.h"

#include <boost/asio/async_result.hpp>
#include <utility>

namespace pointsman::http {

void Slot::put(Loop::Letter letter, Wake wake) {
  forget_callback();
  // The answer was given inside Handler::handle, on the thread that will send it.
  if (loop_->is_this_thread() && in_handler_) return receive(std::move(letter));
  loop_->deliver(shared_from_this(), std::move(letter), wake);
}

void Slot::deliver(Response response, Wake wake) { put(std::move(response), wake); }

void Slot::wake() { loop_->wake(); }

std::shared_ptr<StreamPipe> Slot::open_stream(StreamHead head) {
  auto pipe = std::make_shared<StreamPipe>(head.max_buffered_bytes);
  pipe->on_change([self = weak_from_this()] {
    if (const auto slot = self.lock()) {
      slot->loop_->deliver(slot, Loop::Poke{}, Wake::now);
    }
  });
  put(Loop::StreamStart{.head = std::move(head), .pipe = pipe}, Wake::now);
  return pipe;
}

void Slot::on_gone(std::function<void()> callback) {
  {
    const std::lock_guard lock(gone_mutex_);
    if (!client_gone()) {
      on_gone_ = std::move(callback);
      has_callback_.store(true, std::memory_order_relaxed);
      return;
    }
  }
  callback();
}

void Slot::tell_gone() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(gone_mutex_);
    gone_.store(true, std::memory_order_relaxed);
    callback = std::exchange(on_gone_, nullptr);
  }
  if (callback) callback();
  if (open_pipe_) open_pipe_->client_left();
}

void Slot::forget_callback() {
  if (!has_callback_.load(std::memory_order_relaxed)) return;
  std::function<void()> dropped;  // Ends after the lock: what it holds may call back.
  const std::lock_guard lock(gone_mutex_);
  has_callback_.store(false, std::memory_order_relaxed);
  std::swap(dropped, on_gone_);
}

void Slot::receive(Loop::Letter letter) {
  if (owner_ == nullptr) {
    if (auto* start = std::get_if<Loop::StreamStart>(&letter)) start->pipe->reader_gone();
    return;
  }
  if (auto* response = std::get_if<Response>(&letter)) {
    answer_ = std::move(*response);
  } else if (auto* start = std::get_if<Loop::StreamStart>(&letter)) {
    open_pipe_ = start->pipe;
    if (client_gone()) open_pipe_->client_left();
    answer_ = std::move(*start);
  }
  resume();
}

void Slot::abort() {
  aborted_ = true;
  resume();
}

template <class Resume>
struct Slot::WaiterOf final : Slot::Waiter {
  explicit WaiterOf(Resume the_resume) : stored(std::move(the_resume)) {}
  void resume() override { std::move(stored)(); }
  Resume stored;
};

void Slot::resume() {
  if (const auto waiter = std::move(waiter_)) waiter->resume();
}

Task<> Slot::wait() {
  return asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(
      [this](auto resume) {
        waiter_ = std::make_unique<WaiterOf<decltype(resume)>>(std::move(resume));
      },
      use_task);
}

}  // namespace pointsman::http
