#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/log/store.h"

namespace pointsman {

struct RedisStoreOptions {
  std::string url;  ///< redis://[[user]:password@]host[:port][/database]; see redis_url.h.
  std::chrono::milliseconds connect_timeout{500};
  std::chrono::milliseconds command_timeout{2'000};  ///< Without a byte sent or received.
  std::size_t connections = 8;                       ///< A node, at most; a further call waits.
  std::size_t max_record_bytes = 16U << 20;          ///< Encoded; a larger record is `failed`.
  std::size_t max_group_bytes = 256U << 20;          ///< Records of one append; above, `exhausted`.
};

/// The log in Redis 6.2 or later, for any number of writing processes. Each append runs one Lua
/// script a router, which judges and appends in one atomic step; see redis_append.h for its round
/// trips and redis_keys.h for what stands in Redis.
///
/// Atomicity is a router's: a group that spans routers is one script each. Where one of them fails
/// after another ran, the error is `in_doubt`, and the group given again completes the rest.
///
/// Durability is Redis's own: with appendonly yes and appendfsync always an acknowledged record
/// survives a power loss of that machine; with everysec it survives the end of the process in most
/// cases; see settings(). A failover to a replica may lose acknowledged records, and then other
/// records may come to stand at their positions: Routers compares record ids.
///
/// Nothing of the log is ever trimmed or expired, and neither is what find() and session_records()
/// read, because a fold from an old checkpoint asks for decisions long past their expiry: prune()
/// takes both out together. In a cluster it leaves the claims (pm:q) and the sessions' directories
/// (pm:s), which stand on other nodes: to Redis they are a hundred bytes a decision, to a reader
/// nothing. Only idempotency keys go by themselves: a day after their decision's expiry, and after
/// eight days at the least. A maxmemory-policy that evicts would lose records: it is refused at
/// open.
///
/// A query_id that one router has claimed in an attempt that came to nothing stays that router's;
/// another router gets `conflict`. A key used for the first time in two routers at the same moment
/// is judged in each router alone.
///
/// A Redis that was emptied or exchanged for another store is refused until the server is started
/// anew: see redis_identity.h.
///
/// Errors: `unavailable`, `in_doubt` (sent, but the answer did not come), `exhausted`, `corrupt`.
/// At open also `invalid`. The connection is made anew by itself. Thread-safety: all calls.
class RedisStore final : public Store {
 public:
  static Result<std::unique_ptr<RedisStore>> open(const RedisStoreOptions& options);
  ~RedisStore() override;

  Result<std::vector<AppendResult>> append(std::span<const AppendRequest> group) override;
  Result<std::vector<StoredRecord>> find(std::string_view tenant, std::string_view query_id,
                                         LogPosition upper) override;
  Result<std::vector<StoredRecord>> find_all(std::string_view tenant,
                                             std::span<const std::string> query_ids,
                                             LogPosition upper) override;
  Result<std::vector<StoredRecord>> session_records(const Scope& scope, std::string_view session_id,
                                                    LogPosition upper) override;
  Result<std::vector<Scope>> session_scopes(std::string_view tenant,
                                            std::string_view session_id) override;
  Result<std::vector<StoredRecord>> scan(const Scope& scope, LogPosition after,
                                         std::size_t limit) override;
  /// Across routers in the order of positions, which is that of time for what one process appended
  /// (and close to it otherwise). Positions that two routers share stand on one page, which may so
  /// come out shorter than `limit`.
  Result<std::vector<StoredRecord>> recent_feedback(std::string_view tenant, LogPosition before,
                                                    std::size_t limit) override;
  Result<std::vector<LogHead>> heads() override;
  Status save_checkpoint(const Checkpoint& checkpoint) override;
  Result<std::vector<Checkpoint>> load_checkpoints(const Scope& scope) override;
  Status drop_checkpoint(const Checkpoint& checkpoint) override;
  Result<PruneOutcome> prune(const PruneStep& step) override;
  Result<LogPosition> pruned_below(const Scope& scope) override;
  Status compact() override;
  Result<StoreCounts> counts(const Scope& scope, Timestamp now) override;
  Status check(StoreCheck how) override;
  std::vector<std::pair<std::string, std::string>> settings() const override;
  bool shared() const override { return true; }
  std::uint64_t connections() const override;

 private:
  class Link;
  explicit RedisStore(std::unique_ptr<Link> link);

  std::unique_ptr<Link> link_;
};

}  // namespace pointsman
