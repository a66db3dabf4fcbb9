#pragma once

// Internal to server/http: includes Asio, so only connection.cc and server.cc include it.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "server/http/loop.h"
#include "server/http/message.h"
#include "server/http/render.h"
#include "server/http/request_reader.h"
#include "server/http/stream_pipe.h"

namespace pointsman::http {

/// Where a connection's answers arrive. Responders share it with the connection's coroutine, and
/// may outlive both that and the server. One request is open at a time, so one place is enough.
class Slot final : public ResponseSink, public std::enable_shared_from_this<Slot> {
 public:
  explicit Slot(std::shared_ptr<Loop> loop) : loop_(std::move(loop)) {}

  // Any thread.
  void deliver(Response response, Wake wake) override;
  void wake() override;
  std::shared_ptr<StreamPipe> open_stream(StreamHead head) override;

  // The loop's thread only.
  void receive(Loop::Letter letter);
  void abort();  ///< The server stops: whoever waits is resumed, and sees aborted().
  bool aborted() const { return aborted_; }

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
  void resume();
  Task<> wait();

  const std::shared_ptr<Loop> loop_;
  // From here on: the loop's thread only.
  Connection* owner_ = nullptr;
  bool in_handler_ = false;
  bool aborted_ = false;
  std::variant<std::monostate, Response, Loop::StreamStart> answer_;
  std::shared_ptr<StreamPipe> open_pipe_;
  std::unique_ptr<Waiter> waiter_;
};

/// One client: reads requests, hands them on, writes the answers in order. It lives in the frame of
/// its coroutine, on its loop's thread.
class Connection final {
 public:
  enum class Admission { served, refused };

  Connection(std::shared_ptr<Loop> loop, Peer peer, Admission admission);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  Task<> run();

  void on_tick(Clock::time_point now);  ///< Gives up what is past its deadline.
  void on_drain();                      ///< Closes if idle, tells an open stream.
  void on_shutdown();                   ///< Breaks off.
  void break_off();                     ///< A stream's reader was too slow.
  const std::shared_ptr<Slot>& slot() const { return slot_; }

 private:
  enum class Flush { done, blocked, failed };
  enum class Next { request, close, linger };

  Task<Next> exchange();
  Task<bool> receive();
  Task<bool> send_stream(Loop::StreamStart start);
  Task<bool> flush();
  Task<> linger();
  Flush flush_some();
  void parse();
  bool settled() const { return fault_ || reader_->done() || reader_->fault(); }
  bool request_begun() const;
  void arm_read_deadline();
  void dispatch();
  void render(const Response& response);
  void render_fault(const Problem& fault);
  Framing framing();
  const ServerOptions& options() const { return loop_->shared().options; }

  const std::shared_ptr<Loop> loop_;
  Socket socket_;
  const std::string address_;
  const Admission admission_;
  const std::shared_ptr<Slot> slot_;

  std::optional<RequestReader> reader_;
  std::string input_;  ///< Received, of which `consumed_` bytes are parsed.
  std::size_t consumed_ = 0;
  std::string output_;  ///< Rendered, of which `sent_` bytes are sent.
  std::size_t sent_ = 0;
  std::optional<Problem> fault_;  ///< Found by the clock, not by the reader.

  bool keep_alive_ = true;
  bool head_only_ = false;  ///< The request was a HEAD.
  bool continued_ = false;  ///< 100 Continue was said to this request.
  bool idle_ = false;       ///< Waits for a request of which no byte has come.
  bool nudged_ = false;     ///< Wait was cancelled to look at `draining` again.
  bool timed_out_ = false;
  bool broken_ = false;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::optional<Clock::time_point> header_deadline_;
  std::optional<Clock::time_point> body_deadline_;

  friend class Loop;
  std::size_t place_ = 0;  ///< In the loop's list.
};

}  // namespace pointsman::http
