#pragma once

// Internal to server/http: includes Beast, so only connection.cc and server.cc include it.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/loop.h"
#include "server/http/message.h"
#include "server/http/render.h"
#include "server/http/request_reader.h"
#include "server/http/slot.h"

namespace pointsman::http {

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
  const std::shared_ptr<Slot>& slot() const { return slot_; }

 private:
  enum class Flush { done, blocked, failed };
  enum class Received { bytes, nothing, end };
  enum class Next { request, close, linger };

  Task<Next> exchange();
  Task<bool> receive();
  Task<bool> wait_for_bytes();
  Task<bool> wait_for_answer();
  Task<bool> send_stream(Loop::StreamStart start);
  Task<bool> flush();
  Task<> linger();
  Flush flush_some();
  Received receive_some(std::size_t most);
  void look_ahead();
  void look_again();
  void watch_reads();
  void watch_writes();
  void watch_slow_reader();
  void on_readable(const boost::system::error_code& error);
  void on_writable(const boost::system::error_code& error);
  bool lost() const { return broken_ || slot_->aborted(); }
  bool answered() const;
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
  bool nudged_ = false;     ///< The wait ended so that `draining` is looked at again.
  bool timed_out_ = false;
  bool broken_ = false;

  bool in_flight_ = false;       ///< A request waits for its answer, or for the end of its stream.
  bool at_end_ = false;          ///< The client has closed its sending side; all of it is read.
  bool readable_ = false;        ///< The socket has told us since the last read.
  bool writable_ = false;        ///< The same since the last write.
  bool reads_watched_ = false;   ///< A wait of the socket is under way.
  bool writes_watched_ = false;  ///< The same.
  Clock::time_point deadline_ = Clock::time_point::max();
  std::optional<Clock::time_point> header_deadline_;
  std::optional<Clock::time_point> body_deadline_;

  friend class Loop;
  std::size_t place_ = 0;  ///< In the loop's list.
};

}  // namespace pointsman::http
