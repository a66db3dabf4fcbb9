#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "stores/memory/memory_store.h"

namespace pointsman::testing_stores {

/// A shared store in memory that a failover can take the newest records from, and that counts what
/// it is asked. Its checkpoints stay, as those of a replica that was ahead would.
class LosingStore final : public Store {
 public:
  /// The log loses all above `last`. `noticed`: the connection was lost with it.
  void lose_above(LogPosition last, bool noticed = true) {
    auto older = std::make_unique<MemoryStore>();
    appended_.resize(last);
    for (const AppendRequest& request : appended_) (void)older->append({&request, 1});
    for (const Checkpoint& checkpoint : checkpoints_) (void)older->save_checkpoint(checkpoint);
    inner_ = std::move(older);
    if (noticed) ++connections_;
  }

  Result<std::vector<AppendResult>> append(std::span<const AppendRequest> group) override {
    auto results = inner_->append(group);
    for (std::size_t i = 0; i < group.size(); ++i) {
      const AppendStatus status = (*results)[i].status;
      if (status == AppendStatus::recorded || status == AppendStatus::revised) {
        appended_.push_back(group[i]);  // Positions of a store in memory count the records.
      }
    }
    return results;
  }
  Result<std::vector<StoredRecord>> find(std::string_view tenant, std::string_view query_id,
                                         LogPosition upper) override {
    ++finds;
    return inner_->find(tenant, query_id, upper);
  }
  Result<std::vector<StoredRecord>> find_all(std::string_view tenant,
                                             std::span<const std::string> query_ids,
                                             LogPosition upper) override {
    found_together += query_ids.size();
    return inner_->find_all(tenant, query_ids, upper);
  }
  Result<std::vector<StoredRecord>> session_records(const Scope& scope, std::string_view session_id,
                                                    LogPosition upper) override {
    return inner_->session_records(scope, session_id, upper);
  }
  Result<std::vector<Scope>> session_scopes(std::string_view tenant,
                                            std::string_view session_id) override {
    return inner_->session_scopes(tenant, session_id);
  }
  Result<std::vector<StoredRecord>> scan(const Scope& scope, LogPosition after,
                                         std::size_t limit) override {
    ++scans;
    auto records = inner_->scan(scope, after, limit);
    if (records) scanned += records->size();
    if (const auto act = std::exchange(after_next_scan, nullptr)) act();
    return records;
  }
  Result<std::vector<StoredRecord>> recent_feedback(std::string_view tenant, LogPosition before,
                                                    std::size_t limit) override {
    return inner_->recent_feedback(tenant, before, limit);
  }
  Result<std::vector<LogHead>> heads() override {
    ++heads_asked;
    return inner_->heads();
  }
  Status save_checkpoint(const Checkpoint& checkpoint) override {
    if (checkpoints_fail) return Error{ErrorCode::unavailable, "told to fail", ""};
    Status saved = inner_->save_checkpoint(checkpoint);
    if (saved) checkpoints_.push_back(checkpoint);
    return saved;
  }
  Result<std::vector<Checkpoint>> load_checkpoints(const Scope& scope) override {
    if (loads_fail) return Error{ErrorCode::unavailable, "told to fail", ""};
    return inner_->load_checkpoints(scope);
  }
  Status drop_checkpoint(const Checkpoint& checkpoint) override {
    return inner_->drop_checkpoint(checkpoint);
  }
  Result<PruneOutcome> prune(const PruneStep& step) override { return inner_->prune(step); }
  Result<LogPosition> pruned_below(const Scope& scope) override {
    return inner_->pruned_below(scope);
  }
  Status compact() override { return inner_->compact(); }
  Result<StoreCounts> counts(const Scope& scope, Timestamp now) override {
    return inner_->counts(scope, now);
  }
  Status check(StoreCheck how) override { return inner_->check(how); }
  std::vector<std::pair<std::string, std::string>> settings() const override {
    return inner_->settings();
  }
  bool shared() const override { return true; }
  std::uint64_t connections() const override { return connections_; }

  bool checkpoints_fail = false;  ///< None is saved.
  bool loads_fail = false;        ///< None is read.
  std::size_t scans = 0;
  std::size_t scanned = 0;  ///< Records that scans gave.
  std::size_t heads_asked = 0;
  std::function<void()> after_next_scan;  ///< What happens while its records are on their way.
  std::size_t finds = 0;                  ///< Decisions that were asked for alone.
  std::size_t found_together = 0;         ///< Decisions that were asked for with others.

 private:
  std::unique_ptr<MemoryStore> inner_ = std::make_unique<MemoryStore>();
  std::vector<AppendRequest> appended_;
  std::vector<Checkpoint> checkpoints_;
  std::uint64_t connections_ = 1;
};

}  // namespace pointsman::testing_stores
