#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/values/result.h"
#include "server/config/server_config.h"

namespace pointsman {

struct ListenAddress {
  std::string host;  ///< A numeric address.
  std::uint16_t port = 0;
};

/// Reads "127.0.0.1:8080", "[::1]:8080" or "localhost:8080". Errors: `invalid` at "listen".
Result<ListenAddress> parse_listen(std::string_view text);

/// The numeric address that `host` means ("localhost" is 127.0.0.1). Errors: `invalid` at "host"
/// for a name: what a server binds to must not depend on a resolver.
Result<std::string> numeric_host(std::string_view host);

/// True where only this machine can reach `host`, a numeric address: 127.0.0.0/8 and ::1, in its
/// IPv4-mapped form too.
bool is_loopback(const std::string& host);

/// The security law: without keys the server binds to loopback only. parse_config() holds a file
/// to it; whoever changes the address afterwards (--listen) asks again. Errors: `invalid` at
/// "server.host".
Status check_exposure(const ServerConfig& config);

}  // namespace pointsman
