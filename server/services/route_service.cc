#include "server/services/route_service.h"

#include <cstdint>
#include <limits>
#include <utility>
#include <variant>

#include "adapters/api/route_answer.h"
#include "engine/fold/decide.h"
#include "server/services/resting_arm.h"
#include "server/services/route_commit.h"
#include "server/services/route_fallback.h"
#include "server/services/route_preference.h"

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

/// The decision that the request in the buffers asks for; a fallback may leave its context to the
/// decision that failed.
Result<Decision> make_decision(const RouterSnapshot& snapshot, const FallbackChain* chain,
                               Buffers& b, Timestamp now) {
  const bool own_context =
      b.request.has_text || !b.request.embedding.empty() || !b.request.features.empty();
  if (chain == nullptr || own_context) {
    if (Status ok = encode(snapshot, b); !ok) return ok.error();
  } else if (chain->parent.raw.size() == snapshot.encoder->dims()) {
    b.raw = chain->parent.raw;
  } else {
    return invalid("/fallback_of",
                   "the router's features have changed since; send text or features");
  }
  fill(snapshot, b, now);
  if (chain != nullptr) return pointsman::decide_fallback(snapshot, *chain, b.decide);
  return decide(snapshot, b.decide);
}

http::Response dry_run_answer(const Scope& scope, Decision decision) {
  decision.query_id.clear();
  std::string body;
  append_route_answer({scope.router, decision, false}, body);
  return json_response(std::move(body));
}

}  // namespace

void RouteService::handle(http::Call call) {
  Buffers& b = buffers();
  if (Status ok = parse_route_request(call.request.body, b.request); !ok) {
    return call.responder.respond(problem_of(ok.error()));
  }
  if (!b.request.fallback_of.empty()) {
    auto shared = std::make_shared<http::Call>(std::move(call));
    if (!context_.workers.run([this, shared] { decide_fallback(std::move(*shared)); })) {
      shared->responder.respond(overloaded());
    }
    return;
  }
  const Scope scope{call.caller.tenant, b.request.router};
  decide_on_newest(std::move(call), scope, nullptr);
}

void RouteService::decide_fallback(http::Call call) {
  Buffers& b = buffers();
  // The I/O thread has found it sound; its buffers are that thread's own.
  static_cast<void>(parse_route_request(call.request.body, b.request));
  const Timestamp now = context_.clock.now();
  auto chain =
      read_fallback_chain(context_.store, {call.caller.tenant, b.request.fallback_of, now});
  if (!chain) return refuse(std::move(call), chain.error());
  if (b.request.has_router && b.request.router != chain->scope.router) {
    return refuse(std::move(call),
                  invalid("/router", "the decision that failed is of another router"));
  }
  const Scope scope = chain->scope;
  decide_on_newest(std::move(call), scope,
                   std::make_shared<const FallbackChain>(*std::move(chain)));
}

void RouteService::decide_on_newest(http::Call call, const Scope& scope, Chain chain) {
  auto snapshot = context_.routers.snapshot(scope);
  if (!snapshot) {
    const RouterView view = context_.routers.view(scope);
    if (view.resting) {
      return decide_once_awake(std::move(call), scope, *view.resting, std::move(chain));
    }
    snapshot = view.snapshot;  // It woke between the two looks.
  }
  if (!snapshot) return refuse(std::move(call), unknown_router(scope.router));
  finish(std::move(call), scope,
         make_decision(*snapshot, chain.get(), buffers(), context_.clock.now()));
}

void RouteService::decide_once_awake(http::Call call, const Scope& scope,
                                     const RouterReport& resting, Chain chain) {
  LateDecision late;
  late.scope = scope;
  std::span<const std::string> offered;
  if (chain) offered = chain->next;
  late.spare = resting_arm(resting, buffers().request, offered);
  // The responder goes with the job; the request stays for the writer to read again.
  auto own = std::make_shared<http::Call>(http::Call{std::move(call.request), std::move(call.match),
                                                     call.caller, http::Responder(nullptr)});
  call.request.body = own->request.body;
  late.decide = [this, own, scope, chain = std::move(chain)](
                    const RouterSnapshot& snapshot,
                    std::optional<AppendRequest>& request) -> WriteJob::Answer {
    Buffers& b = buffers();
    static_cast<void>(parse_route_request(own->request.body, b.request));  // It was sound.
    auto decision = make_decision(snapshot, chain.get(), b, context_.clock.now());
    if (decision && !b.request.dry_run) {
      request = record(scope, *std::move(decision));
      return nullptr;
    }
    return [this, own, scope, decision = std::move(decision)](http::Responder responder) mutable {
      own->responder = std::move(responder);
      finish(std::move(*own), scope, std::move(decision));
    };
  };
  commit_late_decision(context_, std::move(call), std::move(late));
}

void RouteService::finish(http::Call call, const Scope& scope, Result<Decision> decision) {
  if (!decision) return refuse(std::move(call), decision.error());
  const RouteRequest& request = buffers().request;
  if (request.dry_run) {
    return call.responder.respond(dry_run_answer(scope, *std::move(decision)));
  }
  commit_decision(context_, std::move(call), record(scope, *std::move(decision)));
}

AppendRequest RouteService::record(const Scope& scope, Decision decision) {
  // Without a query_id of the client's nobody can ask for the same decision again.
  const std::optional<Fingerprint>& asked = buffers().request.body_fingerprint;
  decision.request = asked;
  return append_decision(scope, stamp(context_.clock), std::move(decision),
                         asked.value_or(Fingerprint{}));
}

void RouteService::refuse(http::Call call, const Error& error) {
  const RouteRequest& request = buffers().request;
  if (!request.body_fingerprint || request.dry_run) {
    return call.responder.respond(problem_of(error));
  }
  auto answer = [&store = context_.store, tenant = call.caller.tenant, query_id = request.query_id,
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
