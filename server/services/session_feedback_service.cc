#include "server/services/session_feedback_service.h"

#include <algorithm>
#include <utility>

#include "adapters/json/canonical_json.h"
#include "adapters/json/json_body.h"
#include "adapters/json/json_text.h"
#include "server/services/signal_request.h"

namespace pointsman {
namespace {

/// A request, read, before it is known which routers it touches.
struct SessionSignal {
  std::string tenant;
  std::optional<std::string> router;  ///< Absent: all that the session touched.
  SessionFeedback feedback;
  Fingerprint value{};  ///< Of payload and weight: what tells a revision from a duplicate.
  std::optional<IdempotencyKey> key;
};

Result<SessionSignal> read_signal(const nlohmann::json& body, const RewardAdapters& adapters,
                                  const http::Call& call) {
  ObjectReader reader(body, {});
  SessionSignal signal;
  signal.tenant = call.caller.tenant;
  SessionFeedback& feedback = signal.feedback;
  feedback.session_id = reader.require_id("session_id");
  signal.router = reader.optional_id("router");
  feedback.signal_type = reader.optional_id("signal_type").value_or("thumbs");
  const nlohmann::json* payload = reader.require_object("payload");
  feedback.propagation_weight =
      reader.optional_number("propagation_weight", {.min = 0.0, .max = 1.0}).value_or(0.5);
  const auto body_key = reader.optional_id("idempotency_key");
  if (Status ok = reader.finish(); !ok) return ok.error();
  auto key = agreed_key(body_key, idempotency_header(call.request));
  if (!key) return key.error();
  auto reward = adapters.interpret(feedback.signal_type, *payload);
  if (!reward) return reward.error();
  feedback.reward = *reward;
  feedback.payload = canonical_json(*payload);
  signal.value = fingerprint(nlohmann::json::array({*payload, feedback.propagation_weight}));
  if (*key) signal.key = key_of({"session", **key, {}}, body);
  return signal;
}

/// The routers to write to. Errors: `not_found`, or the store's.
Result<std::vector<Scope>> touched_routers(Store& store, const SessionSignal& signal) {
  auto scopes = store.session_scopes(signal.tenant, signal.feedback.session_id);
  if (!scopes) return scopes.error();
  if (scopes->empty()) {
    return Error{ErrorCode::not_found, "no decision has this session_id", "/session_id"};
  }
  if (signal.router) {
    std::erase_if(*scopes, [&](const Scope& scope) { return scope.router != *signal.router; });
    if (scopes->empty()) {
      return Error{ErrorCode::not_found, "the session has no decision of this router", "/router"};
    }
  }
  return scopes;
}

http::Response render(const Result<std::vector<Committed>>& result) {
  if (!result) return problem_of(result.error());
  // Recorded in one router is recorded; else revised in one is revised.
  AppendStatus status = AppendStatus::duplicate;
  std::uint64_t propagated = 0;
  for (const Committed& committed : *result) {
    if (const auto error = refusal(committed, "this idempotency key")) return problem_of(*error);
    status = std::min(status, committed.status);
    propagated += committed.propagated;
  }
  std::string out = R"({"status":")";
  out += status_word(status);
  out += R"(","reward":)";
  append_json_number(result->front().reward.value, out);
  out += R"(,"propagated":)";
  append_json_integer(propagated, out);
  out += "}";
  return json_response(std::move(out));
}
static_assert(AppendStatus::recorded < AppendStatus::revised &&
              AppendStatus::revised < AppendStatus::duplicate);

void write(ServiceContext& context, http::Responder responder, const SessionSignal& signal) {
  const auto scopes = touched_routers(context.store, signal);
  if (!scopes) return responder.respond(problem_of(scopes.error()));
  auto job = std::make_unique<WriteJob>(std::move(responder));
  for (const Scope& scope : *scopes) {
    job->requests.push_back(
        append_session_feedback(scope, stamp(context.clock), signal.feedback, signal.value));
    job->requests.back().key = signal.key;
    job->bytes += sizeof(AppendRequest) + signal.feedback.payload.size();
  }
  job->render = render;
  submit(context.writer, std::move(job));
}

}  // namespace

void SessionFeedbackService::handle(http::Call call) {
  const auto body = parse_json_body(call.request.body);
  if (!body) return call.responder.respond(problem_of(body.error()));
  auto signal = read_signal(*body, context_.adapters, call);
  if (!signal) return call.responder.respond(problem_of(signal.error()));
  auto responder = std::make_shared<http::Responder>(std::move(call.responder));
  const bool taken =
      context_.workers.run([&context = context_, responder, signal = *std::move(signal)] {
        write(context, std::move(*responder), signal);
      });
  if (!taken) responder->respond(overloaded());
}

}  // namespace pointsman
