#include "server/http/answers.h"

#include <utility>

#include "adapters/json/json_body.h"
#include "server/http/problem.h"

namespace pointsman::http {

Response problem_of(const Error& error) {
  int status = 500;
  switch (error.code) {
    case ErrorCode::invalid:
      status = is_malformed_json(error) ? 400 : 422;
      break;
    case ErrorCode::not_found:
      status = 404;
      break;
    case ErrorCode::conflict:
      status = 409;
      break;
    case ErrorCode::pruned:
      status = 410;
      break;
    case ErrorCode::unavailable:
    case ErrorCode::in_doubt:
    case ErrorCode::exhausted:
      status = 503;
      break;
    case ErrorCode::corrupt:
    case ErrorCode::internal:
      status = 500;
      break;
  }
  Response response = problem(status, error.message, error.field);
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response overloaded() {
  return problem_of(Error{ErrorCode::exhausted, "the server is busy; try again", ""});
}

Response json_response(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

}  // namespace pointsman::http
