#include "server/services/health_service.h"

namespace pointsman {

void HealthService::handle(http::Call call) {
  if (question_ == Question::alive) {
    return call.responder.respond(json_response(R"({"status":"ok"})"));
  }
  const char* fault = nullptr;
  if (draining_.load()) {
    fault = "the server is going down";
  } else if (!context_.writer.healthy()) {
    fault = "the store did not take the last group";
  } else if (context_.routers.scopes().empty()) {
    fault = "no router is configured";
  }
  if (fault == nullptr) return call.responder.respond(json_response(R"({"status":"ready"})"));
  call.responder.respond(problem_of(Error{ErrorCode::unavailable, fault, ""}));
}

}  // namespace pointsman
