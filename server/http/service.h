#pragma once

#include "server/core/keys.h"
#include "server/http/message.h"
#include "server/http/routes.h"

namespace pointsman::http {

/// One request on its way through a service.
struct Call {
  Request request;
  RouteMatch match;
  Caller caller;
  Responder responder;
};

/// What answers one route. handle() runs on an I/O thread, on several of them at once, and must not
/// block: it answers, or hands the responder to the writer or the workers. A test of a service
/// needs no socket: see Responder::to().
class Service {
 public:
  virtual ~Service() = default;
  virtual void handle(Call call) = 0;
};

}  // namespace pointsman::http
