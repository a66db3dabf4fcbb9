#include "server/http/connection.h"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/redirect_error.hpp>
#include <cassert>
#include <utility>

namespace pointsman::http {

namespace {

// Answers to pipelined requests are collected up to here, then sent in one go.
constexpr std::size_t kFlushAt = std::size_t{64} << 10;
// A buffer that once grew beyond this is given back, so that idle connections stay small.
constexpr std::size_t kKeepCapacity = std::size_t{16} << 10;

void reset(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKeepCapacity) std::string().swap(buffer);
}

}  // namespace

// ---- Slot

void Slot::put(Loop::Letter letter, Wake wake) {
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

void Slot::receive(Loop::Letter letter) {
  if (owner_ == nullptr) {
    if (auto* start = std::get_if<Loop::StreamStart>(&letter)) start->pipe->reader_gone();
    return;
  }
  if (auto* response = std::get_if<Response>(&letter)) {
    answer_ = std::move(*response);
  } else if (auto* start = std::get_if<Loop::StreamStart>(&letter)) {
    open_pipe_ = start->pipe;
    answer_ = std::move(*start);
  } else if (!waiter_ && open_pipe_ && !open_pipe_->alive()) {
    // The connection is stuck in a write to the very reader that was just found too slow.
    owner_->break_off();
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
  if (aborted_) co_return;
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(
      [this](auto resume) {
        waiter_ = std::make_unique<WaiterOf<decltype(resume)>>(std::move(resume));
      },
      use_task);
}

// ---- Connection

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
  if (slot_->open_pipe_) slot_->open_pipe_->reader_gone();
  boost::system::error_code ignored;
  socket_.close(ignored);
  loop_->delist(*this);
}

void Connection::on_tick(Clock::time_point now) {
  if (now < deadline_) return;
  timed_out_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Connection::on_drain() {
  if (slot_->open_pipe_) slot_->open_pipe_->server_drains();
  if (!idle_) return;
  nudged_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Connection::on_shutdown() {
  broken_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Connection::break_off() {
  broken_ = true;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
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
  dispatch();
  while (std::holds_alternative<std::monostate>(slot_->answer_)) {
    // What was answered before goes out before we wait for the next answer.
    if (!output_.empty()) {
      const bool sent = co_await flush();
      if (!sent) co_return Next::close;
    }
    if (!std::holds_alternative<std::monostate>(slot_->answer_)) break;
    co_await slot_->wait();
    if (slot_->aborted()) co_return Next::close;
  }
  auto answer = std::exchange(slot_->answer_, std::monostate());
  if (auto* start = std::get_if<Loop::StreamStart>(&answer)) {
    const bool whole = co_await send_stream(std::move(*start));
    if (!whole) co_return Next::close;
  } else {
    render(*std::get_if<Response>(&answer));
  }
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
    if (!request_begun() && loop_->shared().draining.load(std::memory_order_relaxed)) {
      nudged_ = true;
    } else {
      arm_read_deadline();
      boost::system::error_code error;
      // Waiting for readiness and then reading into the loop's one buffer keeps an idle connection
      // from owning a buffer.
      co_await socket_.async_wait(Socket::wait_read, asio::redirect_error(use_task, error));
      deadline_ = Clock::time_point::max();
      if (broken_) co_return false;
      if (error && timed_out_) {
        if (idle_) co_return false;
        loop_->tally().timeouts.add(1);
        fault_ = Problem{.status = 408,
                         .detail = reader_->header_done() ? "The body did not come in time."
                                                          : "The header did not come in time.",
                         .pointer = {}};
        co_return true;
      }
      if (error && !nudged_) co_return false;
    }
    idle_ = false;
    boost::system::error_code error;
    const std::size_t size = socket_.read_some(asio::buffer(loop_->scratch()), error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      if (std::exchange(nudged_, false)) co_return false;
      continue;
    }
    nudged_ = false;
    if (error) co_return false;
    loop_->tally().bytes_received.add(size);
    input_.erase(0, consumed_);
    consumed_ = 0;
    input_.append(loop_->scratch().data(), size);
    parse();
  }
  co_return true;
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
    co_await slot_->wait();
    if (slot_->aborted()) break;
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

/// Sends all of `output_`. False: the client is gone, too slow, or was broken off.
Task<bool> Connection::flush() {
  while (true) {
    const Flush state = flush_some();
    if (state != Flush::blocked) co_return state == Flush::done;
    timed_out_ = false;
    deadline_ = Clock::now() + options().write_timeout;
    boost::system::error_code error;
    co_await socket_.async_wait(Socket::wait_write, asio::redirect_error(use_task, error));
    deadline_ = Clock::time_point::max();
    if (error && timed_out_) loop_->tally().timeouts.add(1);
    if (error || broken_) co_return false;
  }
}

Task<> Connection::linger() {
  boost::system::error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  reset(input_);
  consumed_ = 0;
  const Clock::time_point until = Clock::now() + options().linger_timeout;
  while (!error && !broken_ && Clock::now() < until) {
    deadline_ = until;
    co_await socket_.async_wait(Socket::wait_read, asio::redirect_error(use_task, error));
    if (error || broken_) break;
    socket_.read_some(asio::buffer(loop_->scratch()), error);
    if (error == asio::error::would_block || error == asio::error::try_again) error = {};
  }
}

}  // namespace pointsman::http
