#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "engine/log/store.h"

namespace pointsman::testing_server {

/// A store in front of another, whose appends wait or fail when they are told to. Thread-safe.
class FaultStore final : public Store {
 public:
  enum class Fault {
    none,
    unavailable,  ///< Nothing is appended.
    in_doubt,     ///< Everything is appended, and the caller is told that nobody knows.
  };

  explicit FaultStore(Store& inner) : inner_(inner) {}

  void set(Fault fault) { fault_.store(fault); }
  /// Reading a decision fails too, as when the fold or an answer needs it.
  void fail_find(bool fails) { find_fails_.store(fails); }
  void fail_heads(bool fails) { heads_fail_.store(fails); }
  /// Reading checkpoints fails, as when a router is to wake.
  void fail_loads(bool fails) { loads_fail_.store(fails); }

  /// What recent_feedback() gives from now on, newest first; set before any request.
  void set_recent(std::vector<StoredRecord> recent) { recent_ = std::move(recent); }

  /// From here on appends wait, until release().
  void hold() {
    const std::scoped_lock lock(mutex_);
    held_ = true;
  }
  void release() {
    {
      const std::scoped_lock lock(mutex_);
      held_ = false;
    }
    changed_.notify_all();
  }
  /// Waits until an append waits.
  void await_held() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_; });
  }

  /// The sizes of the groups so far.
  std::vector<std::size_t> groups() const {
    const std::scoped_lock lock(mutex_);
    return groups_;
  }

  Result<std::vector<AppendResult>> append(std::span<const AppendRequest> group) override {
    {
      std::unique_lock lock(mutex_);
      groups_.push_back(group.size());
      waiting_ = held_;
      changed_.notify_all();
      changed_.wait(lock, [&] { return !held_; });
      waiting_ = false;
    }
    if (fault_ == Fault::unavailable) return Error{ErrorCode::unavailable, "told to fail", ""};
    auto result = inner_.append(group);
    if (fault_ == Fault::in_doubt) return Error{ErrorCode::in_doubt, "told to doubt", ""};
    return result;
  }

  Result<std::vector<StoredRecord>> find(std::string_view tenant, std::string_view query_id,
                                         LogPosition upper) override {
    if (find_fails_) return Error{ErrorCode::unavailable, "told to fail", ""};
    return inner_.find(tenant, query_id, upper);
  }
  Result<std::vector<StoredRecord>> session_records(const Scope& scope, std::string_view session_id,
                                                    LogPosition upper) override {
    return inner_.session_records(scope, session_id, upper);
  }
  Result<std::vector<Scope>> session_scopes(std::string_view tenant,
                                            std::string_view session_id) override {
    return inner_.session_scopes(tenant, session_id);
  }
  Result<std::vector<StoredRecord>> scan(const Scope& scope, LogPosition after,
                                         std::size_t limit) override {
    return inner_.scan(scope, after, limit);
  }
  Result<std::vector<StoredRecord>> recent_feedback(std::string_view tenant, LogPosition before,
                                                    std::size_t limit) override {
    if (!recent_) return inner_.recent_feedback(tenant, before, limit);
    std::vector<StoredRecord> page;
    for (const StoredRecord& stored : *recent_) {
      if (page.size() < limit && (before == 0 || stored.position < before)) page.push_back(stored);
    }
    return page;
  }
  Result<std::vector<LogHead>> heads() override {
    if (heads_fail_) return Error{ErrorCode::unavailable, "told to fail", ""};
    return inner_.heads();
  }
  Status save_checkpoint(const Checkpoint& checkpoint) override {
    return inner_.save_checkpoint(checkpoint);
  }
  Result<std::vector<Checkpoint>> load_checkpoints(const Scope& scope) override {
    if (loads_fail_) return Error{ErrorCode::unavailable, "told to fail", ""};
    return inner_.load_checkpoints(scope);
  }
  Status drop_checkpoint(const Checkpoint& checkpoint) override {
    return inner_.drop_checkpoint(checkpoint);
  }
  Result<PruneOutcome> prune(const PruneStep& step) override { return inner_.prune(step); }
  Result<LogPosition> pruned_below(const Scope& scope) override {
    return inner_.pruned_below(scope);
  }
  Status compact() override { return inner_.compact(); }
  Result<StoreCounts> counts(const Scope& scope, Timestamp now) override {
    return inner_.counts(scope, now);
  }
  Status check(StoreCheck how) override { return inner_.check(how); }
  std::vector<std::pair<std::string, std::string>> settings() const override {
    return inner_.settings();
  }
  bool shared() const override { return inner_.shared(); }
  bool evicts() const override { return inner_.evicts(); }
  std::uint64_t connections() const override { return inner_.connections(); }

 private:
  Store& inner_;
  std::atomic<Fault> fault_{Fault::none};
  std::atomic<bool> find_fails_{false};
  std::atomic<bool> heads_fail_{false};
  std::atomic<bool> loads_fail_{false};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  bool waiting_ = false;
  std::vector<std::size_t> groups_;
  std::optional<std::vector<StoredRecord>> recent_;
};

}  // namespace pointsman::testing_server
