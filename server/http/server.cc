#include "server/http/server.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <cassert>
#include <ctime>
#include <thread>
#include <utility>

#include "server/http/connection.h"
#include "server/http/loop.h"

namespace pointsman::http {

namespace {

using asio::ip::tcp;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

// Refused connections that may linger, a loop; beyond it they are cut without ceremony.
constexpr std::size_t kMaxRefusals = 256;

Error bind_error(const ServerOptions& options, const boost::system::error_code& error) {
  return {.code = ErrorCode::unavailable,
          .message = "Cannot listen on " + options.host + " port " + std::to_string(options.port) +
                     ": " + error.message() + ".",
          .field = "listen"};
}

/// Often enough to keep the shortest timeout, seldom enough to cost nothing.
std::chrono::milliseconds sweep_period(const ServerOptions& options) {
  const auto shortest =
      std::min({options.header_timeout, options.body_timeout, options.idle_timeout,
                options.write_timeout, options.linger_timeout});
  return std::clamp(shortest / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(500));
}

}  // namespace

// ---- Loop

thread_local const Loop* Loop::current_ = nullptr;

Loop::Loop(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

Status Loop::listen(std::uint16_t port) {
  const ServerOptions& options = shared_->options;
  boost::system::error_code error;
  const auto address = asio::ip::make_address(options.host, error);
  if (error) return invalid("listen", options.host + " is no numeric IP address.");
  const tcp::endpoint endpoint(address, port);
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && options.threads > 1) acceptor_.set_option(ReusePort(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (!error) acceptor_.non_blocking(true, error);
  if (!error) port_ = acceptor_.local_endpoint(error).port();
  if (error) return bind_error(options, error);
  return Done{};
}

void Loop::deliver(std::shared_ptr<Slot> to, Letter letter, ResponseSink::Wake wake_up) {
  {
    const std::lock_guard lock(mail_mutex_);
    if (!mail_closed_) mail_.push_back({.to = std::move(to), .letter = std::move(letter)});
  }
  if (wake_up == ResponseSink::Wake::now) wake();
}

void Loop::wake() {
  {
    const std::lock_guard lock(mail_mutex_);
    if (woken_ || mail_closed_ || mail_.empty()) return;
    woken_ = true;
  }
  asio::post(io_, [this] { read_mail(); });
}

void Loop::read_mail() {
  std::vector<Mail> mail;
  {
    const std::lock_guard lock(mail_mutex_);
    mail.swap(mail_);
    woken_ = false;
  }
  for (Mail& each : mail) each.to->receive(std::move(each.letter));
}

void Loop::begin_stop_accepting() {
  asio::post(io_, [this] {
    if (!acceptor_.is_open()) return;
    accept_pending();
    boost::system::error_code ignored;
    acceptor_.close(ignored);
  });
}

void Loop::begin_drain() {
  asio::post(io_, [this] {
    for (Connection* connection : connections_) connection->on_drain();
  });
}

void Loop::begin_shutdown() {
  asio::post(io_, [this] { shutdown(); });
}

void Loop::shutdown() {
  stopped_ = true;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  sweep_timer_.cancel();
  accept_pause_.cancel();
  // Resuming a coroutine may end it and change the list, so first everybody is told.
  std::vector<std::shared_ptr<Slot>> slots;
  for (Connection* connection : connections_) {
    connection->on_shutdown();
    slots.push_back(connection->slot());
  }
  for (const auto& slot : slots) slot->abort();
}

void Loop::run(std::shared_ptr<Loop> self) {
  self_ = std::move(self);
  current_ = this;
  refresh_date();
  asio::co_spawn(io_, accept_all(), asio::detached);
  asio::co_spawn(io_, sweep(), asio::detached);
  io_.run();
  {
    // Letters hold slots and slots hold this loop: what nobody will read any more must go.
    const std::lock_guard lock(mail_mutex_);
    mail_closed_ = true;
    mail_.clear();
  }
  current_ = nullptr;
  self_.reset();
}

void Loop::refresh_date() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 32> text;
  const std::size_t n =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  date_.assign(text.data(), n);
}

void Loop::enlist(Connection& connection) {
  connection.place_ = connections_.size();
  connections_.push_back(&connection);
}

void Loop::delist(Connection& connection) {
  // The last one takes the empty place.
  Connection* last = connections_.back();
  connections_[connection.place_] = last;
  last->place_ = connection.place_;
  connections_.pop_back();
  if (connection.admission_ == Connection::Admission::refused) {
    --refusals_;
    return;
  }
  if (shared_->connections.fetch_sub(1) == 1) {
    const std::lock_guard lock(shared_->mutex);
    shared_->none_left.notify_all();
  }
}

Task<> Loop::sweep() {
  const auto period = sweep_period(shared_->options);
  while (!stopped_) {
    boost::system::error_code ignored;
    sweep_timer_.expires_after(period);
    co_await sweep_timer_.async_wait(asio::redirect_error(use_task, ignored));
    refresh_date();
    const Clock::time_point now = Clock::now();
    for (Connection* connection : connections_) connection->on_tick(now);
  }
}

Task<> Loop::accept_all() {
  while (acceptor_.is_open()) {
    boost::system::error_code error;
    co_await acceptor_.async_wait(Acceptor::wait_read, asio::redirect_error(use_task, error));
    if (error || !acceptor_.is_open()) co_return;
    accept_pending();
    if (!acceptor_.is_open()) co_return;
    if (out_of_descriptors_) {
      // Without a pause the loop would spin: the waiting client keeps the acceptor readable.
      out_of_descriptors_ = false;
      accept_pause_.expires_after(std::chrono::milliseconds(50));
      co_await accept_pause_.async_wait(asio::redirect_error(use_task, error));
    }
  }
}

void Loop::accept_pending() {
  while (true) {
    boost::system::error_code error;
    tcp::endpoint peer;
    Socket socket(io_);
    acceptor_.accept(socket, peer, error);
    if (!error) {
      admit({.socket = std::move(socket), .address = peer.address().to_string()});
      continue;
    }
    // A client that hung up in the queue is no reason to stop.
    if (error == asio::error::connection_aborted) continue;
    out_of_descriptors_ = error != asio::error::would_block && error != asio::error::try_again;
    return;
  }
}

void Loop::admit(Peer peer) {
  auto admission = Connection::Admission::served;
  if (shared_->connections.fetch_add(1) >= shared_->options.max_connections) {
    shared_->connections.fetch_sub(1);
    tallies_.rejected.add(1);
    if (refusals_ >= kMaxRefusals) return;
    ++refusals_;
    admission = Connection::Admission::refused;
  } else {
    tallies_.connections.add(1);
  }
  auto connection = std::make_unique<Connection>(self_, std::move(peer), admission);
  asio::co_spawn(
      io_,
      [](std::unique_ptr<Connection> own) -> Task<> { co_await own->run(); }(std::move(connection)),
      asio::detached);
}

// ---- Server

struct Server::Impl {
  Impl(ServerOptions options, Handler& handler)
      : shared(std::make_shared<Shared>(std::move(options), handler)) {}

  std::shared_ptr<Shared> shared;
  std::vector<std::shared_ptr<Loop>> loops;
  std::vector<std::thread> threads;
};

namespace {

ServerOptions with_threads(ServerOptions options) {
  if (options.threads == 0) options.threads = std::max(1U, std::thread::hardware_concurrency());
  return options;
}

Status check(const ServerOptions& options) {
  const auto need = [](bool holds, const char* field, const char* message) -> Status {
    if (!holds) return invalid(field, message);
    return Done{};
  };
  const auto positive = [&](std::chrono::milliseconds time, const char* field) {
    return need(time.count() > 0, field, "A timeout is more than nothing.");
  };
  const std::array checks = {
      need(options.threads <= 1024, "threads", "At most 1024 I/O threads."),
      need(options.max_header_bytes >= 256 && options.max_header_bytes <= (1U << 24),
           "max_header_bytes", "Between 256 and 16,777,216 bytes."),
      need(options.max_target_bytes >= 16, "max_target_bytes", "At least 16 bytes."),
      need(options.max_connections >= 1, "max_connections", "At least one connection."),
      positive(options.header_timeout, "header_timeout"),
      positive(options.body_timeout, "body_timeout"),
      positive(options.idle_timeout, "idle_timeout"),
      positive(options.write_timeout, "write_timeout"),
      positive(options.linger_timeout, "linger_timeout"),
  };
  for (const Status& each : checks) {
    if (!each) return each.error();
  }
  return Done{};
}

}  // namespace

Server::Server(ServerOptions options, Handler& handler)
    : impl_(std::make_unique<Impl>(with_threads(std::move(options)), handler)) {}

Server::~Server() { stop(); }

Status Server::start() {
  assert(impl_->loops.empty());
  const ServerOptions& options = impl_->shared->options;
  if (Status checked = check(options); !checked) return checked;
  std::uint16_t port = options.port;
  if (port != 0 && options.threads > 1) {
    // With SO_REUSEPORT a second server on the port would go unnoticed; a socket without it would
    // not.
    ServerOptions alone = options;
    alone.threads = 1;
    Loop probe(std::make_shared<Shared>(std::move(alone), impl_->shared->handler));
    if (Status free = probe.listen(port); !free) return free;
  }
  std::vector<std::shared_ptr<Loop>> loops;
  for (std::size_t i = 0; i < options.threads; ++i) {
    loops.push_back(std::make_shared<Loop>(impl_->shared));
    if (Status bound = loops.back()->listen(port); !bound) return bound;
    port = loops.back()->port();
  }
  impl_->loops = std::move(loops);
  for (const auto& loop : impl_->loops) {
    impl_->threads.emplace_back([loop] { loop->run(loop); });
  }
  return Done{};
}

std::uint16_t Server::port() const { return impl_->loops.empty() ? 0 : impl_->loops[0]->port(); }

void Server::stop_accepting() {
  for (const auto& loop : impl_->loops) loop->begin_stop_accepting();
}

bool Server::drain(std::chrono::milliseconds patience) {
  Shared& shared = *impl_->shared;
  shared.draining.store(true);
  stop_accepting();
  for (const auto& loop : impl_->loops) loop->begin_drain();
  std::unique_lock lock(shared.mutex);
  return shared.none_left.wait_for(lock, patience, [&] { return shared.connections.load() == 0; });
}

void Server::stop() {
  if (impl_->threads.empty()) return;
  for (const auto& loop : impl_->loops) loop->begin_shutdown();
  for (std::thread& thread : impl_->threads) thread.join();
  impl_->threads.clear();
}

Counters Server::counters() const {
  Counters sum;
  for (const auto& loop : impl_->loops) {
    const LoopTallies& tallies = loop->tallies();
    sum.connections += tallies.connections.get();
    sum.connections_rejected += tallies.rejected.get();
    sum.requests += tallies.requests.get();
    sum.bytes_received += tallies.bytes_received.get();
    sum.bytes_sent += tallies.bytes_sent.get();
    sum.timeouts += tallies.timeouts.get();
    sum.streams_now += tallies.streams.get();
    sum.streams_cut += tallies.streams_cut.get();
    for (std::size_t i = 0; i < tallies.responses.size(); ++i) {
      const std::uint64_t n = tallies.responses[i].get();
      if (n > 0) sum.responses[static_cast<int>(i) + 100] += n;
    }
  }
  sum.connections_now = impl_->shared->connections.load();
  return sum;
}

}  // namespace pointsman::http
