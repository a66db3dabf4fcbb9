#include "stores/redis/redis_url.h"

#include <charconv>
#include <optional>
#include <utility>

namespace pointsman {
namespace {

constexpr std::string_view kScheme = "redis://";

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low) return std::nullopt;
    decoded.push_back(static_cast<char>(*high * 16 + *low));
    i += 2;
  }
  return decoded;
}

template <class Number>
std::optional<Number> number(std::string_view text) {
  Number value{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Status read_login(std::string_view login, RedisUrl& url) {
  const std::size_t colon = login.find(':');
  if (colon == std::string_view::npos) {
    return invalid("store", "A redis: url gives its password as redis://user:password@host.");
  }
  const auto user = percent_decoded(login.substr(0, colon));
  const auto password = percent_decoded(login.substr(colon + 1));
  if (!user || !password) {
    return invalid("store", "A percent sign in a redis: url's user or password is written %25.");
  }
  if (password->empty()) return invalid("store", "The password in the redis: url is empty.");
  url.user = *user;
  url.password = *password;
  return Done{};
}

Status read_address(std::string_view text, RedisAddress& address) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) {
      return invalid("store", "The IPv6 address in the redis: url lacks its closing bracket.");
    }
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (host.empty()) return invalid("store", "A redis: url names its host: redis://host:6379.");
  address.host = host;
  if (port.empty()) return Done{};
  const auto parsed = port.starts_with(':') ? number<std::uint16_t>(port.substr(1))
                                            : std::optional<std::uint16_t>();
  if (!parsed || *parsed == 0) {
    return invalid("store", "The port in the redis: url is a number from 1 to 65535.");
  }
  address.port = *parsed;
  return Done{};
}

}  // namespace

std::string text_of(const RedisAddress& address) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

Result<RedisUrl> parse_redis_url(std::string_view url) {
  if (url.starts_with("rediss:")) {
    return invalid("store",
                   "rediss: asks for TLS, which Debian's hiredis does not have; use redis: through "
                   "a tunnel such as stunnel.");
  }
  if (!url.starts_with(kScheme)) return invalid("store", "A Redis url begins with redis://.");
  url.remove_prefix(kScheme.size());
  RedisUrl parsed;
  const std::size_t path = url.find('/', url.rfind('@') == url.npos ? 0 : url.rfind('@'));
  std::string_view database = path == url.npos ? std::string_view() : url.substr(path + 1);
  std::string_view authority = url.substr(0, path);
  if (const std::size_t sign = authority.rfind('@'); sign != authority.npos) {
    if (Status login = read_login(authority.substr(0, sign), parsed); !login.ok()) {
      return login.error();
    }
    authority.remove_prefix(sign + 1);
  }
  if (Status address = read_address(authority, parsed.address); !address.ok()) {
    return address.error();
  }
  if (!database.empty()) {
    const auto n = number<std::uint32_t>(database);
    if (!n) return invalid("store", "The path of a redis: url is a database's number, as in /0.");
    parsed.database = *n;
  }
  return parsed;
}

}  // namespace pointsman
