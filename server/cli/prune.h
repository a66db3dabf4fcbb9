#pragma once

#include <string>

namespace pointsman {

/// `pointsman prune`: removes from a store's logs what no recovery can ask for (engine/
/// log_pruning.h), and says in JSON what went. Routers of Redis and PostgreSQL may be served
/// meanwhile; a SQLite file is one process's.
struct PruneCommand {
  std::string store;
  std::string tenant;    ///< Empty: all.
  std::string router;    ///< Empty: all.
  double keep_days = 1;  ///< How long what is over stays; a day is a margin for clocks that differ.
  bool compact = false;  ///< Give what was freed back to the machine: SQLite rewrites its file.
};

/// Exit code: 0; 1 where the store fails, or where what was named cannot be pruned (on stderr).
/// Of several routers, those without a usable checkpoint are told as "skipped".
int prune(const PruneCommand& command);

}  // namespace pointsman
