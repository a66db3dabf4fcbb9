#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

#include "server/config/listen_address.h"
#include "server/config/sections.h"

namespace pointsman {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kMebibyte = 1U << 20;
constexpr std::pair<std::chrono::milliseconds, std::chrono::milliseconds> kTimeouts = {1ms, 24h};

void read_address(ConfigSection& server, ServerConfig& config) {
  std::string text;
  if (server.read("listen", text)) {
    if (server.has("host")) server.fault("host", "The option listen gives the host already.");
    if (server.has("port")) server.fault("port", "The option listen gives the port already.");
    if (const Result<ListenAddress> address = parse_listen(text); !address) {
      server.fault("listen", address.error().message);
    } else {
      config.http.host = address->host;
      config.http.port = address->port;
    }
  }
  std::string host;
  if (server.read("host", host) && !server.has("listen")) {
    if (const Result<std::string> numeric = numeric_host(host); !numeric) {
      server.fault("host", numeric.error().message);
    } else {
      config.http.host = *numeric;
    }
  }
  std::uint16_t port = 0;
  if (server.read_count("port", port, {0, 65'535}) && !server.has("listen")) {
    config.http.port = port;
  }
}

void read_bounds(ConfigSection& server, http::ServerOptions& http) {
  server.read_count("threads", http.threads, {0, 1'024});
  server.read_count("max_body_bytes", http.max_body_bytes, {1, 1'024 * kMebibyte});
  const bool has_in_flight =
      server.read_count("max_body_bytes_in_flight", http.max_body_bytes_in_flight, {1});
  if (http.max_body_bytes_in_flight < http.max_body_bytes) {
    server.fault(has_in_flight ? "max_body_bytes_in_flight" : "max_body_bytes",
                 "max_body_bytes_in_flight must hold at least one body of max_body_bytes.");
  }
  server.read_count("max_header_bytes", http.max_header_bytes, {256, 16 * kMebibyte});
  server.read_count("max_target_bytes", http.max_target_bytes, {16, 16 * kMebibyte});
  server.read_count("max_connections", http.max_connections, {1, 10'000'000});
  std::uint32_t retry_after = 0;
  if (server.read_count("retry_after_seconds", retry_after, {1, 3'600})) {
    http.retry_after_seconds = static_cast<int>(retry_after);
  }
}

}  // namespace

void read_server(ConfigSection& root, ServerConfig& config) {
  ConfigSection server = root.table("server");
  read_address(server, config);
  read_bounds(server, config.http);
  server.read("header_timeout", config.http.header_timeout, kTimeouts);
  server.read("body_timeout", config.http.body_timeout, kTimeouts);
  server.read("idle_timeout", config.http.idle_timeout, kTimeouts);
  server.read("write_timeout", config.http.write_timeout, kTimeouts);
  server.read("linger_timeout", config.http.linger_timeout, kTimeouts);
  constexpr std::array<Word<std::string_view>, 7> kLevels = {{{"trace", "trace"},
                                                              {"debug", "debug"},
                                                              {"info", "info"},
                                                              {"warn", "warn"},
                                                              {"error", "error"},
                                                              {"critical", "critical"},
                                                              {"off", "off"}}};
  std::string_view level = config.log_level;
  server.read_word<std::string_view>("log_level", level, kLevels);
  config.log_level = std::string(level);
  server.finish();
}

}  // namespace pointsman
