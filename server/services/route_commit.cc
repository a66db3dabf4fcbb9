#include "server/services/route_commit.h"

#include <utility>

#include "adapters/api/route_answer.h"
#include "adapters/json/json_text.h"
#include "server/services/signal_request.h"

namespace pointsman {
namespace {

/// What the client gets where the decision could not be recorded, whatever the error.
struct Spare : SpareArm {
  std::string answer;  ///< With `queued` durability: the whole answer, stored: false.
};

/// 503 with the arm that the newest snapshot would choose: usable, but not recorded.
http::Response not_recorded(const Spare& spare, const Error& error) {
  http::Response response = problem_of(error);
  if (response.status != 503) return response;
  if (!spare.answer.empty()) return json_response(spare.answer);
  if (spare.arm.empty()) return response;
  response.body.pop_back();
  response.body += R"(,"fallback":{"arm":)";
  append_json_string(spare.arm, response.body);
  response.body += R"(,"model":)";
  append_json_string(spare.model, response.body);
  response.body += "}}";
  return response;
}

http::Response too_late(const Spare& spare) {
  return not_recorded(
      spare, Error{ErrorCode::in_doubt, "the store did not commit in time; use the fallback", ""});
}

std::shared_ptr<const Spare> spare_of(const ServiceContext& context, const AppendRequest& request) {
  const Decision& decision = std::get<Decision>(request.record.body);
  auto made = std::make_shared<Spare>();
  made->arm = decision.arms[decision.chosen].arm;
  made->model = decision.model;
  if (context.durability == DecisionDurability::queued) {
    append_route_answer({request.scope.router, decision, false}, made->answer);
  }
  return made;
}

/// Has the job append this decision and answer once it is in the log.
void append_on_commit(WriteJob& job, AppendRequest request, std::string answer,
                      std::shared_ptr<const Spare> spare) {
  job.render = [answer = std::move(answer),
                spare = std::move(spare)](const Result<std::vector<Committed>>& result) mutable {
    if (!result) return not_recorded(*spare, result.error());
    const Committed& committed = result->front();
    if (const auto error = refusal(committed, "this query_id")) return problem_of(*error);
    if (committed.status == AppendStatus::duplicate) {
      answer.clear();
      append_route_answer({committed.scope.router, *committed.decision, true}, answer);
    }
    return json_response(std::move(answer));
  };
  job.requests.push_back(std::move(request));
}

void submit_or_spare(Writer& writer, std::unique_ptr<WriteJob> job, const Spare& spare) {
  if (auto refused = writer.submit(std::move(job))) {
    refused->responder.respond(not_recorded(
        spare, Error{ErrorCode::exhausted, "the server is busy; use the fallback", ""}));
  }
}

}  // namespace

void commit_decision(ServiceContext& context, http::Call call, AppendRequest request) {
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

  const std::shared_ptr<const Spare> spare = spare_of(context, request);
  auto job = std::make_unique<WriteJob>(std::move(call.responder));
  job->bytes = bytes;
  append_on_commit(*job, std::move(request), std::move(answer), spare);
  job->render_late = [spare] { return too_late(*spare); };
  submit_or_spare(context.writer, std::move(job), *spare);
}

void commit_late_decision(ServiceContext& context, http::Call call, LateDecision decision) {
  const auto spare = std::make_shared<const Spare>(Spare{std::move(decision.spare), ""});
  auto job = std::make_unique<WriteJob>(std::move(call.responder));
  // The request, its vector and its answer: of one whose features are numbers this is too much.
  job->bytes = 8 * call.request.body.size() + sizeof(Decision);
  job->render_late = [spare] { return too_late(*spare); };
  // What the watchdog reads of the job is not touched here: it may run meanwhile.
  job->prepare = [&context, spare, scope = std::move(decision.scope),
                  decide = std::move(decision.decide)](WriteJob& own) -> WriteJob::Answer {
    const auto snapshot = awake_snapshot(context.routers, scope);
    if (!snapshot) {
      return [spare, error = snapshot.error()](http::Responder responder) {
        responder.respond(not_recorded(*spare, error));
      };
    }
    std::optional<AppendRequest> request;
    if (auto answer = decide(**snapshot, request)) return answer;
    std::string answer;
    append_route_answer({scope.router, std::get<Decision>(request->record.body), true}, answer);
    auto own_spare = spare_of(context, *request);
    append_on_commit(own, *std::move(request), std::move(answer), std::move(own_spare));
    return nullptr;
  };
  submit_or_spare(context.writer, std::move(job), *spare);
}

}  // namespace pointsman
