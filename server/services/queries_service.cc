#include "server/services/queries_service.h"

#include <limits>

#include "adapters/api/record_json.h"
#include "engine/fold/observation.h"

namespace pointsman {
namespace {

nlohmann::ordered_json signals_json(const DecisionState& state) {
  nlohmann::ordered_json signals = nlohmann::ordered_json::array();
  for (const Signal& signal : state.signals) {
    signals.push_back({{"signal_type", signal.type},
                       {"reward", signal.reward.value},
                       {"confidence", signal.reward.confidence},
                       {"position", signal.position}});
  }
  return signals;
}

http::Response describe(Store& store, const std::string& tenant, const std::string& query_id) {
  constexpr LogPosition kNow = std::numeric_limits<std::int64_t>::max();
  const auto own = store.find(tenant, query_id, kNow);
  if (!own) return problem_of(own.error());
  if (own->empty()) {
    return problem_of(Error{ErrorCode::not_found, "no decision has this query_id", "/query_id"});
  }
  const auto session = session_of(store, *own, kNow);
  if (!session) return problem_of(session.error());
  const auto state = rebuild_state(*own, *session, kNow);
  nlohmann::ordered_json outcome = nullptr;
  nlohmann::ordered_json events = nlohmann::ordered_json::array();
  for (std::size_t i = 1; i < own->size(); ++i) events.push_back(record_to_json((*own)[i]));
  if (state->has_outcome) {
    StoredRecord merged = own->front();
    merged.record.body = state->outcome;
    outcome = record_to_json(merged);
    for (const char* key : {"position", "router", "id", "time", "kind", "query_id"}) {
      outcome.erase(key);
    }
  }
  const nlohmann::ordered_json body = {
      {"query_id", query_id},
      {"decision", record_to_json(own->front())},
      {"signals", signals_json(*state)},
      {"observation", {{"reward", state->folded.reward}, {"weight", state->folded.weight}}},
      {"outcome", outcome},
      {"events", events}};
  return json_response(body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

void QueriesService::handle(http::Call call) {
  std::string query_id = call.match.parameter("query_id");
  answer_on_worker(context_.workers, std::move(call.responder),
                   [&store = context_.store, tenant = std::move(call.caller.tenant),
                    query_id = std::move(query_id)] { return describe(store, tenant, query_id); });
}

}  // namespace pointsman
