#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/records.h"
#include "engine/result.h"

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

}  // namespace pointsman
