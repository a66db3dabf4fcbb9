#include "server/config/listen_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

namespace pointsman {
namespace {

using V4 = std::array<unsigned char, 4>;
using V6 = std::array<unsigned char, 16>;

template <class Address>
bool read_address(int family, const std::string& text, Address& out) {
  return text.find('\0') == std::string::npos && inet_pton(family, text.c_str(), out.data()) == 1;
}

}  // namespace

Result<std::string> numeric_host(std::string_view host) {
  if (host == "localhost") return std::string("127.0.0.1");
  std::string text(host);
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  V4 v4{};
  V6 v6{};
  if (read_address(AF_INET, text, v4) || read_address(AF_INET6, text, v6)) return text;
  return invalid(
      "host", "This must be a numeric address, such as 127.0.0.1, 0.0.0.0 or ::1, or localhost.");
}

Result<ListenAddress> parse_listen(std::string_view text) {
  const Error fault = invalid("listen", "This must be HOST:PORT, such as 127.0.0.1:8080.");
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return fault;
  const std::string_view host = text.substr(0, colon);
  // ::1:8080 could be an address of its own.
  if (host.find(':') != std::string_view::npos && host.front() != '[') return fault;
  Result<std::string> numeric = numeric_host(host);
  if (!numeric) return fault;
  ListenAddress address{.host = *numeric, .port = 0};
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data() + colon + 1, last, address.port);
  if (error != std::errc{} || end != last) return fault;
  return address;
}

bool is_loopback(const std::string& host) {
  V4 v4{};
  if (read_address(AF_INET, host, v4)) return v4[0] == 127;
  V6 v6{};
  if (!read_address(AF_INET6, host, v6)) return false;
  constexpr V6 kLoopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  constexpr std::array<unsigned char, 13> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};
  return v6 == kLoopback || std::equal(kMapped.begin(), kMapped.end(), v6.begin());
}

Status check_exposure(const ServerConfig& config) {
  if (!config.keys.empty() || is_loopback(config.http.host)) return Done{};
  return invalid("server.host",
                 "Without keys the server binds to loopback only. Configure [[keys]], or set the "
                 "host to 127.0.0.1.");
}

}  // namespace pointsman
