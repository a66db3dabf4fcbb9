#include "server/services/routers_service.h"

#include "adapters/api/arm_json.h"
#include "adapters/api/record_json.h"
#include "adapters/api/record_words.h"

namespace pointsman {
namespace {

using Json = nlohmann::ordered_json;

Json summary(const RouterSnapshot& snapshot) {
  Json arms = Json::array();
  for (const auto& arm : snapshot.arms) arms.push_back(arm->spec.id);
  return {{"router", snapshot.scope.router},
          {"policy", policy_name(snapshot.config->policy)},
          {"mode", kModeWords[static_cast<std::size_t>(snapshot.config->mode)]},
          {"position", snapshot.position},
          {"decisions", snapshot.decisions},
          {"arms", std::move(arms)}};
}

/// The same of a router that rests, from what is kept of it.
Json summary(const RouterReport& report) {
  Json arms = Json::array();
  for (const auto& arm : report.arms) arms.push_back(arm.spec.id);
  return {{"router", report.scope.router},
          {"policy", report.policy},
          {"mode", kModeWords[static_cast<std::size_t>(report.mode)]},
          {"position", report.position},
          {"decisions", report.decisions},
          {"arms", std::move(arms)}};
}

Json details(const RouterSnapshot& snapshot) {
  Json body = summary(snapshot);
  body["schema_version"] = snapshot.standardiser->version();
  body["arms"] = Json::array();
  for (const auto& arm : snapshot.arms) body["arms"].push_back(arm_json(*arm));
  Json config = record_to_json({snapshot.scope, snapshot.position, {{}, {}, *snapshot.config}});
  // The record's own frame; and its arms, of which some may have come, changed or gone since.
  for (const char* key : {"position", "router", "id", "time", "kind", "arms"}) config.erase(key);
  body["config"] = std::move(config);
  return body;
}

http::Response rendered(const Json& body) {
  return json_response(body.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

Json arm_json(const ArmModel& arm) {
  Json body = arm_to_json(arm.spec);
  body["pulls"] = arm.pulls;
  body["in_nursery"] = arm.in_nursery;
  body["predicted_cost_usd"] = arm.cost_usd ? Json(*arm.cost_usd) : Json(nullptr);
  body["predicted_latency_ms"] = arm.latency_ms ? Json(*arm.latency_ms) : Json(nullptr);
  return body;
}

void RoutersService::handle(http::Call call) {
  if (question_ == Question::one) {
    const Scope scope{call.caller.tenant, call.match.parameter("router")};
    return answer_of_router(
        context_, std::move(call.responder), scope,
        [](const RouterSnapshot& snapshot) { return rendered(details(snapshot)); });
  }
  Json routers = Json::array();
  for (const Scope& scope : context_.routers.scopes()) {
    if (scope.tenant != call.caller.tenant) continue;
    const RouterView view = context_.routers.view(scope);
    if (view.snapshot) routers.push_back(summary(*view.snapshot));
    if (view.resting) routers.push_back(summary(*view.resting));
  }
  call.responder.respond(rendered({{"routers", std::move(routers)}}));
}

}  // namespace pointsman
