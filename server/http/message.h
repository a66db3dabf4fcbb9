#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pointsman::http {

/// The header fields of a request, in the order in which they came. All text stands in one buffer,
/// so that a request costs two allocations for its headers, however many they are.
class Headers final {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;
  };

  void add(Field field);

  /// The value of the first field of this name (ASCII case does not matter), or nothing. The view
  /// lives until the next add().
  std::optional<std::string_view> find(std::string_view name) const;

  std::size_t size() const { return spans_.size(); }

  /// The i-th field, i < size(). The views live until the next add().
  Field at(std::size_t i) const;

 private:
  struct Span {
    std::uint32_t begin = 0;
    std::uint32_t name_size = 0;
    std::uint32_t value_size = 0;
  };
  std::string text_;
  std::vector<Span> spans_;
};

/// One `name=value` of a query string, percent-decoded.
struct QueryParameter {
  std::string name;
  std::string value;
};

/// A whole request. Thread-safety: a plain value.
struct Request {
  std::string method;  ///< As sent: "GET", "POST"... Methods are case-sensitive (RFC 9110 9.1).
  std::string target;  ///< As sent, query included.
  /// The path, still percent-encoded, because a decoded "%2F" must not become a separator. It
  /// begins with '/' (or is "*", of OPTIONS); its escapes are well formed and none of them is NUL.
  std::string path;
  std::vector<QueryParameter> query;
  Headers headers;
  std::string body;
  std::string remote_address;  ///< The peer's numeric address without its port.

  /// The first query parameter of this (decoded) name, or nothing.
  std::optional<std::string_view> parameter(std::string_view name) const;
};

/// A whole answer. The transport adds Date, Content-Length and Connection; do not set them here.
struct Response {
  int status = 200;
  std::string content_type = "application/json";  ///< Empty: no Content-Type is sent.
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};  ///< Name, value.
};

/// What opens a streaming answer.
struct StreamHead {
  int status = 200;
  std::string content_type = "text/event-stream";
  std::vector<std::pair<std::string, std::string>> headers = {};
  /// Bytes that may wait for a slow reader before it is cut. Default 1 MiB. Higher: slow readers
  /// live longer, and each may hold that much memory.
  std::size_t max_buffered_bytes = std::size_t{1} << 20;
};

class StreamPipe;

/// The writing end of a streaming answer (chunked encoding for HTTP/1.1). Move-only. Every member
/// may be called from any thread, by one thread at a time. Destroyed without close(), it breaks the
/// connection off, so that the client sees that the answer is not whole.
class StreamWriter final {
 public:
  explicit StreamWriter(std::shared_ptr<StreamPipe> pipe);
  StreamWriter(StreamWriter&&) noexcept = default;
  StreamWriter& operator=(StreamWriter&& other) noexcept;
  StreamWriter(const StreamWriter&) = delete;
  StreamWriter& operator=(const StreamWriter&) = delete;
  ~StreamWriter();

  /// Queues a chunk. False: the client is gone, or reads so slowly that the chunk does not fit into
  /// max_buffered_bytes (then it is cut); stop writing. Never blocks.
  bool write(std::string_view chunk);

  /// Waits until at most `level` bytes are queued, so that a long download goes as fast as its
  /// reader. False: time is up or the client is gone. Never call it on an I/O thread.
  bool wait_until_buffered_at_most(std::size_t level, std::chrono::milliseconds timeout);

  /// Ends the answer properly. Later writes return false.
  void close();

  /// Calls `callback` once when the client has left, on an I/O thread, or at once where it has left
  /// already. It must not block. Responder::on_gone says what "left" means. The callback is
  /// forgotten when the stream is closed or another one is set.
  void on_gone(std::function<void()> callback);

  bool client_gone() const;            ///< True once the client has left.
  bool alive() const;                  ///< False once nothing can be sent, or the reader was cut.
  bool server_draining() const;        ///< True once the server goes down: close() soon.
  std::size_t buffered_bytes() const;  ///< What waits for the reader.

 private:
  std::shared_ptr<StreamPipe> pipe_;
};

/// Where an answer goes: a connection, or a test. Implementations are thread-safe.
class ResponseSink {
 public:
  enum class Wake { now, later };

  virtual ~ResponseSink() = default;

  /// Takes the one answer. With Wake::later the sink may hold it until wake().
  virtual void deliver(Response response, Wake wake) = 0;
  virtual void wake() = 0;

  /// Takes the head of a streaming answer instead.
  virtual std::shared_ptr<StreamPipe> open_stream(StreamHead head) = 0;

  virtual bool client_gone() const = 0;                      ///< See Responder.
  virtual void on_gone(std::function<void()> callback) = 0;  ///< See Responder.
};

/// The right and the duty to answer one request. Move-only, one-shot, usable from any thread. On
/// the I/O thread, inside Handler::handle, an answer costs no queue and no wake-up. Destroyed
/// unused, it answers 500.
class Responder final {
 public:
  explicit Responder(std::shared_ptr<ResponseSink> sink) : sink_(std::move(sink)) {}
  Responder(Responder&&) noexcept = default;
  Responder& operator=(Responder&& other) noexcept;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;
  ~Responder();

  /// A responder without a server, for tests of services: `answer` is called once, on whichever
  /// thread responds. A stream arrives there as one Response when it is closed.
  static Responder to(std::function<void(Response)> answer);

  /// Answers; the responder is then spent. Precondition: it is not spent.
  void respond(Response response);

  /// Answers with a stream; the responder is then spent. Precondition: it is not spent.
  StreamWriter stream(StreamHead head);

  /// True once the client has left. A job that has not begun can then be dropped. Precondition: the
  /// responder is not spent.
  bool client_gone() const { return sink_->client_gone(); }

  /// Calls `callback` once when the client leaves before its answer: on the connection's I/O
  /// thread, which it must not block, or at once, on this thread, where the client has left
  /// already. The answer, or another callback, replaces it; it may still be running when respond()
  /// of another thread returns.
  ///
  /// A client has left when it has closed its connection or its sending side; TCP does not tell the
  /// two apart. The request stays open and may still be answered, which a client that has closed
  /// its sending side only will read. Requests that a client has pipelined behind this one are read
  /// ahead up to 16 KiB; where there are more, its leaving is seen within half a second, or, where
  /// they do not fit into the socket's buffers, when they are read.
  /// Precondition: the responder is not spent.
  void on_gone(std::function<void()> callback) { sink_->on_gone(std::move(callback)); }

  bool spent() const { return sink_ == nullptr; }

 private:
  friend void respond_all(std::vector<std::pair<Responder, Response>> answers);
  std::shared_ptr<ResponseSink> sink_;
};

/// Completes many requests with one wake-up an I/O thread instead of one a request: what a writer
/// thread calls after a group commit. Any thread. Precondition: no responder is spent.
void respond_all(std::vector<std::pair<Responder, Response>> answers);

/// What the server calls for every request. `handle` runs on an I/O thread, on several of them at
/// once: it must not block. It answers at once or hands the responder on.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual void handle(Request request, Responder responder) = 0;
};

}  // namespace pointsman::http
