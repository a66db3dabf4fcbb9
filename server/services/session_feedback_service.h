#pragma once

#include "server/services/service.h"

namespace pointsman {

/// POST /feedback/session: one signal on all decisions of a session so far, with its confidence
/// times propagation_weight. One record a router that the session touched, in one group; each has
/// the idempotency key, so that a retry completes what is missing and repeats nothing.
class SessionFeedbackService final : public http::Service {
 public:
  explicit SessionFeedbackService(ServiceContext& context) : context_(context) {}
  void handle(http::Call call) override;

 private:
  ServiceContext& context_;
};

}  // namespace pointsman
