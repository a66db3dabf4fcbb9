#pragma once

#include <atomic>

#include "server/services/service.h"

namespace pointsman {

/// GET /healthz: the process answers. GET /readyz: it can also decide and record.
class HealthService final : public http::Service {
 public:
  enum class Question { alive, ready };
  /// `draining` turns true when the server goes down.
  HealthService(ServiceContext& context, Question question, const std::atomic<bool>& draining)
      : context_(context), question_(question), draining_(draining) {}
  void handle(http::Call call) override;

 private:
  ServiceContext& context_;
  Question question_;
  const std::atomic<bool>& draining_;
};

}  // namespace pointsman
