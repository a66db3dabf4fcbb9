#pragma once

#include "server/services/service.h"

namespace pointsman {

/// GET /feedback?limit=100&cursor=: feedback and session feedback, newest first, a page a call.
class FeedbackListService final : public http::Service {
 public:
  explicit FeedbackListService(ServiceContext& context) : context_(context) {}
  void handle(http::Call call) override;

 private:
  ServiceContext& context_;
};

}  // namespace pointsman
