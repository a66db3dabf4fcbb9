#include "tests/faults/tcp_proxy.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <list>
#include <thread>
#include <utility>

namespace pointsman::testing {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// What a proxy does to all of its connections. Touched by its thread alone.
struct Rules {
  std::chrono::milliseconds delay{0};
  bool is_cut = false;
  std::string marker;  ///< Empty: no answer is to be dropped.
  std::atomic<std::size_t> answers_dropped{0};
};

/// One connection: two sockets and a pump in each direction.
class Session final : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket client, Rules& rules)
      : rules_(rules),
        client_(std::move(client)),
        server_(client_.get_executor()),
        up_(client_.get_executor()),
        down_(client_.get_executor()) {}

  void start(const tcp::endpoint& target) {
    server_.async_connect(target, [self = shared_from_this()](error_code failed) {
      if (failed) return self->end();
      self->client_.set_option(tcp::no_delay(true), failed);
      self->server_.set_option(tcp::no_delay(true), failed);
      self->read_from_client();
      self->read_from_server();
    });
  }

  void end() {
    error_code ignored;
    client_.close(ignored);
    server_.close(ignored);
    up_.timer.cancel();
    down_.timer.cancel();
  }

  void half_close() {
    error_code ignored;
    client_.shutdown(tcp::socket::shutdown_send, ignored);
    deaf_ = true;
  }

  bool ended() const { return !client_.is_open(); }

 private:
  struct Direction {
    explicit Direction(const tcp::socket::executor_type& executor) : timer(executor) {}
    std::array<char, 16384> bytes{};
    asio::steady_timer timer;
  };

  void read_from_client() {
    client_.async_read_some(
        asio::buffer(up_.bytes), [self = shared_from_this()](error_code failed, std::size_t n) {
          if (failed) return self->end();
          self->look_for_marker(n);
          self->hand_on(self->up_, self->server_, n, [self] { self->read_from_client(); });
        });
  }

  void read_from_server() {
    server_.async_read_some(
        asio::buffer(down_.bytes), [self = shared_from_this()](error_code failed, std::size_t n) {
          if (failed) return self->end();
          if (self->drop_next_) {
            ++self->rules_.answers_dropped;
            return self->end();
          }
          if (self->deaf_) return self->read_from_server();
          self->hand_on(self->down_, self->client_, n, [self] { self->read_from_server(); });
        });
  }

  /// The marker may be split between two pieces of what the client says.
  void look_for_marker(std::size_t n) {
    if (rules_.marker.empty()) return;
    said_.append(up_.bytes.data(), n);
    if (said_.find(rules_.marker) != said_.npos) {
      rules_.marker.clear();
      drop_next_ = true;
    }
    said_.erase(0, said_.size() - std::min(said_.size(), rules_.marker.size()));
  }

  template <class Next>
  void hand_on(Direction& direction, tcp::socket& to, std::size_t n, Next next) {
    direction.timer.expires_after(rules_.delay);
    direction.timer.async_wait([self = shared_from_this(), &direction, &to, n, next](error_code) {
      if (self->ended()) return;
      asio::async_write(
          to, asio::buffer(direction.bytes, n),
          [self, next](error_code failed, std::size_t) { failed ? self->end() : next(); });
    });
  }

  Rules& rules_;
  tcp::socket client_;
  tcp::socket server_;
  Direction up_;
  Direction down_;
  std::string said_;        ///< The newest of what the client said.
  bool drop_next_ = false;  ///< What the server says next.
  bool deaf_ = false;       ///< The client was told that nothing more will come.
};

}  // namespace

class TcpProxy::Inside final {
 public:
  explicit Inside(std::uint16_t target)
      : target_(asio::ip::address_v4::loopback(), target),
        acceptor_(context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        port_(acceptor_.local_endpoint().port()) {
    accept();
    thread_ = std::thread([this] { context_.run(); });
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;
  ~Inside() {
    tell([this] {
      acceptor_.close();
      end_all();
    });
    thread_.join();
  }

  /// Runs `what` on the proxy's thread and waits for it.
  template <class What>
  void tell(What what) {
    std::promise<void> done;
    asio::post(context_, [&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }

  void end_all() {
    for (const auto& session : sessions_) session->end();
    sessions_.clear();
  }

  void half_close_all() {
    for (const auto& session : sessions_) session->half_close();
  }

  Rules& rules() { return rules_; }
  std::uint16_t port() const { return port_; }

 private:
  void accept() {
    acceptor_.async_accept([this](error_code failed, tcp::socket client) {
      if (failed) return;
      sessions_.remove_if([](const auto& session) { return session->ended(); });
      if (!rules_.is_cut) {
        sessions_.push_back(std::make_shared<Session>(std::move(client), rules_));
        sessions_.back()->start(target_);
      }
      accept();
    });
  }

  asio::io_context context_;
  const tcp::endpoint target_;
  tcp::acceptor acceptor_;
  const std::uint16_t port_;
  Rules rules_;
  std::list<std::shared_ptr<Session>> sessions_;
  std::thread thread_;
};

TcpProxy::TcpProxy(std::uint16_t target) : inside_(std::make_unique<Inside>(target)) {}
TcpProxy::~TcpProxy() = default;

std::uint16_t TcpProxy::port() const { return inside_->port(); }

void TcpProxy::set_delay(std::chrono::milliseconds delay) {
  inside_->tell([&] { inside_->rules().delay = delay; });
}

void TcpProxy::cut() {
  inside_->tell([&] {
    inside_->rules().is_cut = true;
    inside_->end_all();
  });
}

void TcpProxy::mend() {
  inside_->tell([&] { inside_->rules().is_cut = false; });
}

void TcpProxy::cut_once() {
  inside_->tell([&] { inside_->end_all(); });
}

void TcpProxy::half_close() {
  inside_->tell([&] { inside_->half_close_all(); });
}

void TcpProxy::drop_answer_to(std::string marker) {
  inside_->tell([&] { inside_->rules().marker = std::move(marker); });
}

std::size_t TcpProxy::answers_dropped() const { return inside_->rules().answers_dropped; }

}  // namespace pointsman::testing
