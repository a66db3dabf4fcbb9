#include "server/services/batch_feedback_service.h"

#include <utility>

#include "adapters/json/json_body.h"
#include "server/services/feedback_service.h"
#include "server/services/signal_request.h"

namespace pointsman {
namespace {

/// One event's way: refused at once, or written.
struct Event {
  std::string query_id;  ///< Of an event that is written.
  std::optional<http::Response> refusal;
};

http::Response event_answer(const Event& event, const Committed& committed) {
  if (const auto error = refusal(committed, "this idempotency key")) return problem_of(*error);
  return json_response(feedback_answer(event.query_id, committed));
}

/// Joins the events' answers. `committed` has one entry an event that was written, in order.
http::Response join(const std::vector<Event>& events, const std::vector<Committed>& committed) {
  std::string out = "[";
  auto next = committed.begin();
  for (const Event& event : events) {
    const http::Response answer = event.refusal ? *event.refusal : event_answer(event, *next++);
    if (out.size() > 1) out += ',';
    out += R"({"status":)" + std::to_string(answer.status) + R"(,"body":)" + answer.body + "}";
  }
  out += "]";
  return json_response(std::move(out));
}

}  // namespace

void BatchFeedbackService::handle(http::Call call) {
  const auto body = parse_json_body(call.request.body);
  if (!body) return call.responder.respond(problem_of(body.error()));
  ObjectReader reader(*body, {});
  const nlohmann::json* list = reader.require_array("events");
  if (list != nullptr && list->size() > kMostBatchEvents) {
    reader.fail("events", "This must hold at most 1000 events.");
  }
  if (Status ok = reader.finish(); !ok) return call.responder.respond(problem_of(ok.error()));
  if (idempotency_header(call.request)) {
    return call.responder.respond(problem_of(invalid(
        "/events", "a batch takes no Idempotency-Key header; give each event its own key")));
  }

  std::vector<Event> events;
  events.reserve(list->size());
  auto job = std::make_unique<WriteJob>(std::move(call.responder));
  for (const nlohmann::json& item : *list) {
    auto request = feedback_request(item, context_.adapters,
                                    SignalOrigin{call.caller.tenant, stamp(context_.clock), {}});
    if (!request) {
      events.push_back({"", problem_of(request.error())});
      continue;
    }
    events.push_back({request->subject, std::nullopt});
    job->requests.push_back(std::move(*request));
  }
  if (job->requests.empty()) return job->responder.respond(join(events, {}));
  job->bytes = call.request.body.size() + events.size() * sizeof(AppendRequest);
  job->render = [events = std::move(events)](const Result<std::vector<Committed>>& result) {
    return result ? join(events, *result) : problem_of(result.error());
  };
  submit(context_.writer, std::move(job));
}

}  // namespace pointsman
