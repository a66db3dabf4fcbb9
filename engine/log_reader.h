#pragma once

#include <cstddef>
#include <future>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "engine/store.h"

namespace pointsman {

/// The records of some decisions, by query_id: each decision, then what was said of it, in order.
using RecordsByDecision = std::unordered_map<std::string, std::vector<StoredRecord>>;

/// Adds what find_all() gave, each record to its decision's.
void add_by_decision(std::vector<StoredRecord> found, RecordsByDecision& out);

/// Records that follow one another in a log.
struct LogBatch {
  std::vector<StoredRecord> records;
  /// Decisions of long ago that the records speak of, with what was said of them up to the last
  /// record. Not every such decision need be here.
  RecordsByDecision earlier;
};

/// Reads one log in order, a batch at a time. In a long log it reads ahead: while the caller folds
/// a batch, another thread fetches and decodes the next one, which takes about as long as folding.
/// What the records ahead say of decisions that the caller has probably forgotten is fetched with
/// them, in one call for them all.
///
/// Thread-safety: none; one caller. The store is asked from a second thread while next() is not
/// running, and no more once this is gone.
class LogReader final {
 public:
  static constexpr std::size_t kBatch = 4096;

  /// `store` must outlive this. Begins above `after`. The caller has the newest `at_hand` decisions
  /// that it came by at hand and wants the others; without a number it wants none.
  LogReader(Store& store, Scope scope, LogPosition after,
            std::optional<std::size_t> at_hand = std::nullopt)
      : store_(store), scope_(std::move(scope)), after_(after) {
    if (at_hand) at_hand_.emplace(*at_hand);
  }
  LogReader(const LogReader&) = delete;
  LogReader& operator=(const LogReader&) = delete;

  /// The next records, at most kBatch; fewer: the log ends here, for now. Errors: the store's.
  Result<LogBatch> next();

 private:
  /// The hashes of the newest query_ids. Two ids may share one: then a decision is not fetched.
  class Recent final {
   public:
    explicit Recent(std::size_t capacity) : ring_(capacity) {}
    /// False where it is one of the newest already.
    bool insert(const std::string& query_id);

   private:
    std::vector<std::size_t> ring_;
    std::size_t oldest_ = 0;
    std::unordered_set<std::size_t> held_;
  };

  Result<LogBatch> read_ahead(LogPosition after);
  /// Takes note of a batch's decisions; the ids of those it speaks of that are not recent.
  std::vector<std::string> note(const std::vector<StoredRecord>& records);

  Store& store_;
  const Scope scope_;
  LogPosition after_;
  std::optional<Recent> at_hand_;
  std::future<Result<LogBatch>> ahead_;  ///< Last: its end waits for the thread.
};

/// Decisions that were fetched already, and a store for the others. Thread-safety: the store's.
class FetchedDecisions final : public DecisionSource {
 public:
  /// Both must outlive this.
  FetchedDecisions(const RecordsByDecision& fetched, DecisionSource& others)
      : fetched_(fetched), others_(others) {}

  Result<std::vector<StoredRecord>> find(std::string_view tenant, std::string_view query_id,
                                         LogPosition upper) override;
  Result<std::vector<StoredRecord>> session_records(const Scope& scope, std::string_view session_id,
                                                    LogPosition upper) override;

 private:
  const RecordsByDecision& fetched_;
  DecisionSource& others_;
};

}  // namespace pointsman
