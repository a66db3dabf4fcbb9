#include "server/services/feedback_service.h"

#include "adapters/json/json_body.h"
#include "adapters/json/json_text.h"
#include "server/services/signal_request.h"

namespace pointsman {

std::string feedback_answer(std::string_view query_id, const Committed& committed) {
  std::string out = R"({"status":")";
  out += status_word(committed.status);
  out += R"(","query_id":)";
  append_json_string(query_id, out);
  out += R"(,"reward":)";
  append_json_number(committed.reward.value, out);
  out += R"(,"confidence":)";
  append_json_number(committed.reward.confidence, out);
  out += R"(,"observation":{"reward":)";
  append_json_number(committed.observation.reward, out);
  out += R"(,"weight":)";
  append_json_number(committed.observation.weight, out);
  out += "}}";
  return out;
}

void FeedbackService::handle(http::Call call) {
  const auto body = parse_json_body(call.request.body);
  if (!body) return call.responder.respond(problem_of(body.error()));
  auto request = feedback_request(
      *body, context_.adapters,
      SignalOrigin{call.caller.tenant, stamp(context_.clock), idempotency_header(call.request)});
  if (!request) return call.responder.respond(problem_of(request.error()));

  auto job = std::make_unique<WriteJob>(std::move(call.responder));
  job->bytes = call.request.body.size() + sizeof(AppendRequest);
  job->render = [query_id = request->subject](const Result<std::vector<Committed>>& result) {
    if (!result) return problem_of(result.error());
    const Committed& committed = result->front();
    if (const auto error = refusal(committed, "this idempotency key")) return problem_of(*error);
    return json_response(feedback_answer(query_id, committed));
  };
  job->requests.push_back(std::move(*request));
  submit(context_.writer, std::move(job));
}

}  // namespace pointsman
