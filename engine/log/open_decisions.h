#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/log/decision_source.h"

namespace pointsman {

/// The decisions of one router that may still take feedback, with what was said of them, in memory.
/// Bounded: the oldest goes first. Thread-safety: none.
class OpenDecisions final : public DecisionSource {
 public:
  explicit OpenDecisions(std::size_t capacity) : capacity_(capacity) {}

  /// Null where it is unknown or forgotten. Good until the next put().
  const Decision* decision(std::string_view query_id) const;

  /// Keeps a decision, or what a record says of one that is here; passes over any other record.
  void put(const StoredRecord& stored);

  Result<std::vector<StoredRecord>> find(std::string_view tenant, std::string_view query_id,
                                         LogPosition upper) override;
  /// Always empty: a Router takes no session feedback.
  Result<std::vector<StoredRecord>> session_records(const Scope& scope, std::string_view session_id,
                                                    LogPosition upper) override;

 private:
  std::size_t capacity_;
  std::unordered_map<std::string, std::vector<StoredRecord>> records_;  ///< A decision is first.
  std::deque<std::string> oldest_first_;
};

}  // namespace pointsman
