#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/log/store.h"

namespace pointsman {

class MemoryLog;

struct MemoryStoreOptions {
  std::size_t max_records = 1'000'000;       ///< The oldest above this are evicted.
  std::size_t max_record_bytes = 16U << 20;  ///< Encoded; a larger record is `failed`.
};

/// The log in this process's memory, for tests and trials: it survives nothing. Bounded: above
/// max_records the oldest records go, and with a decision go its slots, so that later feedback on
/// it is `unknown`; settings() says how many went. Counts are since the start, evicted ones
/// included. At most max_records idempotency keys are kept, too.
///
/// Thread-safety: all calls, one mutex.
class MemoryStore final : public Store {
 public:
  explicit MemoryStore(const MemoryStoreOptions& options = {});
  ~MemoryStore() override;

  Result<std::vector<AppendResult>> append(std::span<const AppendRequest> group) override;
  Result<std::vector<StoredRecord>> find(std::string_view tenant, std::string_view query_id,
                                         LogPosition upper) override;
  Result<std::vector<StoredRecord>> session_records(const Scope& scope, std::string_view session_id,
                                                    LogPosition upper) override;
  Result<std::vector<Scope>> session_scopes(std::string_view tenant,
                                            std::string_view session_id) override;
  Result<std::vector<StoredRecord>> scan(const Scope& scope, LogPosition after,
                                         std::size_t limit) override;
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
  Status check(StoreCheck) override { return Done{}; }
  std::vector<std::pair<std::string, std::string>> settings() const override;
  bool shared() const override { return false; }
  bool evicts() const override { return true; }
  std::uint64_t connections() const override { return 0; }

 private:
  mutable std::mutex mutex_;
  std::unique_ptr<MemoryLog> log_;
};

}  // namespace pointsman
