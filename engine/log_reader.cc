#include "engine/log_reader.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <variant>

namespace pointsman {
namespace {

/// The decision that a record is, or that it speaks of; null for any other record.
const std::string* decision_of(const RecordBody& body) {
  if (const auto* decision = std::get_if<Decision>(&body)) return &decision->query_id;
  if (const auto* outcome = std::get_if<Outcome>(&body)) return &outcome->query_id;
  if (const auto* feedback = std::get_if<Feedback>(&body)) return &feedback->query_id;
  return nullptr;
}

}  // namespace

void add_by_decision(std::vector<StoredRecord> found, RecordsByDecision& out) {
  for (StoredRecord& stored : found) {
    if (const std::string* query_id = decision_of(stored.record.body)) {
      out[*query_id].push_back(std::move(stored));
    }
  }
}

bool LogReader::Recent::insert(const std::string& query_id) {
  const std::size_t hash = std::hash<std::string>{}(query_id);
  if (ring_.empty()) return true;
  if (!held_.insert(hash).second) return false;
  if (held_.size() > ring_.size()) held_.erase(ring_[oldest_]);
  ring_[oldest_] = hash;
  oldest_ = (oldest_ + 1) % ring_.size();
  return true;
}

std::vector<std::string> LogReader::note(const std::vector<StoredRecord>& records) {
  if (!at_hand_) return {};
  std::unordered_set<std::string> forgotten;
  for (const StoredRecord& stored : records) {
    const std::string* query_id = decision_of(stored.record.body);
    if (query_id == nullptr || !at_hand_->insert(*query_id)) continue;
    if (!std::holds_alternative<Decision>(stored.record.body)) forgotten.insert(*query_id);
  }
  return {forgotten.begin(), forgotten.end()};
}

Result<LogBatch> LogReader::next() {
  LogBatch batch;
  if (ahead_.valid()) {
    auto ready = ahead_.get();
    if (!ready) return ready.error();
    batch = std::move(*ready);
  } else {
    // A caller that only catches up has what these speak of, most likely.
    auto records = store_.scan(scope_, after_, kBatch);
    if (!records) return records.error();
    batch.records = std::move(*records);
    if (batch.records.size() == kBatch) (void)note(batch.records);
  }
  if (batch.records.empty()) return batch;
  after_ = batch.records.back().position;
  if (batch.records.size() == kBatch) {
    ahead_ = std::async(std::launch::async, [this, from = after_] { return read_ahead(from); });
  }
  return batch;
}

Result<LogBatch> LogReader::read_ahead(LogPosition after) {
  LogBatch batch;
  auto records = store_.scan(scope_, after, kBatch);
  if (!records) return records.error();
  batch.records = std::move(*records);
  const std::vector<std::string> forgotten = note(batch.records);
  if (forgotten.empty()) return batch;
  auto earlier = store_.find_all(scope_.tenant, forgotten, batch.records.back().position);
  if (!earlier) return earlier.error();
  add_by_decision(std::move(*earlier), batch.earlier);
  return batch;
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
