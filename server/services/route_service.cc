#include "server/services/route_service.h"

#include <algorithm>
#include <utility>

#include "adapters/route_answer.h"
#include "engine/decide.h"
#include "server/services/signal_request.h"

namespace pointsman {
namespace {

/// A thread's buffers, so that a warm request allocates little.
struct Buffers {
  RouteRequest request;
  std::vector<float> raw;
  DecideRequest decide;
};

Buffers& buffers() {
  thread_local Buffers b;
  return b;
}

/// What a caller can use when the decision could not be recorded.
struct Spare {
  std::string arm;
  std::string model;
};

/// 503 with the arm that the newest snapshot would choose: usable, but not recorded.
http::Response not_recorded(const Spare& spare, const Error& error) {
  http::Response response = problem_of(error);
  if (response.status != 503) return response;
  response.body.pop_back();
  response.body += R"(,"fallback":{"arm":)";
  http::append_json_string(response.body, spare.arm);
  response.body += R"(,"model":)";
  http::append_json_string(response.body, spare.model);
  response.body += "}}";
  return response;
}

Status fill(const RouterSnapshot& snapshot, Buffers& b, Timestamp now) {
  const RouteRequest& request = b.request;
  b.raw.resize(snapshot.encoder->dims());
  if (Status ok = snapshot.encoder->encode(request.features_view(), b.raw); !ok) return ok;
  DecideRequest& decide = b.decide;
  decide.query_id = request.query_id.empty() ? random_query_id() : request.query_id;
  decide.session_id = request.session_id;
  decide.raw = b.raw;
  decide.arms = request.arms;
  decide.constraints.max_cost_usd = request.constraints.max_cost_usd;
  decide.constraints.max_latency_ms = request.constraints.max_latency_ms;
  decide.constraints.require = request.constraints.require;
  decide.utility = utility_of(request, *snapshot.config);
  decide.now = now;
  decide.metadata = request.metadata;
  decide.inputs = request.text;
  return Done{};
}

}  // namespace

std::optional<UtilityOptions> utility_of(const RouteRequest& request, const RouterConfig& config) {
  UtilityOptions utility = config.utility;
  const double value = config.utility.value_usd.value_or(kPresetValueUsd);
  switch (request.preference) {
    case Preference::router:
      return std::nullopt;
    case Preference::quality:
      return UtilityOptions{};
    case Preference::balanced:
      utility.value_usd = value;
      return utility;
    case Preference::cost:
      utility.value_usd = value / 10.0;
      return utility;
    case Preference::speed:
      utility.value_usd = value;
      utility.usd_per_second = std::max(utility.usd_per_second, value / 20.0);
      return utility;
    case Preference::explicit_dollars:
      if (request.value_usd) utility.value_usd = request.value_usd;
      if (request.usd_per_second) utility.usd_per_second = *request.usd_per_second;
      return utility;
  }
  return std::nullopt;
}

void RouteService::handle(Call call) {
  Buffers& b = buffers();
  if (Status ok = parse_route_request(call.request.body, b.request); !ok) {
    return call.responder.respond(problem_of(ok.error()));
  }
  const Scope scope{call.tenant, b.request.router};
  const auto snapshot = context_.routers.snapshot(scope);
  if (!snapshot) {
    return call.responder.respond(problem_of(
        Error{ErrorCode::not_found, "no router is called \"" + scope.router + "\"", "/router"}));
  }
  if (Status ok = fill(*snapshot, b, context_.clock.now()); !ok) {
    return call.responder.respond(problem_of(ok.error()));
  }
  auto decision = decide(*snapshot, b.decide);
  if (!decision) return call.responder.respond(problem_of(decision.error()));

  if (b.request.dry_run) {
    decision->query_id.clear();
    std::string body;
    append_route_answer({scope.router, *decision, false}, body);
    return call.responder.respond(json_response(std::move(body)));
  }
  // Without a query_id of the client's nobody can ask for the same decision again.
  const Fingerprint body = b.request.body_fingerprint.value_or(Fingerprint{});
  store(std::move(call), append_decision(scope, stamp(context_.clock), std::move(*decision), body));
}

void RouteService::store(Call call, AppendRequest request) {
  const Decision& decision = std::get<Decision>(request.record.body);
  const bool queued = context_.durability == DecisionDurability::queued;
  std::string answer;
  append_route_answer({request.scope.router, decision, !queued}, answer);

  const std::size_t bytes = call.request.body.size() + answer.size() +
                            decision.raw.size() * sizeof(float) + sizeof(Decision);
  if (queued) {
    call.responder.respond(json_response(std::move(answer)));
    auto job = std::make_unique<WriteJob>(http::Responder::to([](const http::Response&) {}));
    job->bytes = bytes;
    job->render = [](const Result<std::vector<Committed>>&) { return http::Response{}; };
    job->requests.push_back(std::move(request));
    static_cast<void>(context_.writer.submit(std::move(job)));  // A full queue drops it, as stated.
    return;
  }

  auto spare =
      std::make_shared<const Spare>(Spare{decision.arms[decision.chosen].arm, decision.model});
  auto job = std::make_unique<WriteJob>(std::move(call.responder));
  job->bytes = bytes;
  job->render = [answer = std::move(answer),
                 spare](const Result<std::vector<Committed>>& result) mutable {
    if (!result) return not_recorded(*spare, result.error());
    const Committed& committed = result->front();
    if (const auto error = refusal(committed, "this query_id")) return problem_of(*error);
    if (committed.status == AppendStatus::duplicate) {
      answer.clear();
      append_route_answer({committed.scope.router, *committed.decision, true}, answer);
    }
    return json_response(std::move(answer));
  };
  job->render_late = [spare] {
    return not_recorded(*spare, Error{ErrorCode::in_doubt,
                                      "the store did not commit in time; use the fallback", ""});
  };
  job->requests.push_back(std::move(request));
  if (auto refused = context_.writer.submit(std::move(job))) {
    refused->responder.respond(not_recorded(
        *spare, Error{ErrorCode::exhausted, "the server is busy; use the fallback", ""}));
  }
}

}  // namespace pointsman
