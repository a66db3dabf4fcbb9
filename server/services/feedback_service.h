#pragma once

#include "server/services/service.h"

namespace pointsman {

/// POST /feedback: one signal on one decision.
class FeedbackService final : public http::Service {
 public:
  explicit FeedbackService(ServiceContext& context) : context_(context) {}
  void handle(http::Call call) override;

 private:
  ServiceContext& context_;
};

/// The answer to a feedback that is in the log.
std::string feedback_answer(std::string_view query_id, const Committed& committed);

}  // namespace pointsman
