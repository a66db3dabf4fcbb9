#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "server/http/server.h"

namespace pointsman::http::testing {

/// A handler made of a function.
class FunctionHandler final : public Handler {
 public:
  using Function = std::function<void(Request, Responder)>;
  explicit FunctionHandler(Function function) : function_(std::move(function)) {}
  void handle(Request request, Responder responder) override {
    function_(std::move(request), std::move(responder));
  }

 private:
  Function function_;
};

/// What came back, taken apart just far enough to be asserted on.
struct Answer {
  int status = 0;
  std::string head;  ///< Status line and fields.
  std::string body;  ///< De-chunked.
  bool whole = false;

  bool has(std::string_view text) const { return head.find(text) != std::string::npos; }
};

/// A blocking TCP client with no idea of HTTP but for reading answers. Every wait ends after ten
/// seconds, so that a bug fails a test instead of hanging it.
class Client final {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer > 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { ::close(fd_); }

  bool connected() const { return connected_; }

  /// False once the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// Makes the end of this client a reset instead of an orderly close.
  void reset_on_close() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }

  void finish_sending() { ::shutdown(fd_, SHUT_WR); }

  /// More bytes into the buffer. False: closed, or nothing came in time.
  bool receive(int timeout_ms = 10'000) {
    pollfd wait{.fd = fd_, .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, timeout_ms) <= 0) return false;
    char bytes[16384];
    const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n <= 0) {
      closed_ = true;
      return false;
    }
    buffer_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  bool silent_for(int milliseconds) {
    return buffer_.empty() && !receive(milliseconds) && !closed_;
  }

  /// Reads until the server closes. False: it did not within ten seconds.
  bool until_closed() {
    while (receive()) {
    }
    return closed_;
  }

  const std::string& buffer() const { return buffer_; }

  /// The next answer. status 0: none came. `head_only`: it answers a HEAD.
  Answer answer(bool head_only = false) {
    Answer answer;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!receive()) return answer;
    }
    answer.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    answer.status = std::atoi(answer.head.c_str() + 9);
    if (head_only || answer.status == 204 || answer.status == 100) {
      answer.whole = true;
    } else if (answer.has("Transfer-Encoding: chunked\r\n")) {
      answer.whole = read_chunks(answer.body);
    } else if (const auto at = answer.head.find("Content-Length: "); at != std::string::npos) {
      const auto size = static_cast<std::size_t>(std::atoll(answer.head.c_str() + at + 16));
      answer.whole = take(size, answer.body);
    } else {
      answer.whole = until_closed();
      answer.body = std::exchange(buffer_, {});
    }
    return answer;
  }

  Answer exchange(std::string_view request) {
    send(request);
    return answer();
  }

 private:
  bool take(std::size_t size, std::string& out) {
    while (buffer_.size() < size) {
      if (!receive()) return false;
    }
    out.append(buffer_, 0, size);
    buffer_.erase(0, size);
    return true;
  }

  bool read_chunks(std::string& out) {
    while (true) {
      std::size_t end = 0;
      while ((end = buffer_.find("\r\n")) == std::string::npos) {
        if (!receive()) return false;
      }
      const std::size_t size = std::strtoul(buffer_.c_str(), nullptr, 16);
      buffer_.erase(0, end + 2);
      if (!take(size, out)) return false;
      std::string crlf;
      if (!take(2, crlf) || crlf != "\r\n") return false;
      if (size == 0) return true;
    }
  }

  int fd_ = -1;
  bool connected_ = false;
  bool closed_ = false;
  std::string buffer_;
};

/// Whether it comes to hold, within a minute.
template <class Holds>
bool eventually(Holds holds) {
  for (int i = 0; i < 6000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

inline std::string get(std::string_view path) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: t\r\n\r\n";
}

inline std::string post(std::string_view path, std::string_view body) {
  return "POST " + std::string(path) +
         " HTTP/1.1\r\nHost: t\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

inline Response text(std::string body) {
  return {.status = 200, .content_type = "text/plain", .body = std::move(body)};
}

}  // namespace pointsman::http::testing
