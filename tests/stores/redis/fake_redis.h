#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/redis_server.h"

namespace pointsman::testing_stores {

/// Takes connections on a port of this machine and gives each to a thread of its own.
class Listener final {
 public:
  explicit Listener(std::function<void(int)> serve) : serve_(std::move(serve)) {
    listening_ = testing_redis::listen_on_local(port_);
    accepting_ = std::thread([this] {
      while (true) {
        const int client = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) return;
        const std::lock_guard lock(mutex_);
        clients_.push_back(client);
        threads_.emplace_back(serve_, client);
      }
    });
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() {
    ::shutdown(listening_, SHUT_RDWR);
    accepting_.join();
    ::close(listening_);
    for (const int client : clients_) ::shutdown(client, SHUT_RDWR);
    for (std::thread& thread : threads_) thread.join();
    for (const int client : clients_) ::close(client);
  }

  std::uint16_t port() const { return port_; }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }

 private:
  std::function<void(int)> serve_;
  std::uint16_t port_ = 0;
  int listening_ = -1;
  std::thread accepting_;
  std::mutex mutex_;
  std::vector<int> clients_;
  std::vector<std::thread> threads_;
};

inline void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

inline std::string bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

/// Reads commands from a socket: an array of bulk strings each.
class CommandReader final {
 public:
  explicit CommandReader(int fd) : fd_(fd) {}

  std::optional<std::vector<std::string>> next() {
    const auto n = count_after('*');
    if (!n) return std::nullopt;
    std::vector<std::string> words;
    for (std::size_t i = 0; i < *n; ++i) {
      const auto size = count_after('$');
      if (!size || !fill(*size + 2)) return std::nullopt;
      words.push_back(bytes_.substr(0, *size));
      bytes_.erase(0, *size + 2);
    }
    return words;
  }

 private:
  bool fill(std::size_t size) {
    std::array<char, 16384> buffer{};
    while (bytes_.size() < size) {
      const ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (n <= 0) return false;
      bytes_.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return true;
  }

  std::optional<std::size_t> count_after(char mark) {
    while (bytes_.find("\r\n") == bytes_.npos) {
      if (!fill(bytes_.size() + 1)) return std::nullopt;
    }
    if (bytes_[0] != mark) return std::nullopt;
    const std::size_t count = std::strtoul(bytes_.c_str() + 1, nullptr, 10);
    bytes_.erase(0, bytes_.find("\r\n") + 2);
    return count;
  }

  int fd_;
  std::string bytes_;
};

/// A node of a cluster that looks healthy and answers each command on data as `answer` says.
class FakeRedis final {
 public:
  using Answer = std::function<std::string(const std::vector<std::string>&)>;

  explicit FakeRedis(Answer answer)
      : answer_(std::move(answer)), listener_([this](int fd) { serve(fd); }) {}

  std::string url() const { return listener_.url(); }

 private:
  void serve(int fd) {
    CommandReader reader(fd);
    while (const auto words = reader.next()) {
      if ((*words)[0] == "INFO") {
        send_all(fd, bulk("redis_version:7.0.0\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n"
                          "role:master\r\ncluster_enabled:1\r\n"));
      } else if ((*words)[0] == "CONFIG") {
        send_all(fd, "*2\r\n" + bulk("appendfsync") + bulk("always"));
      } else if ((*words)[0] == "SCRIPT") {
        send_all(fd, bulk("0123456789012345678901234567890123456789"));
      } else if (words->size() > 1 && (*words)[1] == "pm:store") {
        send_all(fd, (*words)[0] == "SET" ? "+OK\r\n" : bulk("the store's id"));
      } else {
        send_all(fd, answer_(*words));
      }
    }
  }

  Answer answer_;
  Listener listener_;
};

/// Passes bytes between clients and a Redis, until it is told to lose an answer.
class LossyRelay final {
 public:
  explicit LossyRelay(std::uint16_t to)
      : to_(to), listener_([this](int client) { serve(client); }) {}

  std::string url() const { return listener_.url(); }

  /// The next script's answer is thrown away, and its connection cut.
  void lose_next_answer_to_a_script() { lose_ = true; }
  /// Bytes are taken and go nowhere.
  void swallow(bool on) { swallow_ = on; }

 private:
  void serve(int client) {
    const int server = testing_redis::connect_to_local(to_);
    std::array<char, 65536> buffer{};
    bool script_asked = false;
    while (true) {
      std::array<pollfd, 2> both{{{.fd = client, .events = POLLIN, .revents = 0},
                                  {.fd = server, .events = POLLIN, .revents = 0}}};
      if (::poll(both.data(), both.size(), -1) < 0) break;
      const bool from_client = both[0].revents != 0;
      const ssize_t n = ::recv(from_client ? client : server, buffer.data(), buffer.size(), 0);
      if (n <= 0) break;
      const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
      if (swallow_) continue;
      script_asked = script_asked || (from_client && bytes.find("EVALSHA") != bytes.npos);
      if (!from_client && script_asked && lose_.exchange(false)) break;
      if (!from_client) script_asked = false;
      send_all(from_client ? server : client, bytes);
    }
    ::shutdown(client, SHUT_RDWR);
    ::close(server);
  }

  const std::uint16_t to_;
  std::atomic<bool> lose_{false};
  std::atomic<bool> swallow_{false};
  Listener listener_;
};

}  // namespace pointsman::testing_stores
