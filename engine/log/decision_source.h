#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/log/records.h"
#include "engine/values/result.h"

namespace pointsman {

/// Where a fold reads the decisions that it no longer has at hand: a store, or what a Router keeps.
/// Thread-safety and errors are the implementation's.
class DecisionSource {
 public:
  virtual ~DecisionSource() = default;

  /// The decision `query_id` and every outcome and feedback on it, at or below `upper`, in order.
  /// Empty where the id is unknown. Session feedback is not part of it: see session_records.
  virtual Result<std::vector<StoredRecord>> find(std::string_view tenant, std::string_view query_id,
                                                 LogPosition upper) = 0;

  /// What find() gives for each of these ids, in order within a decision; those of the decisions
  /// follow in any order. Asks one after the other, unless the source knows better.
  virtual Result<std::vector<StoredRecord>> find_all(std::string_view tenant,
                                                     std::span<const std::string> query_ids,
                                                     LogPosition upper);

  /// The decisions and the session feedback of a session in one router, at or below `upper`.
  virtual Result<std::vector<StoredRecord>> session_records(const Scope& scope,
                                                            std::string_view session_id,
                                                            LogPosition upper) = 0;
};

/// The query_id of the decision that a record is or speaks of; null for any other record.
const std::string* query_id_of(const RecordBody& body);

/// The session_records() of the decision that `own`, what find() gave, begins with. Empty where it
/// has no session, or `own` is empty.
Result<std::vector<StoredRecord>> session_of(DecisionSource& source,
                                             const std::vector<StoredRecord>& own,
                                             LogPosition upper);

/// Decisions that were read together beforehand, and a source for the others.
class FetchedDecisions final : public DecisionSource {
 public:
  /// `others` must outlive this.
  explicit FetchedDecisions(DecisionSource& others) : others_(others) {}

  /// Reads these and what was said of them at or below `upper`, which no find() may ask above.
  Status fetch(std::string_view tenant, std::span<const std::string> query_ids, LogPosition upper);

  Result<std::vector<StoredRecord>> find(std::string_view tenant, std::string_view query_id,
                                         LogPosition upper) override;
  Result<std::vector<StoredRecord>> session_records(const Scope& scope, std::string_view session_id,
                                                    LogPosition upper) override;

 private:
  DecisionSource& others_;
  std::unordered_map<std::string, std::vector<StoredRecord>> fetched_;  ///< Of one tenant.
};

}  // namespace pointsman
