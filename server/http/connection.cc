#include "server/http/connection.h"

#include <poll.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace pointsman::http {

namespace {

// Answers to pipelined requests are collected up to here, then sent in one go.
constexpr std::size_t kFlushAt = std::size_t{64} << 10;
// A buffer that once grew beyond this is given back, so that idle connections stay small.
constexpr std::size_t kKeepCapacity = std::size_t{16} << 10;
// What is read of the requests behind one that still waits for its answer.
constexpr std::size_t kReadAhead = std::size_t{16} << 10;

void reset(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKeepCapacity) std::string().swap(buffer);
}

/// Whether the peer has closed its sending side, though bytes of it may be unread.
bool has_hung_up(int socket) {
  pollfd look{.fd = socket, .events = POLLRDHUP, .revents = 0};
  return ::poll(&look, 1, 0) == 1;
}

}  // namespace

Connection::Connection(std::shared_ptr<Loop> loop, Peer peer, Admission admission)
    : loop_(std::move(loop)),
      socket_(std::move(peer.socket)),
      address_(std::move(peer.address)),
      admission_(admission),
      slot_(std::make_shared<Slot>(loop_)) {
  slot_->owner_ = this;
  loop_->enlist(*this);
}

Connection::~Connection() {
  slot_->owner_ = nullptr;
  slot_->tell_gone();
  if (slot_->open_pipe_) slot_->open_pipe_->reader_gone();
  boost::system::error_code ignored;
  socket_.close(ignored);
  loop_->delist(*this);
}

void Connection::on_tick(Clock::time_point now) {
  if (in_flight_ && !reads_watched_ && !slot_->client_gone() &&
      has_hung_up(socket_.native_handle())) {
    slot_->tell_gone();
  }
  if (now < deadline_) return;
  timed_out_ = true;
  look_again();
}

void Connection::on_drain() {
  if (slot_->open_pipe_) slot_->open_pipe_->server_drains();
  if (!idle_) return;
  nudged_ = true;
  look_again();
}

void Connection::on_shutdown() {
  broken_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Connection::look_again() { loop_->deliver(slot_, Loop::Poke{}, ResponseSink::Wake::now); }

void Connection::watch_reads() {
  if (reads_watched_) return;
  reads_watched_ = true;
  socket_.async_wait(Socket::wait_read, [slot = slot_](const boost::system::error_code& error) {
    if (slot->owner_) slot->owner_->on_readable(error);
  });
}

void Connection::watch_writes() {
  writable_ = false;
  if (writes_watched_) return;
  writes_watched_ = true;
  socket_.async_wait(Socket::wait_write, [slot = slot_](const boost::system::error_code& error) {
    if (slot->owner_) slot->owner_->on_writable(error);
  });
}

void Connection::on_readable(const boost::system::error_code& error) {
  reads_watched_ = false;
  readable_ = true;
  if (error) broken_ = true;
  slot_->resume();
}

void Connection::on_writable(const boost::system::error_code& error) {
  writes_watched_ = false;
  writable_ = true;
  if (error) broken_ = true;
  slot_->resume();
}

Task<> Connection::run() {
  if (loop_->stopped()) co_return;
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  Next next = Next::request;
  if (admission_ == Admission::refused) {
    Response refusal = problem(503, "The server has as many connections as it may.");
    refusal.headers.emplace_back("Retry-After", std::to_string(options().retry_after_seconds));
    keep_alive_ = false;
    render(refusal);
    next = Next::linger;
    if (flush_some() == Flush::failed) co_return;
  }
  while (next == Next::request) next = co_await exchange();
  if (next == Next::linger) co_await linger();
}

/// One request and its answer.
Task<Connection::Next> Connection::exchange() {
  reader_.emplace(RequestReader::Limits{.header_bytes = options().max_header_bytes,
                                        .target_bytes = options().max_target_bytes,
                                        .body_bytes = options().max_body_bytes},
                  loop_->shared().bodies);
  header_deadline_.reset();
  body_deadline_.reset();
  continued_ = false;
  parse();
  if (!settled()) {
    const bool received = co_await receive();
    if (!received) co_return Next::close;
  }
  if (fault_ || reader_->fault()) {
    render_fault(fault_ ? *fault_ : *reader_->fault());
    const bool sent = co_await flush();
    co_return sent ? Next::linger : Next::close;
  }
  in_flight_ = true;
  dispatch();
  if (!answered()) {
    const bool came = co_await wait_for_answer();
    if (!came) co_return Next::close;
  }
  auto answer = std::exchange(slot_->answer_, std::monostate());
  if (auto* start = std::get_if<Loop::StreamStart>(&answer)) {
    const bool whole = co_await send_stream(std::move(*start));
    if (!whole) co_return Next::close;
  } else {
    render(*std::get_if<Response>(&answer));
  }
  in_flight_ = false;
  const bool more = keep_alive_ && consumed_ < input_.size() && output_.size() < kFlushAt;
  if (!more && flush_some() != Flush::done) {
    const bool sent = co_await flush();
    if (!sent) co_return Next::close;
  }
  if (keep_alive_) co_return Next::request;
  // Unread bytes would make close() reset the connection, answer and all.
  co_return consumed_ < input_.size() ? Next::linger : Next::close;
}

void Connection::parse() {
  const std::string_view input = input_;
  consumed_ += reader_->feed(input.substr(consumed_));
  if (consumed_ < input_.size()) return;
  consumed_ = 0;
  reset(input_);
}

bool Connection::request_begun() const { return reader_->begun() || consumed_ < input_.size(); }

void Connection::arm_read_deadline() {
  const Clock::time_point now = Clock::now();
  timed_out_ = false;
  idle_ = !request_begun();
  if (idle_) {
    deadline_ = now + options().idle_timeout;
  } else if (!reader_->header_done()) {
    if (!header_deadline_) header_deadline_ = now + options().header_timeout;
    deadline_ = *header_deadline_;
  } else {
    if (!body_deadline_) body_deadline_ = now + options().body_timeout;
    deadline_ = *body_deadline_;
  }
}

/// Receives until the request is whole or at fault. False: nobody is there to be answered.
Task<bool> Connection::receive() {
  while (!settled()) {
    if (reader_->expects_continue() && !continued_ && consumed_ == input_.size()) {
      output_ += "HTTP/1.1 100 Continue\r\n\r\n";
      continued_ = true;
    }
    if (!output_.empty()) {
      const bool sent = co_await flush();
      if (!sent) co_return false;
    }
    if (at_end_) co_return false;
    if (!request_begun() && loop_->shared().draining.load(std::memory_order_relaxed)) {
      nudged_ = true;
    } else if (!readable_) {
      const bool came = co_await wait_for_bytes();
      if (!came) co_return fault_.has_value();
    }
    idle_ = false;
    const Received received = receive_some(loop_->scratch().size());
    const bool nudged = std::exchange(nudged_, false);
    if (received == Received::end || lost()) co_return false;
    if (received == Received::nothing && nudged) co_return false;
    if (received == Received::bytes) parse();
  }
  co_return true;
}

/// False: the connection is broken, or was idle for too long, or is too slow; then `fault_` says
/// so.
Task<bool> Connection::wait_for_bytes() {
  arm_read_deadline();
  watch_reads();
  while (!readable_ && !timed_out_ && !nudged_ && !lost()) co_await slot_->wait();
  deadline_ = Clock::time_point::max();
  if (lost()) co_return false;
  if (readable_ || nudged_) co_return true;
  if (idle_) co_return false;
  loop_->tally().timeouts.add(1);
  fault_ = Problem{.status = 408,
                   .detail = reader_->header_done() ? "The body did not come in time."
                                                    : "The header did not come in time.",
                   .pointer = {}};
  co_return false;
}

Connection::Received Connection::receive_some(std::size_t most) {
  readable_ = false;
  // The loop's one buffer keeps an idle connection from owning one.
  std::array<char, 65536>& scratch = loop_->scratch();
  boost::system::error_code error;
  const std::size_t size =
      socket_.read_some(asio::buffer(scratch.data(), std::min(most, scratch.size())), error);
  if (error == asio::error::would_block || error == asio::error::try_again) {
    return Received::nothing;
  }
  if (error) {
    at_end_ = true;
    broken_ = error != asio::error::eof;
    return Received::end;
  }
  loop_->tally().bytes_received.add(size);
  input_.erase(0, consumed_);
  consumed_ = 0;
  input_.append(scratch.data(), size);
  return Received::bytes;
}

bool Connection::answered() const {
  return !std::holds_alternative<std::monostate>(slot_->answer_);
}

/// Sends what was answered before, and waits for the open request's answer. False: the connection
/// is broken, or the client takes nothing.
Task<bool> Connection::wait_for_answer() {
  timed_out_ = false;
  while (!answered()) {
    const Flush state = flush_some();
    if (state == Flush::failed) co_return false;
    if (state == Flush::done) deadline_ = Clock::time_point::max();
    if (state == Flush::blocked && !writes_watched_) watch_slow_reader();
    look_ahead();
    if (lost()) co_return false;
    co_await slot_->wait();
    if (timed_out_) loop_->tally().timeouts.add(1);
    if (lost() || timed_out_) co_return false;
  }
  deadline_ = Clock::time_point::max();
  co_return true;
}

/// Reads what the client sends while a request of it is open, for only behind it does one see that
/// the client has left.
void Connection::look_ahead() {
  const std::size_t held = input_.size() - consumed_;
  if (at_end_ || held >= kReadAhead) return;
  if (readable_ && receive_some(kReadAhead - held) == Received::end) {
    slot_->tell_gone();
  } else if (input_.size() - consumed_ < kReadAhead) {
    watch_reads();
  }
}

void Connection::dispatch() {
  keep_alive_ = reader_->wants_keep_alive();
  head_only_ = reader_->head_only();
  loop_->tally().requests.add(1);
  Request request = reader_->take();
  request.remote_address = address_;
  slot_->in_handler_ = true;
  try {
    loop_->shared().handler.handle(std::move(request), Responder(slot_));
  } catch (...) {
    // The responder went down with the stack and has answered 500; one bad request must not take
    // the other connections with it.
  }
  slot_->in_handler_ = false;
}

Framing Connection::framing() {
  if (loop_->shared().draining.load(std::memory_order_relaxed)) keep_alive_ = false;
  return {.http11 = !reader_ || reader_->http11(),
          .head_only = head_only_,
          .close = !keep_alive_,
          .date = loop_->date()};
}

void Connection::render(const Response& response) {
  append_response(output_, response, framing());
  const int status = std::clamp(response.status, 100, 599);
  loop_->tally().responses[static_cast<std::size_t>(status - 100)].add(1);
}

void Connection::render_fault(const Problem& fault) {
  keep_alive_ = false;
  head_only_ = reader_ && reader_->head_only();
  Response response = problem(fault);
  if (fault.status == 503) {
    response.headers.emplace_back("Retry-After", std::to_string(options().retry_after_seconds));
  }
  render(response);
}

/// True: the whole stream went out, and the connection may go on.
Task<bool> Connection::send_stream(Loop::StreamStart start) {
  const bool http11 = reader_->http11();
  const bool head_only = head_only_;
  if (!http11) keep_alive_ = false;
  append_stream_head(output_, start.head, framing());
  const int status = std::clamp(start.head.status, 100, 599);
  loop_->tally().responses[static_cast<std::size_t>(status - 100)].add(1);
  loop_->tally().streams.add(1);
  StreamPipe& pipe = *start.pipe;
  if (loop_->shared().draining.load(std::memory_order_relaxed)) pipe.server_drains();
  bool whole = false;
  while (true) {
    const bool sent = co_await flush();
    if (!sent || head_only) {
      whole = sent;
      break;
    }
    pipe.sent();
    StreamPipe::Taken taken = pipe.take();
    if (taken.broken) break;
    if (!taken.bytes.empty()) {
      if (http11) {
        append_chunk(output_, taken.bytes);
      } else {
        output_ += taken.bytes;
      }
    }
    if (taken.ended) {
      if (http11) output_ += kLastChunk;
      whole = co_await flush();
      break;
    }
    if (!output_.empty()) continue;
    look_ahead();
    if (!lost()) co_await slot_->wait();
    if (lost()) break;
  }
  if (pipe.was_cut()) loop_->tally().streams_cut.add(1);
  pipe.reader_gone();
  slot_->open_pipe_.reset();
  loop_->tally().streams.subtract(1);
  co_return whole;
}

Connection::Flush Connection::flush_some() {
  while (sent_ < output_.size()) {
    boost::system::error_code error;
    const std::size_t n =
        socket_.write_some(asio::buffer(output_.data() + sent_, output_.size() - sent_), error);
    if (error == asio::error::would_block || error == asio::error::try_again) return Flush::blocked;
    if (error) return Flush::failed;
    sent_ += n;
    loop_->tally().bytes_sent.add(n);
  }
  sent_ = 0;
  reset(output_);
  return Flush::done;
}

void Connection::watch_slow_reader() {
  timed_out_ = false;
  deadline_ = Clock::now() + options().write_timeout;
  watch_writes();
}

/// Sends all of `output_`. False: the client is gone, too slow, or was cut.
Task<bool> Connection::flush() {
  while (true) {
    const Flush state = flush_some();
    if (state != Flush::blocked) co_return state == Flush::done;
    watch_slow_reader();
    const auto cut = [this] { return slot_->open_pipe_ && !slot_->open_pipe_->alive(); };
    while (!writable_ && !timed_out_ && !lost() && !cut()) co_await slot_->wait();
    deadline_ = Clock::time_point::max();
    if (!writable_ && timed_out_) loop_->tally().timeouts.add(1);
    if (!writable_ || lost()) co_return false;
  }
}

Task<> Connection::linger() {
  boost::system::error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  reset(input_);
  consumed_ = 0;
  timed_out_ = false;
  deadline_ = Clock::now() + options().linger_timeout;
  while (!error && !at_end_ && !timed_out_ && !lost()) {
    if (readable_) {
      receive_some(loop_->scratch().size());
      input_.clear();
    } else {
      watch_reads();
      co_await slot_->wait();
    }
  }
}

}  // namespace pointsman::http
