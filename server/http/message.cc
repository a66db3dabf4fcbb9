#include "server/http/message.h"

#include <algorithm>
#include <cassert>

#include "server/http/problem.h"
#include "server/http/stream_pipe.h"
#include "server/http/target.h"

namespace pointsman::http {

void Headers::add(Field field) {
  if (spans_.empty()) {
    // One allocation holds what common clients send.
    text_.reserve(512);
    spans_.reserve(12);
  }
  spans_.push_back({.begin = static_cast<std::uint32_t>(text_.size()),
                    .name_size = static_cast<std::uint32_t>(field.name.size()),
                    .value_size = static_cast<std::uint32_t>(field.value.size())});
  text_.append(field.name).append(field.value);
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  for (std::size_t i = 0; i < spans_.size(); ++i) {
    if (spans_[i].name_size != name.size()) continue;
    const Field field = at(i);
    if (equal_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

Headers::Field Headers::at(std::size_t i) const {
  assert(i < spans_.size());
  const Span& span = spans_[i];
  const std::string_view text = text_;
  return {.name = text.substr(span.begin, span.name_size),
          .value = text.substr(span.begin + span.name_size, span.value_size)};
}

std::optional<std::string_view> Request::parameter(std::string_view name) const {
  const auto found = std::find_if(query.begin(), query.end(),
                                  [&](const QueryParameter& each) { return each.name == name; });
  if (found == query.end()) return std::nullopt;
  return found->value;
}

namespace {

/// Calls a function with the answer; see Responder::to.
class CallbackSink final : public ResponseSink {
 public:
  explicit CallbackSink(std::function<void(Response)> answer) : answer_(std::move(answer)) {}

  void deliver(Response response, Wake) override { answer_(std::move(response)); }
  void wake() override {}

  std::shared_ptr<StreamPipe> open_stream(StreamHead head) override {
    auto pipe = std::make_shared<StreamPipe>(head.max_buffered_bytes);
    Response response{.status = head.status,
                      .content_type = std::move(head.content_type),
                      .body = {},
                      .headers = std::move(head.headers)};
    pipe->on_change([answer = answer_, response, raw = pipe.get()]() mutable {
      StreamPipe::Taken taken = raw->take();
      response.body += taken.bytes;
      raw->sent();
      if (taken.ended) answer(std::move(response));
      if (taken.broken) answer(problem(500, "The stream was broken off."));
    });
    return pipe;
  }

  // There is no client that could leave.
  bool client_gone() const override { return false; }
  void on_gone(std::function<void()>) override {}

 private:
  std::function<void(Response)> answer_;
};

}  // namespace

Responder& Responder::operator=(Responder&& other) noexcept {
  std::swap(sink_, other.sink_);
  return *this;
}

Responder::~Responder() {
  if (sink_) respond(problem(500, "The request was dropped unanswered."));
}

Responder Responder::to(std::function<void(Response)> answer) {
  return Responder(std::make_shared<CallbackSink>(std::move(answer)));
}

void Responder::respond(Response response) {
  assert(!spent());
  const std::shared_ptr<ResponseSink> sink = std::move(sink_);
  sink->deliver(std::move(response), ResponseSink::Wake::now);
}

StreamWriter Responder::stream(StreamHead head) {
  assert(!spent());
  const std::shared_ptr<ResponseSink> sink = std::move(sink_);
  return StreamWriter(sink->open_stream(std::move(head)));
}

void respond_all(std::vector<std::pair<Responder, Response>> answers) {
  // Two passes: were an I/O thread woken with the first answer, it would race through the queue and
  // need waking again for the next.
  for (auto& [responder, response] : answers) {
    assert(!responder.spent());
    responder.sink_->deliver(std::move(response), ResponseSink::Wake::later);
  }
  for (auto& [responder, response] : answers) {
    responder.sink_->wake();
    responder.sink_.reset();
  }
}

StreamWriter::StreamWriter(std::shared_ptr<StreamPipe> pipe) : pipe_(std::move(pipe)) {}

StreamWriter& StreamWriter::operator=(StreamWriter&& other) noexcept {
  std::swap(pipe_, other.pipe_);
  return *this;
}

StreamWriter::~StreamWriter() {
  if (pipe_) pipe_->abandon();
}

bool StreamWriter::write(std::string_view chunk) { return pipe_->write(chunk); }

bool StreamWriter::wait_until_buffered_at_most(std::size_t level,
                                               std::chrono::milliseconds timeout) {
  return pipe_->wait_until_buffered_at_most(level, timeout);
}

void StreamWriter::close() { pipe_->close(); }

void StreamWriter::on_gone(std::function<void()> callback) { pipe_->on_gone(std::move(callback)); }

bool StreamWriter::client_gone() const { return pipe_->client_gone(); }

bool StreamWriter::alive() const { return pipe_->alive(); }

bool StreamWriter::server_draining() const { return pipe_->draining(); }

std::size_t StreamWriter::buffered_bytes() const { return pipe_->buffered_bytes(); }

}  // namespace pointsman::http
