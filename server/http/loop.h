#pragma once

// Internal to server/http: includes Asio, so only connection.cc and server.cc include it.

#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "server/http/budget.h"
#include "server/http/message.h"
#include "server/http/server.h"

namespace pointsman::http {

namespace asio = boost::asio;

// A concrete executor instead of any_io_executor: no type erasure, no allocation an operation.
using Executor = asio::io_context::executor_type;
template <class T = void>
using Task = asio::awaitable<T, Executor>;
inline constexpr asio::use_awaitable_t<Executor> use_task{};
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, Executor>;
using Clock = std::chrono::steady_clock;
using Timer = asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor>;

class Connection;
class Slot;

/// A client that was just accepted.
struct Peer {
  Socket socket;
  std::string address;
};

/// Counters of one loop. One thread writes, others read, hence no read-modify-write is needed.
class Tally final {
 public:
  void add(std::uint64_t n) { value_.store(get() + n, std::memory_order_relaxed); }
  void subtract(std::uint64_t n) { value_.store(get() - n, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct LoopTallies {
  Tally connections;
  Tally rejected;
  Tally requests;
  Tally bytes_received;
  Tally bytes_sent;
  Tally timeouts;
  Tally streams;
  Tally streams_cut;
  std::array<Tally, 500> responses;  ///< Index: status − 100.
};

/// What all loops of a server share. Thread-safe.
struct Shared {
  Shared(ServerOptions the_options, Handler& the_handler)
      : options(std::move(the_options)), handler(the_handler) {
    bodies.limit = options.max_body_bytes_in_flight;
  }

  const ServerOptions options;
  Handler& handler;
  ByteShare::Pool bodies;
  std::atomic<std::size_t> connections{0};
  std::atomic<bool> draining{false};
  std::mutex mutex;                   ///< For `none_left` only.
  std::condition_variable none_left;  ///< Told when `connections` falls to 0.
};

/// One I/O thread: io_context, acceptor, connections, and the mailbox through which other threads
/// answer. Members are for the loop's own thread but for those under "Any thread".
class Loop final {
 public:
  /// What another thread sends to a connection.
  struct Poke {};
  struct StreamStart {
    StreamHead head;
    std::shared_ptr<StreamPipe> pipe;
  };
  using Letter = std::variant<Poke, Response, StreamStart>;

  explicit Loop(std::shared_ptr<Shared> shared);

  // Any thread, before run().
  Status listen(std::uint16_t port);
  std::uint16_t port() const { return port_; }

  // Any thread.
  void deliver(std::shared_ptr<Slot> to, Letter letter, ResponseSink::Wake wake);
  void wake();
  void begin_stop_accepting();
  void begin_drain();
  void begin_shutdown();
  const LoopTallies& tallies() const { return tallies_; }
  bool is_this_thread() const { return current_ == this; }

  /// Serves until begin_shutdown(). `self` keeps the loop alive as long as a Slot refers to it.
  void run(std::shared_ptr<Loop> self);

  // For connections.
  Shared& shared() { return *shared_; }
  LoopTallies& tally() { return tallies_; }
  const std::string& date() const { return date_; }
  std::array<char, 65536>& scratch() { return scratch_; }
  bool stopped() const { return stopped_; }
  void enlist(Connection& connection);
  void delist(Connection& connection);

 private:
  Task<> accept_all();
  Task<> sweep();
  void accept_pending();
  void admit(Peer peer);
  void read_mail();
  void refresh_date();
  void shutdown();

  static thread_local const Loop* current_;

  const std::shared_ptr<Shared> shared_;
  asio::io_context io_{1};
  Acceptor acceptor_{io_};
  Timer sweep_timer_{io_};
  Timer accept_pause_{io_};
  std::shared_ptr<Loop> self_;  ///< Only while run() runs.
  std::uint16_t port_ = 0;
  bool stopped_ = false;
  bool out_of_descriptors_ = false;
  std::size_t refusals_ = 0;  ///< Refused connections that still linger.
  std::vector<Connection*> connections_;
  std::string date_;
  LoopTallies tallies_;
  std::array<char, 65536> scratch_{};

  struct Mail {
    std::shared_ptr<Slot> to;
    Letter letter;
  };
  std::mutex mail_mutex_;
  std::vector<Mail> mail_;
  bool woken_ = false;
  bool mail_closed_ = false;
};

}  // namespace pointsman::http
