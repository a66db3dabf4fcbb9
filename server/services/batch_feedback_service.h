#pragma once

#include "server/services/service.h"

namespace pointsman {

/// POST /feedback/batch: up to 1,000 bodies of POST /feedback. Each gets its own status and body,
/// in order; what is wrong with one does not touch the others, which go into the log together.
class BatchFeedbackService final : public http::Service {
 public:
  explicit BatchFeedbackService(ServiceContext& context) : context_(context) {}
  void handle(http::Call call) override;

 private:
  ServiceContext& context_;
};

inline constexpr std::size_t kMostBatchEvents = 1'000;

}  // namespace pointsman
