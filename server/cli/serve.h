#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

#include "adapters/rewards/reward_adapters.h"
#include "server/config/server_config.h"

namespace pointsman {

/// What a program around the server adds to it.
struct ServeHooks {
  /// Reads the configuration again on SIGHUP; its routers are applied, the rest waits for a
  /// restart. Nothing returned: there were faults, and the old configuration stays. Null: SIGHUP
  /// is ignored.
  std::function<std::optional<ServerConfig>()> reload;
  /// Adds signals written in C++ (examples/custom_signal.cc). Null: none.
  std::function<Status(RewardAdapters&)> add_signals;
};

/// `pointsman serve`: recovers, serves until SIGTERM or SIGINT, drains, checkpoints.
/// Returns the process's exit code: 0 after a clean stop, 1 where it could not start.
int serve(const ServerConfig& config, const ServeHooks& hooks);

}  // namespace pointsman
