#include "server/services/service.h"

namespace pointsman {

RecordStamp stamp(const Clock& clock) { return RecordStamp{random_record_id(), clock.now()}; }

void submit(Writer& writer, std::unique_ptr<WriteJob> job) {
  if (auto refused = writer.submit(std::move(job))) {
    refused->responder.respond(overloaded());
  }
}

namespace {

/// `runner`: the threads that run it, unless they are full.
template <class Runner>
void answer_on(Runner& runner, http::Responder responder, std::function<http::Response()> answer) {
  // std::function wants a copyable closure, so the responder is shared until it is used.
  auto shared = std::make_shared<http::Responder>(std::move(responder));
  const bool taken =
      runner.run([shared, answer = std::move(answer)] { shared->respond(answer()); });
  if (!taken) shared->respond(overloaded());
}

}  // namespace

void answer_on_worker(Workers& workers, http::Responder responder,
                      std::function<http::Response()> answer) {
  answer_on(workers, std::move(responder), std::move(answer));
}

void answer_on_writer(Writer& writer, http::Responder responder,
                      std::function<http::Response()> answer) {
  answer_on(writer, std::move(responder), std::move(answer));
}

Result<std::shared_ptr<const RouterSnapshot>> awake_snapshot(Routers& routers, const Scope& scope) {
  auto woken = routers.wake(scope);
  if (woken) return woken;
  if (woken.error().code == ErrorCode::not_found) return unknown_router(scope.router);
  return Error{ErrorCode::unavailable,
               "router \"" + scope.router + "\" rests and could not wake: " + woken.error().message,
               ""};
}

void answer_of_router(ServiceContext& context, http::Responder responder, const Scope& scope,
                      std::function<http::Response(const RouterSnapshot&)> answer) {
  if (const auto snapshot = context.routers.snapshot(scope)) {
    return responder.respond(answer(*snapshot));
  }
  if (!context.routers.view(scope).resting) {
    return responder.respond(problem_of(unknown_router(scope.router)));
  }
  answer_on_writer(context.writer, std::move(responder),
                   [&routers = context.routers, scope, answer = std::move(answer)] {
                     const auto snapshot = awake_snapshot(routers, scope);
                     return snapshot ? answer(**snapshot) : problem_of(snapshot.error());
                   });
}

Error unknown_router(const std::string& name) {
  return Error{ErrorCode::not_found, "no router is called \"" + name + "\"", "/router"};
}

const char* status_word(AppendStatus status) {
  switch (status) {
    case AppendStatus::recorded:
      return "recorded";
    case AppendStatus::revised:
      return "revised";
    case AppendStatus::duplicate:
      return "duplicate";
    case AppendStatus::conflict:
      return "conflict";
    case AppendStatus::unknown:
      return "unknown";
    case AppendStatus::failed:
      return "failed";
  }
  return "unknown";
}

}  // namespace pointsman
