#include "server/services/route_commit.h"

#include <utility>

#include "adapters/json_text.h"
#include "adapters/route_answer.h"
#include "server/services/signal_request.h"

namespace pointsman {
namespace {

/// What the client gets where the decision could not be recorded, whatever the error.
struct Spare {
  std::string arm;
  std::string model;
  std::string answer;  ///< With `queued` durability: the whole answer, stored: false.
};

/// 503 with the arm that the newest snapshot would choose: usable, but not recorded.
http::Response not_recorded(const Spare& spare, const Error& error) {
  http::Response response = problem_of(error);
  if (response.status != 503) return response;
  if (!spare.answer.empty()) return json_response(spare.answer);
  response.body.pop_back();
  response.body += R"(,"fallback":{"arm":)";
  append_json_string(spare.arm, response.body);
  response.body += R"(,"model":)";
  append_json_string(spare.model, response.body);
  response.body += "}}";
  return response;
}

}  // namespace

void commit_decision(ServiceContext& context, Call call, AppendRequest request) {
  const Decision& decision = std::get<Decision>(request.record.body);
  const bool queued = context.durability == DecisionDurability::queued;
  // Who names a decision may ask for it again, and wants the first answer, which the log has.
  const bool at_once = queued && !decision.request;
  std::string answer;
  append_route_answer({request.scope.router, decision, !at_once}, answer);

  const std::size_t bytes = call.request.body.size() + 2 * answer.size() +
                            decision.raw.size() * sizeof(float) + sizeof(Decision);
  if (at_once) {
    call.responder.respond(json_response(std::move(answer)));
    auto job = std::make_unique<WriteJob>(http::Responder::to([](const http::Response&) {}));
    job->bytes = bytes;
    job->render = [](const Result<std::vector<Committed>>&) { return http::Response{}; };
    job->requests.push_back(std::move(request));
    static_cast<void>(context.writer.submit(std::move(job)));  // A full queue drops it, as stated.
    return;
  }

  auto made =
      std::make_shared<Spare>(Spare{decision.arms[decision.chosen].arm, decision.model, ""});
  if (queued) append_route_answer({request.scope.router, decision, false}, made->answer);
  const std::shared_ptr<const Spare> spare = std::move(made);
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
  if (auto refused = context.writer.submit(std::move(job))) {
    refused->responder.respond(not_recorded(
        *spare, Error{ErrorCode::exhausted, "the server is busy; use the fallback", ""}));
  }
}

}  // namespace pointsman
