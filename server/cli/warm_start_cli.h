#pragma once

#include <cstddef>
#include <string>

namespace CLI {
class App;
}

namespace pointsman {

/// `pointsman warm-start` as the binary's command line knows it.
struct WarmStartCli {
  std::string store;
  std::string tenant = "default";
  std::string router = "default";
  std::string data;         ///< An outcome table; or else:
  std::string from;         ///< The store of another log; may be `store` itself.
  std::string from_tenant;  ///< Empty: `tenant`.
  std::string from_router;  ///< Empty: `router`.
  bool inverse_propensity = false;
  double samples = 0.0;
  std::size_t rows = 2000;
};

/// Adds the subcommand. `cli` must outlive the parsing.
void add_warm_start_command(CLI::App& app, WarmStartCli& cli);

/// Appends a WarmStart record to a router of the store: the first `rows` rows of the data set by a
/// fixed shuffle, encoded as the router encodes requests, or the observed decisions of another log
/// (see warm_start_from_log). The router must be in the log already.
/// Returns the exit code: 0 ok (also where the same rows are there already), 1 failed, 2 wrong
/// usage.
int run_warm_start(const WarmStartCli& cli);

}  // namespace pointsman
