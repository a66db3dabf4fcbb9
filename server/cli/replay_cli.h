#pragma once

#include "server/cli/replay_command.h"

namespace CLI {
class App;
}

namespace pointsman {

/// `pointsman replay` as the binary's command line knows it.
struct ReplayCli {
  lab::ReplayOptions options;
};

/// Adds the subcommand. `cli` must outlive the parsing.
void add_replay_command(CLI::App& app, ReplayCli& cli);

/// Runs it on stdout and stderr. Returns the exit code.
int run_replay(const ReplayCli& cli);

}  // namespace pointsman
