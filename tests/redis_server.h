#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace pointsman::testing_redis {

/// A socket connected to this machine, or -1.
inline int connect_to_local(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  ::close(fd);
  return -1;
}

/// A socket that listens on a free port of this machine; `port` says which.
inline int listen_on_local(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0) ADD_FAILURE() << "bind";
  ::listen(fd, 64);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  return fd;
}

/// A redis-server of the test's own, on a free port of this machine, with a folder of its own:
/// appendonly yes, appendfsync always, no snapshots. It ends with this, or with the test's process.
/// A server that does not start is a failure, never a skip.
class RedisServer final {
 public:
  /// `settings` are further pairs for the command line, such as {"--requirepass", "x"}.
  explicit RedisServer(std::vector<std::string> settings = {}) : settings_(std::move(settings)) {
    std::string name = (std::filesystem::temp_directory_path() / "pointsman-redis-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      ADD_FAILURE() << "no folder for redis-server";
      return;
    }
    folder_ = name;
    // Another process may take the port between our look and Redis's.
    for (int attempt = 0; attempt < 5; ++attempt) {
      ::close(listen_on_local(port_));
      if (try_to_start()) return;
    }
    ADD_FAILURE() << "redis-server does not start; script/bootstrap redis installs it";
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer() {
    stop();
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }

  std::uint16_t port() const { return port_; }
  std::string url() const { return "redis://127.0.0.1:" + std::to_string(port_); }
  std::filesystem::path aof_folder() const { return folder_ / "appendonlydir"; }

  void stop() { end_with(SIGTERM); }
  void kill_nine() { end_with(SIGKILL); }

  /// Starts it again on the same port and folder.
  void start() {
    // The port may be in use for a moment by a connection that is going.
    for (int attempt = 0; attempt < 50; ++attempt) {
      if (try_to_start()) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    ADD_FAILURE() << "redis-server does not start again";
  }

  /// Sends one inline command, such as "FLUSHALL", and returns the first line of its answer.
  std::string command(std::string_view words) const {
    const int fd = connect_to_local(port_);
    if (fd < 0) return "";
    const std::string line = std::string(words) + "\r\n";
    std::string answer;
    if (::send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size())) {
      std::array<char, 4096> buffer{};
      while (answer.find("\r\n") == answer.npos) {
        const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (n <= 0) break;
        answer.append(buffer.data(), static_cast<std::size_t>(n));
      }
    }
    ::close(fd);
    return answer.substr(0, answer.find("\r\n"));
  }

 private:
  bool try_to_start() {
    std::vector<std::string> words = {"redis-server",
                                      "--port",
                                      std::to_string(port_),
                                      "--bind",
                                      "127.0.0.1",
                                      "--dir",
                                      folder_.string(),
                                      "--appendonly",
                                      "yes",
                                      "--appendfsync",
                                      "always",
                                      "--save",
                                      "",
                                      "--daemonize",
                                      "no",
                                      "--logfile",
                                      (folder_ / "redis.log").string()};
    words.insert(words.end(), settings_.begin(), settings_.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    for (int i = 0; i < 1000; ++i) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        return false;
      }
      const std::string answer = command("PING");
      if (answer == "+PONG" || answer.starts_with("-NOAUTH")) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    end_with(SIGKILL);
    return false;
  }

  void end_with(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
  }

  std::vector<std::string> settings_;
  std::filesystem::path folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace pointsman::testing_redis
