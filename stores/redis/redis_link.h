#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/log/store.h"
#include "stores/redis/redis_append.h"
#include "stores/redis/redis_identity.h"
#include "stores/redis/redis_nodes.h"
#include "stores/redis/redis_store.h"

namespace pointsman {

/// What Redis said of itself when the store was opened.
struct RedisFound {
  std::string version;
  std::string appendonly;
  std::string appendfsync;  ///< "unknown" where CONFIG is forbidden.
  std::string maxmemory_policy;
  std::string role;
  bool cluster = false;
};

/// Which records of a log to read.
struct RedisLogRange {
  LogPosition after = 0;
  LogPosition below = 0;  ///< 0: to the end.
  std::size_t limit = 0;
  bool over_gaps = false;  ///< What is left of a pruned log, too; else that is an Error.
};

/// Asks Redis for its settings. Errors: the connection's; `invalid` for settings that would lose
/// records (an evicting maxmemory-policy), for a replica and for a version before 6.2.
Result<RedisFound> look_at_redis(RedisNodes& nodes);

/// What a record survives under these settings, as a sentence for a person.
std::string redis_survival(const RedisFound& found);

/// The inside of RedisStore, so that its header needs no hiredis.
class RedisStore::Link final {
 public:
  Link(const RedisStoreOptions& options, const RedisNodes::Options& nodes_options)
      : options_(options),
        nodes_(nodes_options),
        checking_(checking_options(nodes_options)),
        server_(text_of(nodes_options.connection.url.address)) {}

  /// Looks at Redis, loads the scripts and reads the highest position of each tenant.
  Status start();

  /// One command; an answer that refuses it is an Error.
  Result<RedisReply> ask(RedisCommand command);
  /// Commands; the first refusal is the Error.
  Result<std::vector<RedisReply>> ask_all(std::vector<RedisCommand> commands);
  /// The same, and each runs after the one before it: a cluster may redirect them one by one.
  Result<std::vector<RedisReply>> ask_in_order(std::vector<RedisCommand> commands);
  /// See Store::check().
  Status check(StoreCheck how);
  /// Every log that has a record, in order. An error, too, where this is not the store that was
  /// opened: a replica must not take an empty Redis for what became of its log.
  Result<std::vector<LogHead>> heads();
  /// Errors: `pruned` where the range begins in what was pruned.
  Result<std::vector<StoredRecord>> read_log(const Scope& scope, const RedisLogRange& range);
  /// Runs the reading script on a decision's or a session's hash.
  Result<std::vector<StoredRecord>> read_indexed(const Scope& scope, const std::string& index,
                                                 LogPosition upper);
  /// The same of several indexes, each of its scope, in one round; all their records together.
  struct Index {
    Scope scope;
    std::string key;
  };
  Result<std::vector<StoredRecord>> read_all_indexed(const std::vector<Index>& indexes,
                                                     LogPosition upper);

  RedisNodes& nodes() { return nodes_; }
  const RedisIdentity& identity() const { return identity_; }
  RedisClock& clock() { return clock_; }
  const RedisScriptNames& scripts() const { return scripts_; }
  const RedisFound& found() const { return found_; }
  const RedisStoreOptions& options() const { return options_; }
  const std::string& server() const { return server_; }
  std::uint64_t connected() const { return nodes_.connected(); }

 private:
  static RedisNodes::Options checking_options(RedisNodes::Options options);
  Status load_scripts();

  const RedisStoreOptions options_;
  RedisNodes nodes_;
  RedisNodes checking_;  ///< A connection that no other call is waited for on.
  RedisIdentity identity_;
  const std::string server_;  ///< host:port, without user and password.
  RedisClock clock_;
  RedisScriptNames scripts_;
  RedisFound found_;
};

}  // namespace pointsman
