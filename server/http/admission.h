#pragma once

#include <variant>

#include "server/core/keys.h"
#include "server/http/message.h"

namespace pointsman::http {

/// Who sends this request, or the answer that refuses it: 401, 403 or 415. With keys the request
/// presents one as `Authorization: Bearer KEY` or `X-API-Key: KEY`. Without keys everyone on this
/// machine may call, so Host must be a loopback name (which stops DNS rebinding). A body must be
/// JSON (which no HTML form sends).
std::variant<Caller, Response> admit(const Keys& keys, const Request& request);

}  // namespace pointsman::http
