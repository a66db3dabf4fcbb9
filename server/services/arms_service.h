#pragma once

#include "server/services/service.h"

namespace pointsman {

/// GET, PUT and DELETE /routers/{router}/arms/{arm}: arms come, change price and go while the
/// server runs, as records of the router's log.
class ArmsService final : public http::Service {
 public:
  enum class Action { read, put, remove };
  ArmsService(ServiceContext& context, Action action) : context_(context), action_(action) {}
  void handle(http::Call call) override;

 private:
  ServiceContext& context_;
  Action action_;
};

}  // namespace pointsman
