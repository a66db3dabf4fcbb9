#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

#include "server/config/server_config.h"

namespace pointsman {

/// `pointsman serve`: recovers, serves until SIGTERM or SIGINT, drains, checkpoints.
/// `reload` reads the configuration again on SIGHUP; null: SIGHUP is ignored.
/// Returns the process's exit code: 0 after a clean stop, 1 where it could not start.
int serve(const ServerConfig& config, const std::function<std::optional<ServerConfig>()>& reload);

}  // namespace pointsman
