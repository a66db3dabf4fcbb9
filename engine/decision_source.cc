#include "engine/decision_source.h"

#include <iterator>
#include <utility>

namespace pointsman {

Result<std::vector<StoredRecord>> DecisionSource::find_all(std::string_view tenant,
                                                           std::span<const std::string> query_ids,
                                                           LogPosition upper) {
  std::vector<StoredRecord> all;
  for (const std::string& query_id : query_ids) {
    auto found = find(tenant, query_id, upper);
    if (!found) return found.error();
    std::move(found->begin(), found->end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace pointsman
