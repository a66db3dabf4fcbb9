#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/fold/router_fold.h"

namespace pointsman {

/// A router's state for /stats and inspect.
struct RouterReport {
  Scope scope;
  LogPosition position = 0;
  std::uint64_t checksum = 0;
  std::uint64_t decisions = 0;
  std::uint32_t schema_version = 0;
  std::string policy;
  ServingMode mode = ServingMode::live;
  bool resting = false;  ///< The report is from the time when the router went to rest: see Routers.
  std::uint64_t forks = 0;        ///< How often the log had lost what was folded: see Routers.
  std::uint64_t divergences = 0;  ///< Checkpoints that another replica saved with another checksum.
  struct Budget {
    double lambda = 0.0;
    double account = 0.0;  ///< Targets overspent so far; below 0: left.
    double spent_today_usd = 0.0;
  };
  Budget budget;
  struct ArmReport {
    ArmSpec spec;
    ArmStats stats;
    std::vector<double> theta;
  };
  std::vector<ArmReport> arms;
};

/// What readers see of a router: the newest snapshot while it is awake, or what is kept of it.
struct RouterView {
  std::shared_ptr<const RouterSnapshot> snapshot;
  std::shared_ptr<const RouterReport> resting;
};

}  // namespace pointsman
