#pragma once

#include <string>

#include "engine/values/result.h"
#include "server/http/message.h"

namespace pointsman::http {

/// The one table from ErrorCode to HTTP status. Malformed JSON is 400, a broken schema 422;
/// unavailable, in_doubt and exhausted are 503 with Retry-After.
Response problem_of(const Error& error);

/// 503 with Retry-After, for a full queue or a server that goes down.
Response overloaded();

/// 200 with this JSON text as its body.
Response json_response(std::string body);

}  // namespace pointsman::http
