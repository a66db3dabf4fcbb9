#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/values/result.h"

namespace pointsman {

/// A node of Redis.
struct RedisAddress {
  std::string host;
  std::uint16_t port = 6379;
  auto operator<=>(const RedisAddress&) const = default;
};

/// host:port, with brackets around an IPv6 address.
std::string text_of(const RedisAddress& address);

/// redis://[[user]:password@]host[:port][/database]. User and password are percent-decoded.
struct RedisUrl {
  RedisAddress address;
  std::string user;      ///< Empty: Redis's default user.
  std::string password;  ///< Empty: no AUTH. Never part of a message.
  std::uint32_t database = 0;
};

/// Error: `invalid`, with a sentence that repeats nothing of the url.
Result<RedisUrl> parse_redis_url(std::string_view url);

}  // namespace pointsman
