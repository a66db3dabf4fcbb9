#include "engine/log/decision_source.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

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

const std::string* query_id_of(const RecordBody& body) {
  if (const auto* decision = std::get_if<Decision>(&body)) return &decision->query_id;
  if (const auto* outcome = std::get_if<Outcome>(&body)) return &outcome->query_id;
  if (const auto* feedback = std::get_if<Feedback>(&body)) return &feedback->query_id;
  return nullptr;
}

Result<std::vector<StoredRecord>> session_of(DecisionSource& source,
                                             const std::vector<StoredRecord>& own,
                                             LogPosition upper) {
  const auto* decision = own.empty() ? nullptr : std::get_if<Decision>(&own.front().record.body);
  if (decision == nullptr || decision->session_id.empty()) return std::vector<StoredRecord>{};
  return source.session_records(own.front().scope, decision->session_id, upper);
}

Status FetchedDecisions::fetch(std::string_view tenant, std::span<const std::string> query_ids,
                               LogPosition upper) {
  auto found = others_.find_all(tenant, query_ids, upper);
  if (!found) return found.error();
  for (StoredRecord& stored : *found) {
    if (const std::string* query_id = query_id_of(stored.record.body)) {
      fetched_[*query_id].push_back(std::move(stored));
    }
  }
  return Done{};
}

Result<std::vector<StoredRecord>> FetchedDecisions::find(std::string_view tenant,
                                                         std::string_view query_id,
                                                         LogPosition upper) {
  const auto at = fetched_.find(std::string(query_id));
  if (at == fetched_.end()) return others_.find(tenant, query_id, upper);
  std::vector<StoredRecord> found;
  std::copy_if(at->second.begin(), at->second.end(), std::back_inserter(found),
               [upper](const StoredRecord& stored) { return stored.position <= upper; });
  return found;
}

Result<std::vector<StoredRecord>> FetchedDecisions::session_records(const Scope& scope,
                                                                    std::string_view session_id,
                                                                    LogPosition upper) {
  return others_.session_records(scope, session_id, upper);
}

}  // namespace pointsman
