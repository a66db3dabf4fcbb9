#pragma once

#include <functional>

#include "server/http/server.h"
#include "server/services/service.h"

namespace pointsman {

/// GET /metrics: Prometheus text. Everything is counted where it happens and gathered here, when
/// somebody asks; a request costs nothing for it.
class MetricsService final : public http::Service {
 public:
  /// `transport` reads the HTTP server's counters.
  MetricsService(ServiceContext& context, std::function<http::Counters()> transport)
      : context_(context), transport_(std::move(transport)) {}
  void handle(http::Call call) override;

 private:
  ServiceContext& context_;
  std::function<http::Counters()> transport_;
};

}  // namespace pointsman
