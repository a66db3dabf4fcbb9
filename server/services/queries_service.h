#pragma once

#include "server/services/service.h"

namespace pointsman {

/// GET /queries/{query_id}: the decision, its signals, observation and outcome.
class QueriesService final : public http::Service {
 public:
  explicit QueriesService(ServiceContext& context) : context_(context) {}
  void handle(http::Call call) override;

 private:
  ServiceContext& context_;
};

}  // namespace pointsman
