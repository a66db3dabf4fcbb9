#pragma once

#include <cstddef>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/routers/committed.h"

namespace pointsman {

/// Whether the store took the record: a duplicate, a conflict or a refusal is none of the log's.
inline bool was_appended(AppendStatus status) {
  return status == AppendStatus::recorded || status == AppendStatus::revised;
}

/// A group on its way from the store into the folds. In a shared store others' records may stand
/// between the group's own, so each router's log is scanned once. What the scan folds of the group
/// is described there and then, because its answer must not speak of what follows it.
struct Folding {
  Folding(std::vector<AppendRequest> requests, const std::vector<AppendResult>& results,
          bool shared)
      : group(std::move(requests)), committed(group.size()), described(group.size(), false) {
    for (std::size_t i = 0; i < group.size(); ++i) {
      committed[i].status = results[i].status;
      committed[i].position = results[i].position;
      committed[i].scope = results[i].scope;
      committed[i].message = results[i].message;
      if (shared && was_appended(results[i].status))
        awaited_[results[i].scope].places[results[i].position] = i;
    }
  }

  /// True once for each router of a shared store.
  bool must_scan(const Scope& scope) {
    const auto found = awaited_.find(scope);
    return found != awaited_.end() && !std::exchange(found->second.scanned, true);
  }

  /// The group's record at this position, or nothing.
  const std::size_t* find(const Scope& scope, LogPosition position) const {
    const auto found = awaited_.find(scope);
    if (found == awaited_.end()) return nullptr;
    const auto place = found->second.places.find(position);
    return place == found->second.places.end() ? nullptr : &place->second;
  }

  std::vector<AppendRequest> group;
  std::vector<Committed> committed;  ///< An entry a request, in the group's order.
  std::vector<bool> described;       ///< The entries of `committed` that are filled in.

 private:
  struct Awaited {
    std::unordered_map<LogPosition, std::size_t> places;
    bool scanned = false;
  };
  std::map<Scope, Awaited> awaited_;
};

}  // namespace pointsman
