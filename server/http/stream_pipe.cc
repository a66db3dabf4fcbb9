#include "server/http/stream_pipe.h"

#include <utility>

namespace pointsman::http {

void StreamPipe::tell(std::unique_lock<std::mutex> lock) {
  if (told_ || gone_ || !notify_) return;
  told_ = true;
  lock.unlock();
  notify_();
}

bool StreamPipe::write(std::string_view chunk) {
  std::unique_lock lock(mutex_);
  if (closed_ || cut_ || gone_) return false;
  if (pending_.size() + in_flight_ + chunk.size() > max_buffered_bytes_) {
    cut_ = true;
    pending_ = {};
    tell(std::move(lock));
    return false;
  }
  pending_ += chunk;
  tell(std::move(lock));
  return true;
}

bool StreamPipe::wait_until_buffered_at_most(std::size_t level, std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  room_.wait_for(lock, timeout,
                 [&] { return cut_ || gone_ || pending_.size() + in_flight_ <= level; });
  return !cut_ && !gone_ && pending_.size() + in_flight_ <= level;
}

void StreamPipe::close() {
  std::function<void()> dropped;  // Ends after the lock: what it holds may call back.
  std::unique_lock lock(mutex_);
  if (closed_) return;
  std::swap(dropped, on_gone_);
  closed_ = true;
  tell(std::move(lock));
}

void StreamPipe::abandon() {
  std::function<void()> dropped;
  std::unique_lock lock(mutex_);
  if (closed_) return;
  std::swap(dropped, on_gone_);
  abandoned_ = true;
  closed_ = true;
  tell(std::move(lock));
}

void StreamPipe::on_gone(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    if (!left_) {
      std::swap(on_gone_, callback);
      return;
    }
  }
  callback();
}

bool StreamPipe::client_gone() const {
  const std::lock_guard lock(mutex_);
  return left_;
}

bool StreamPipe::alive() const {
  const std::lock_guard lock(mutex_);
  return !cut_ && !gone_;
}

bool StreamPipe::draining() const {
  const std::lock_guard lock(mutex_);
  return draining_;
}

std::size_t StreamPipe::buffered_bytes() const {
  const std::lock_guard lock(mutex_);
  return pending_.size() + in_flight_;
}

StreamPipe::Taken StreamPipe::take() {
  const std::lock_guard lock(mutex_);
  told_ = false;
  in_flight_ += pending_.size();
  return {.bytes = std::exchange(pending_, {}),
          .ended = closed_ && !abandoned_ && !cut_,
          .broken = abandoned_ || cut_};
}

bool StreamPipe::was_cut() const {
  const std::lock_guard lock(mutex_);
  return cut_;
}

void StreamPipe::sent() {
  const std::lock_guard lock(mutex_);
  in_flight_ = 0;
  room_.notify_all();
}

void StreamPipe::client_left() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    left_ = true;
    callback = std::exchange(on_gone_, nullptr);
  }
  if (callback) callback();
}

void StreamPipe::reader_gone() {
  {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    pending_ = {};
    in_flight_ = 0;
    room_.notify_all();
  }
  client_left();
}

void StreamPipe::server_drains() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
}

}  // namespace pointsman::http
