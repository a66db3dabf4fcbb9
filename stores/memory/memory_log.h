#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine/log/record_codec.h"
#include "engine/log/store.h"
#include "stores/append_rules.h"
#include "stores/memory/memory_store.h"

namespace pointsman {

/// The records of a MemoryStore with their indexes: what is there, what is added, what goes. Not
/// thread-safe.
class MemoryLog final : public AppendIndex {
 public:
  using Slots = std::vector<std::pair<std::string, SlotEntry>>;

  struct RouterLog {
    std::deque<LogPosition> positions;
    Slots slots;
    StoreCounts counts;
    std::map<std::string, std::uint64_t> feedback_by_type;
    std::map<Timestamp, std::uint64_t> open_until;
    std::vector<Checkpoint> checkpoints;  ///< Newest first, at most two.
    LogPosition pruned_below = 0;
  };

  struct SessionLog {
    std::deque<LogPosition> positions;
    std::uint64_t decisions = 0;
    Slots slots;
  };

  struct DecisionLog {
    DecisionEntry entry;
    std::vector<LogPosition> positions;  ///< Of the decision and of all that names it.
    Slots slots;
  };

  explicit MemoryLog(const MemoryStoreOptions& options) : options_(options) {}

  std::optional<KeyEntry> find_key(std::string_view tenant, const IdempotencyKey& key,
                                   std::string_view router) override;
  std::optional<DecisionEntry> find_decision(std::string_view tenant,
                                             std::string_view query_id) override;
  std::optional<SlotEntry> find_slot(const SubjectKey& subject, std::string_view name) override;
  Result<LogPosition> add_record(const Scope& scope, const Record& record,
                                 LogPosition /*decision*/) override;
  void put_key(std::string_view tenant, const IdempotencyKey& key, const KeyEntry& entry) override;
  void put_decision(std::string_view tenant, std::string_view query_id,
                    const DecisionEntry& entry) override;
  void put_slot(const SubjectKey& subject, std::string_view name, const SlotEntry& entry) override;

  /// The oldest records above max_records go, and so do the oldest keys.
  void evict();

  /// The records at `positions` that are still kept, in that order.
  template <class Positions>
  Result<std::vector<StoredRecord>> read(const Positions& positions) const {
    std::vector<StoredRecord> read;
    read.reserve(positions.size());
    for (const LogPosition position : positions) {
      const StoredBytes& stored = records_[position - first_];
      Result<Record> record = decode(stored.bytes);
      if (!record.ok()) return record.error();
      read.push_back({stored.scope, position, std::move(record).value()});
    }
    return read;
  }

  const DecisionLog* decision(std::string_view tenant, std::string_view query_id) const;
  const SessionLog* session(const Scope& scope, std::string_view id) const;
  const std::deque<LogPosition>* feedback(std::string_view tenant) const;
  std::map<Scope, RouterLog>& routers() { return routers_; }
  PruneOutcome prune(const PruneStep& step);

  std::uint64_t evicted() const { return evicted_; }
  std::uint64_t pruned() const { return pruned_; }
  std::size_t kept() const { return records_.size() - holes_; }
  const MemoryStoreOptions& options() const { return options_; }

 private:
  struct StoredBytes {
    Scope scope;
    std::string bytes;  ///< Empty: pruned.
  };

  /// What one pruning step takes out.
  struct Doomed {
    std::unordered_set<LogPosition> positions;
    std::vector<std::string> decisions;  ///< Keys of the maps of the same name.
    std::vector<std::string> sessions;
  };

  Slots* slots_of(const SubjectKey& key);
  SessionLog& add_to_session(const Scope& scope, std::string_view id, LogPosition position);
  void add_to_decision(const Scope& scope, std::string_view query_id, LogPosition position);
  void index(const Scope& scope, RouterLog& router, LogPosition position, const Decision& body);
  void index(const Scope& scope, RouterLog& router, LogPosition position, const Outcome& body);
  void index(const Scope& scope, RouterLog& router, LogPosition position, const Feedback& body);
  void index(const Scope& scope, RouterLog& router, LogPosition position,
             const SessionFeedback& body);
  template <class Other>
  void index(const Scope&, RouterLog&, LogPosition, const Other&) {}

  /// Dooms the unit that begins with the record at `position`, where one does and it is over.
  void judge(const PruneStep& step, LogPosition position, Doomed& doomed);
  bool doom_decision(const PruneStep& step, std::string_view query_id, Doomed& doomed);
  void judge_session(const PruneStep& step, std::string_view id, LogPosition position,
                     Doomed& doomed);
  void remove(RouterLog& router, const Scope& scope, const Doomed& doomed);
  void drop_hole();
  void forget_keys(Timestamp now);
  static void close(RouterLog& router, const DecisionEntry& entry);
  void evict_oldest();
  void evict_decision(const Scope& scope, RouterLog& router, LogPosition position,
                      const Decision& decision);
  void evict_from_session(const Scope& scope, std::string_view id, LogPosition position,
                          std::uint64_t decisions);

  const MemoryStoreOptions options_;
  LogPosition first_ = 1;  ///< Of records_.front(); positions have no gaps here.
  std::uint64_t evicted_ = 0;
  std::uint64_t pruned_ = 0;
  std::size_t holes_ = 0;  ///< Entries of records_ that were pruned.
  std::deque<StoredBytes> records_;
  std::map<Scope, RouterLog> routers_;
  std::unordered_map<std::string, DecisionLog> decisions_;
  std::unordered_map<std::string, SessionLog> sessions_;
  std::map<std::string, std::deque<LogPosition>, std::less<>> feedback_;
  std::unordered_map<std::string, std::vector<KeyEntry>> keys_;
  std::deque<std::string> keys_by_age_;
};

}  // namespace pointsman
