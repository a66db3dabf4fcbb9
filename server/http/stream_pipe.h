#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace pointsman::http {

/// The bounded buffer between the writer of a streaming answer (any thread) and the connection that
/// sends it (its I/O thread). Every member is thread-safe.
class StreamPipe final {
 public:
  explicit StreamPipe(std::size_t max_buffered_bytes) : max_buffered_bytes_(max_buffered_bytes) {}

  /// Who is told, outside the lock, that take() may have news. It is told once until the next
  /// take(), so that a thousand small writes cost one wake-up. Set before the first write.
  void on_change(std::function<void()> notify) { notify_ = std::move(notify); }

  // The writer's side: see StreamWriter.
  bool write(std::string_view chunk);
  bool wait_until_buffered_at_most(std::size_t level, std::chrono::milliseconds timeout);
  void close();
  void abandon();  ///< The writer is gone; unless it had closed, the answer is broken off.
  void on_gone(std::function<void()> callback);
  bool client_gone() const;
  bool alive() const;
  bool draining() const;
  std::size_t buffered_bytes() const;

  // The connection's side.
  struct Taken {
    std::string bytes;
    bool ended = false;   ///< The writer has closed; after `bytes` there is no more.
    bool broken = false;  ///< Break the connection off: cut, or abandoned.
  };
  Taken take();          ///< What waits, all of it. These bytes still count as buffered.
  bool was_cut() const;  ///< The reader was too slow.
  void sent();           ///< What was taken has left; it no longer counts.
  void client_left();    ///< Tells the writer; bytes may still be taken.
  void reader_gone();    ///< The same, and makes every later write return false.
  void server_drains();  ///< Makes draining() true.

 private:
  void tell(std::unique_lock<std::mutex> lock);

  const std::size_t max_buffered_bytes_;
  std::function<void()> notify_;
  std::function<void()> on_gone_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::string pending_;
  std::size_t in_flight_ = 0;
  bool told_ = false;
  bool closed_ = false;
  bool abandoned_ = false;
  bool cut_ = false;
  bool left_ = false;
  bool gone_ = false;
  bool draining_ = false;
};

}  // namespace pointsman::http
