#pragma once

#include "server/services/service.h"

namespace pointsman {

/// POST /outcome: what a decision's call cost, how long it took, or that it failed.
class OutcomeService final : public http::Service {
 public:
  explicit OutcomeService(ServiceContext& context) : context_(context) {}
  void handle(http::Call call) override;

 private:
  ServiceContext& context_;
};

}  // namespace pointsman
