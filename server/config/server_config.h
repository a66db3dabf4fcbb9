#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "adapters/rewards/custom_signal.h"
#include "engine/log/records.h"
#include "engine/values/result.h"
#include "server/core/keys.h"
#include "server/core/writer.h"
#include "server/http/server.h"
#include "stores/open_store.h"

namespace pointsman {

/// A router as the configuration file declares it. RouterConfig::source_hash is the SHA-256 (hex)
/// of the router's section in canonical form, so that only a changed section is applied.
struct RouterEntry {
  std::string tenant = "default";
  std::string name = "default";
  RouterConfig config;
};

struct ServerConfig {
  http::ServerOptions http;
  StoreOptions store;
  WriterOptions writer;
  DecisionDurability durability = DecisionDurability::commit;
  std::uint64_t checkpoint_every = 50'000;
  std::size_t awake_mb = 768;  ///< Routers::Options::awake_bytes in MiB; 0: no bound.
  std::string log_level = "info";
  std::vector<RouterEntry> routers;
  std::vector<ApiKey> keys;
  std::vector<CustomSignal> signals;
};

/// What `pointsman serve` runs without a file: SQLite in pointsman.db, one router "default" with
/// three demo arms, text features, LinTS, on 127.0.0.1:8080.
ServerConfig demo_config();

/// One fault of a file.
struct ConfigFault {
  int line = 0;         ///< From 1; 0 where the fault has no place.
  std::string key;      ///< "routers[0].policy.alpha"
  std::string message;  ///< A sentence.
};

/// Reads a TOML file's text (docs/CONFIGURATION.md, examples/pointsman.toml). Every fault is
/// reported, not only the first. `environment` looks a variable up (keys, secrets).
struct ParsedConfig {
  ServerConfig config;              ///< Meaningful where `faults` is empty.
  std::vector<ConfigFault> faults;  ///< In the order of the file.
};
ParsedConfig parse_config(
    const std::string& text,
    const std::function<std::optional<std::string>(const std::string&)>& environment);

/// Every option that parse_config() knows, sorted, as "routers[].arms[].id"; tables are among them.
std::vector<std::string> config_options();

}  // namespace pointsman
