#pragma once

#include <functional>
#include <optional>
#include <string>

#include "server/config/config_section.h"
#include "server/config/server_config.h"

namespace pointsman {

/// Looks an environment variable up; may be empty (no variables).
using Environment = std::function<std::optional<std::string>(const std::string&)>;

/// The readers of parse_config(), one a part of the file. Each reads its own table from the file's
/// root, leaves defaults where the file says nothing, and reports its faults through the section.

void read_server(ConfigSection& root, ServerConfig& config);
void read_store(ConfigSection& root, const Environment& environment, ServerConfig& config);
void read_routers(ConfigSection& root, ServerConfig& config);
void read_signals(ConfigSection& root, ServerConfig& config);
/// Says whether the file declares any key, sound or not.
bool read_keys(ConfigSection& root, const Environment& environment, ServerConfig& config);

/// Parts of a router: its learner ([routers.policy], [routers.posterior], the floor) and its
/// vector ([routers.features]).
void read_learner(ConfigSection& router, RouterConfig& config);
void read_features(ConfigSection& router, FeatureLayout& layout);

/// The value of the environment variable that the option `key` names, or nothing, with a fault.
std::optional<std::string> read_variable(ConfigSection& section, std::string_view key,
                                         const Environment& environment);

}  // namespace pointsman
