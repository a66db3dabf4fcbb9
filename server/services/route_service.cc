#include "server/services/route_service.h"

#include <cstdint>
#include <limits>
#include <utility>
#include <variant>

#include "adapters/route_answer.h"
#include "engine/decide.h"
#include "server/services/route_commit.h"
#include "server/services/route_fallback.h"
#include "server/services/route_preference.h"
#include "server/services/routers_service.h"

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

Status encode(const RouterSnapshot& snapshot, Buffers& b) {
  b.raw.resize(snapshot.encoder->dims());
  return snapshot.encoder->encode(b.request.features_view(), b.raw);
}

/// Everything of a DecideRequest; b.raw is set before.
void fill(const RouterSnapshot& snapshot, Buffers& b, Timestamp now) {
  const RouteRequest& request = b.request;
  DecideRequest& decide = b.decide;
  decide.query_id = request.query_id.empty() ? make_query_id(now) : request.query_id;
  decide.session_id = request.session_id;
  decide.raw = b.raw;
  decide.arms = request.arms;
  decide.constraints.max_cost_usd = request.constraints.max_cost_usd;
  decide.constraints.max_latency_ms = request.constraints.max_latency_ms;
  decide.constraints.require = request.constraints.require;
  decide.utility = utility_of(request, *snapshot.config);
  decide.parent = request.fallback_of;
  decide.now = now;
  decide.metadata = request.metadata;
  decide.inputs = request.text;
}

}  // namespace

void RouteService::handle(Call call) {
  Buffers& b = buffers();
  if (Status ok = parse_route_request(call.request.body, b.request); !ok) {
    return call.responder.respond(problem_of(ok.error()));
  }
  if (!b.request.fallback_of.empty()) {
    auto shared = std::make_shared<Call>(std::move(call));
    if (!context_.workers.run([this, shared] { decide_fallback(std::move(*shared)); })) {
      shared->responder.respond(overloaded());
    }
    return;
  }
  const Scope scope{call.tenant, b.request.router};
  const auto snapshot = context_.routers.snapshot(scope);
  if (!snapshot) return refuse(std::move(call), unknown_router(scope.router));
  if (Status ok = encode(*snapshot, b); !ok) return refuse(std::move(call), ok.error());
  fill(*snapshot, b, context_.clock.now());
  finish(std::move(call), scope, decide(*snapshot, b.decide));
}

void RouteService::decide_fallback(Call call) {
  Buffers& b = buffers();
  // The I/O thread has found it sound; its buffers are that thread's own.
  static_cast<void>(parse_route_request(call.request.body, b.request));
  const Timestamp now = context_.clock.now();
  const auto chain = read_fallback_chain(context_.store, {call.tenant, b.request.fallback_of, now});
  if (!chain) return refuse(std::move(call), chain.error());
  if (b.request.has_router && b.request.router != chain->scope.router) {
    return refuse(std::move(call),
                  invalid("/router", "the decision that failed is of another router"));
  }
  const auto snapshot = context_.routers.snapshot(chain->scope);
  if (!snapshot) return refuse(std::move(call), unknown_router(chain->scope.router));
  const bool own_context =
      b.request.has_text || !b.request.embedding.empty() || !b.request.features.empty();
  if (!own_context && chain->parent.raw.size() != snapshot->encoder->dims()) {
    return refuse(
        std::move(call),
        invalid("/fallback_of", "the router's features have changed since; send text or features"));
  }
  if (own_context) {
    if (Status ok = encode(*snapshot, b); !ok) return refuse(std::move(call), ok.error());
  } else {
    b.raw = chain->parent.raw;
  }
  fill(*snapshot, b, now);
  finish(std::move(call), chain->scope, pointsman::decide_fallback(*snapshot, *chain, b.decide));
}

void RouteService::finish(Call call, const Scope& scope, Result<Decision> decision) {
  if (!decision) return refuse(std::move(call), decision.error());
  const RouteRequest& request = buffers().request;
  if (request.dry_run) {
    decision->query_id.clear();
    std::string body;
    append_route_answer({scope.router, *decision, false}, body);
    return call.responder.respond(json_response(std::move(body)));
  }
  // Without a query_id of the client's nobody can ask for the same decision again.
  decision->request = request.body_fingerprint;
  const Fingerprint body = request.body_fingerprint.value_or(Fingerprint{});
  commit_decision(context_, std::move(call),
                  append_decision(scope, stamp(context_.clock), *std::move(decision), body));
}

void RouteService::refuse(Call call, const Error& error) {
  const RouteRequest& request = buffers().request;
  if (!request.body_fingerprint || request.dry_run) {
    return call.responder.respond(problem_of(error));
  }
  auto answer = [&store = context_.store, tenant = call.tenant, query_id = request.query_id,
                 body = *request.body_fingerprint, error] {
    const auto records = store.find(tenant, query_id, std::numeric_limits<std::int64_t>::max());
    if (!records) return problem_of(records.error());
    if (records->empty()) return problem_of(error);
    const auto& decision = std::get<Decision>(records->front().record.body);
    if (decision.request != body) return problem_of(error);
    std::string text;
    append_route_answer({records->front().scope.router, decision, true}, text);
    return json_response(std::move(text));
  };
  answer_on_worker(context_.workers, std::move(call.responder), std::move(answer));
}

}  // namespace pointsman
