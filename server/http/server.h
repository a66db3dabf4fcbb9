#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "engine/values/result.h"
#include "server/http/message.h"

namespace pointsman::http {

struct ServerOptions {
  /// Numeric IPv4 or IPv6 address to bind to. Default loopback: nobody else can reach it.
  std::string host = "127.0.0.1";
  /// TCP port. 0: the system picks a free one, which port() tells.
  std::uint16_t port = 0;
  /// I/O threads, each with its own acceptor on the port. 0 (default): one a core.
  std::size_t threads = 0;
  /// Bytes of a request body, after de-chunking. Above: 413. Default 1 MiB.
  std::size_t max_body_bytes = std::size_t{1} << 20;
  /// Bytes of all bodies that are being received at once, counted for bodies above 64 KiB. Above:
  /// 503. It keeps memory flat however many clients dribble large bodies. Default 256 MiB.
  std::size_t max_body_bytes_in_flight = std::size_t{256} << 20;
  /// Bytes of request line and header fields together. Above: 431. Default 16 KiB.
  std::size_t max_header_bytes = std::size_t{16} << 10;
  /// Bytes of the request target. Above: 414. Default 8 KiB.
  std::size_t max_target_bytes = std::size_t{8} << 10;
  /// Open connections. Above: 503 with Retry-After, and the connection is closed. Default 10,000;
  /// the process also needs that many file descriptors.
  std::size_t max_connections = 10'000;
  /// Seconds that a refused client is asked to wait (Retry-After). Default 1.
  int retry_after_seconds = 1;
  /// From a request's first byte to the end of its header. Later: 408. Default 10 s.
  std::chrono::milliseconds header_timeout{10'000};
  /// From the end of the header to the end of the body. Later: 408. Default 30 s.
  std::chrono::milliseconds body_timeout{30'000};
  /// A connection without a request for so long is closed. Default 60 s.
  std::chrono::milliseconds idle_timeout{60'000};
  /// A client that takes no byte of its answer for so long is cut. Default 30 s.
  std::chrono::milliseconds write_timeout{30'000};
  /// After an answer that closes a connection, how long what the client still sends is read and
  /// dropped, so that a reset does not destroy the answer on its way. Default 2 s.
  std::chrono::milliseconds linger_timeout{2'000};
};

/// Totals since start(), unless it says "now".
struct Counters {
  std::uint64_t connections = 0;
  std::uint64_t connections_now = 0;
  std::uint64_t connections_rejected = 0;  ///< Over max_connections.
  std::uint64_t requests = 0;              ///< Handed to the handler.
  std::map<int, std::uint64_t> responses;  ///< By status; the transport's own errors too.
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t timeouts = 0;  ///< Slow headers, bodies and readers; idle ones do not count.
  std::uint64_t streams_now = 0;
  std::uint64_t streams_cut = 0;  ///< Readers too slow for a stream's buffer.
};

/// The HTTP/1.1 server (RFC 9110, 9112): keep-alive, pipelining with answers in order, chunked
/// bodies, Expect: 100-continue, HEAD. One io_context and one acceptor (SO_REUSEPORT) a thread, one
/// coroutine a connection. It knows nothing of what it serves.
///
/// Life: start, [stop_accepting, drain], stop. Each from one thread, and not from a handler; the
/// rest is thread-safe. The handler must outlive stop(). Responders may outlive the server: their
/// answers go nowhere.
class Server final {
 public:
  Server(ServerOptions options, Handler& handler);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();  ///< stop().

  /// Binds and starts the threads. Errors: `invalid` for an option out of range (`field` names it),
  /// `unavailable` where the address cannot be bound, as when another process listens there.
  Status start();

  /// The port that is bound; 0 before start().
  std::uint16_t port() const;

  /// New connections are refused from now on; those that the kernel had accepted are served.
  void stop_accepting();

  /// Lets what is in flight finish: every answer from now on says Connection: close, idle
  /// connections are closed, streams are told (StreamWriter::server_draining). True: no connection
  /// is left; false: `patience` has run out first. Calls stop_accepting() itself.
  bool drain(std::chrono::milliseconds patience);

  /// Breaks off what is left and joins the threads. Idempotent.
  void stop();

  Counters counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pointsman::http
