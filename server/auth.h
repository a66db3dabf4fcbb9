#pragma once

#include <string>
#include <variant>
#include <vector>

#include "server/config/server_config.h"
#include "server/http/message.h"

namespace pointsman {

/// Who may call. With keys: `Authorization: Bearer KEY` or `X-API-Key: KEY`, compared by their
/// SHA-256 in constant time. Without keys: everyone on this machine, so Host must be loopback
/// (which stops DNS rebinding) and a body must be application/json (which no HTML form sends).
/// Immutable; any thread.
class Auth final {
 public:
  explicit Auth(std::vector<ApiKey> keys) : keys_(std::move(keys)) {}

  /// The caller's tenant, or the answer that refuses: 401, 403 or 415.
  std::variant<std::string, http::Response> admit(const http::Request& request) const;

 private:
  std::variant<std::string, http::Response> admit_by_key(const http::Request& request) const;

  std::vector<ApiKey> keys_;
};

}  // namespace pointsman
