#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "engine/log/store.h"
#include "stores/redis/redis_identity.h"
#include "stores/redis/redis_nodes.h"

namespace pointsman {

/// The SHA-1 names of our scripts, as SCRIPT LOAD gave them.
struct RedisScriptNames {
  std::string append;
  std::string read;
  std::string checkpoint;
  std::string drop;
  std::string prune;
};

/// The command that runs one of our scripts. `keys` are all on one node and not empty.
RedisCommand redis_script(const std::string& sha, std::string_view lua,
                          std::vector<std::string> keys, std::vector<std::string> arguments);

/// The highest position seen of each tenant. A router's next position is above it, so that the
/// positions of a tenant's routers follow the order in which one process appended (a Lamport
/// clock), and a page of feedback across routers has an order. Thread-safe.
class RedisClock final {
 public:
  LogPosition now(const std::string& tenant) const;
  void saw(const std::string& tenant, LogPosition position);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, LogPosition, std::less<>> latest_;
};

/// Appends one group in two or three round trips:
///
///  1. asks for the store's id, for the routers of the decisions and for those that hold the
///     idempotency keys; in a cluster, claims the query_ids of new decisions;
///  2. only where a key was used in another router: reads its entry there;
///  3. runs one script a router, which judges and appends (stores/redis/append.lua); in a cluster,
///     names sessions and keys in their directories before. On one node it asks for the store's id
///     again after them: where Redis was emptied in between, what they appended is in doubt.
///
/// What is written beside the scripts is a hint: harmless where the script then does not run. On
/// one node the script writes it itself, because with appendfsync always each command that writes
/// may cost a sync of its own.
class RedisAppend final {
 public:
  struct Options {
    std::size_t max_record_bytes = 0;
    std::size_t max_group_bytes = 0;
    bool cluster = false;
  };

  RedisAppend(RedisNodes& nodes, const RedisIdentity& identity, const RedisScriptNames& scripts,
              RedisClock& clock, const Options& options)
      : nodes_(nodes), identity_(identity), scripts_(scripts), clock_(clock), options_(options) {}

  Result<std::vector<AppendResult>> run(std::span<const AppendRequest> group);

 private:
  RedisNodes& nodes_;
  const RedisIdentity& identity_;
  const RedisScriptNames& scripts_;
  RedisClock& clock_;
  const Options options_;
};

}  // namespace pointsman
