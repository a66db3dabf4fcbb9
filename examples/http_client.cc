#include "examples/http_client.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <thread>

namespace pointsman::examples {
namespace {

using SteadyClock = std::chrono::steady_clock;

Error broken(std::string message) { return Error{ErrorCode::unavailable, std::move(message), ""}; }

template <class Integer>
std::optional<Integer> whole_number(std::string_view text) {
  Integer value{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// `head`: status line and fields, each with its line end.
Result<HttpAnswer> parse_head(std::string_view head) {
  HttpAnswer answer;
  const std::size_t first_end = head.find("\r\n");
  const std::string_view status_line = head.substr(0, first_end);
  const auto status = whole_number<int>(status_line.size() < 12 ? "" : status_line.substr(9, 3));
  if (!status_line.starts_with("HTTP/1.") || !status) return broken("The answer is not HTTP.");
  answer.status = *status;
  head.remove_prefix(first_end + 2);
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    const std::size_t colon = line.find(':');
    if (colon == line.npos) return broken("The answer has a header line without a colon.");
    answer.headers.emplace_back(lower_case(line.substr(0, colon)), trimmed(line.substr(colon + 1)));
    head.remove_prefix(end + 2);
  }
  return answer;
}

std::chrono::milliseconds pause_asked_for(const HttpAnswer& answer) {
  const auto seconds = whole_number<int>(answer.header("retry-after").value_or("1")).value_or(1);
  return std::chrono::seconds(std::clamp(seconds, 0, 10));
}

}  // namespace

Result<HttpAddress> parse_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme)) return invalid("--url", "The URL must begin with http://.");
  url.remove_prefix(kScheme.size());
  if (url.ends_with('/')) url.remove_suffix(1);
  HttpAddress address;
  address.port = 80;
  if (const std::size_t colon = url.rfind(':'); colon != url.npos) {
    const auto port = whole_number<std::uint16_t>(url.substr(colon + 1));
    if (!port || *port == 0) return invalid("--url", "The URL's port is no port.");
    address.port = *port;
    url = url.substr(0, colon);
  }
  if (url.empty() || url.find('/') != url.npos) {
    return invalid("--url", "The URL must be http://HOST:PORT.");
  }
  address.host = std::string(url);
  return address;
}

std::optional<std::string> HttpAnswer::header(std::string_view lower_case_name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& field) {
    return field.first == lower_case_name;
  });
  if (found == headers.end()) return std::nullopt;
  return found->second;
}

HttpClient::HttpClient(Options options) : options_(std::move(options)) {}

HttpClient::HttpClient(HttpClient&& other) noexcept
    : options_(other.options_),
      socket_(std::exchange(other.socket_, -1)),
      received_(std::move(other.received_)) {}

HttpClient::~HttpClient() { disconnect(); }

void HttpClient::disconnect() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = -1;
  received_.clear();
}

Status HttpClient::connect() {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const HttpAddress& address = options_.address;
  if (::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found) !=
      0) {
    return broken("There is no host " + address.host + ".");
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, ::freeaddrinfo);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    socket_ = ::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol);
    if (socket_ < 0) continue;
    if (::connect(socket_, each->ai_addr, each->ai_addrlen) == 0) {
      // A request is one write, and nobody waits for a second one to fill the packet.
      const int on = 1;
      ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      return Done{};
    }
    disconnect();
  }
  return broken("Nobody listens on " + address.host + ":" + std::to_string(address.port) + ".");
}

std::string HttpClient::bytes_of(const HttpRequest& request) const {
  std::string out = request.method + " " + request.target + " HTTP/1.1\r\n";
  const auto add = [&](std::string_view name, const std::string& value) {
    const bool given =
        std::any_of(request.headers.begin(), request.headers.end(),
                    [&](const auto& field) { return lower_case(field.first) == lower_case(name); });
    if (!given) out.append(name).append(": ").append(value).append("\r\n");
  };
  add("Host", options_.address.host + ":" + std::to_string(options_.address.port));
  if (!request.body.empty() || request.method == "POST") {
    add("Content-Length", std::to_string(request.body.size()));
    add("Content-Type", "application/json");
  }
  for (const auto& [name, value] : request.headers) {
    if (!value.empty()) out.append(name).append(": ").append(value).append("\r\n");
  }
  return out + "\r\n" + request.body;
}

Status HttpClient::send_bytes(std::string_view bytes) {
  if (socket_ < 0) {
    if (Status connected = connect(); !connected) return connected;
  }
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return broken("The connection broke while the request was sent.");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return Done{};
}

bool HttpClient::read_more() {
  pollfd wait{.fd = socket_, .events = POLLIN, .revents = 0};
  if (::poll(&wait, 1, static_cast<int>(options_.answer_timeout.count())) <= 0) return false;
  char bytes[16384];
  const ssize_t size = ::recv(socket_, bytes, sizeof bytes, 0);
  if (size <= 0) return false;
  received_.append(bytes, static_cast<std::size_t>(size));
  return true;
}

Result<HttpAnswer> HttpClient::receive() {
  const auto give_up = [this](const char* why) {
    disconnect();
    return broken(why);
  };
  if (socket_ < 0) return broken("There is no connection.");
  std::size_t end = 0;
  while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more()) return give_up("The connection broke before an answer came.");
  }
  auto answer = parse_head(std::string_view(received_).substr(0, end + 2));
  if (!answer) {
    disconnect();
    return answer;
  }
  received_.erase(0, end + 4);
  const auto size = whole_number<std::size_t>(answer->header("content-length").value_or("0"));
  if (!size || answer->header("transfer-encoding")) {
    return give_up("The answer has no length of its own.");
  }
  while (received_.size() < *size) {
    if (!read_more()) return give_up("The connection broke within an answer.");
  }
  answer->body = received_.substr(0, *size);
  received_.erase(0, *size);
  if (lower_case(answer->header("connection").value_or("")) == "close") disconnect();
  return answer;
}

Result<HttpAnswer> HttpClient::try_once(const HttpRequest& request) {
  Status sent = send_bytes(bytes_of(request));
  // A server that refuses a body answers before it has read it all, so the answer may be there.
  auto answer = receive();
  if (!answer && !sent) return sent.error();
  return answer;
}

Result<HttpAnswer> HttpClient::ask(const HttpRequest& request) {
  const auto deadline = SteadyClock::now() + options_.patience;
  for (std::size_t tries = 1;; ++tries) {
    auto answer = try_once(request);
    if (answer && answer->status != 503) {
      answer->tries = tries;
      return answer;
    }
    const auto pause = answer ? pause_asked_for(*answer) : options_.pause;
    if (SteadyClock::now() + pause > deadline) {
      return answer ? broken("The server is still busy: " + answer->body) : answer.error();
    }
    if (!answer) disconnect();
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace pointsman::examples
