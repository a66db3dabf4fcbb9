#include "engine/log/open_decisions.h"

#include <algorithm>
#include <variant>

namespace pointsman {

const Decision* OpenDecisions::decision(std::string_view query_id) const {
  const auto at = records_.find(std::string(query_id));
  return at == records_.end() ? nullptr : &std::get<Decision>(at->second.front().record.body);
}

void OpenDecisions::put(const StoredRecord& stored) {
  const RecordBody& body = stored.record.body;
  if (const auto* decision = std::get_if<Decision>(&body)) {
    while (oldest_first_.size() >= std::max<std::size_t>(capacity_, 1)) {
      records_.erase(oldest_first_.front());
      oldest_first_.pop_front();
    }
    oldest_first_.push_back(decision->query_id);
    records_[decision->query_id] = {stored};
    return;
  }
  const std::string* query_id = query_id_of(body);
  if (query_id == nullptr) return;
  const auto at = records_.find(*query_id);
  if (at != records_.end()) at->second.push_back(stored);
}

Result<std::vector<StoredRecord>> OpenDecisions::find(std::string_view, std::string_view query_id,
                                                      LogPosition upper) {
  const auto at = records_.find(std::string(query_id));
  if (at == records_.end()) return std::vector<StoredRecord>{};
  std::vector<StoredRecord> found;
  for (const StoredRecord& stored : at->second) {
    if (stored.position <= upper) found.push_back(stored);
  }
  return found;
}

Result<std::vector<StoredRecord>> OpenDecisions::session_records(const Scope&, std::string_view,
                                                                 LogPosition) {
  return std::vector<StoredRecord>{};
}

}  // namespace pointsman
