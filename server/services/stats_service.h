#pragma once

#include "server/services/service.h"

namespace pointsman {

/// GET /stats: counts, signals, per router position and checksum, per arm what it earned, and the
/// settings found in the store.
class StatsService final : public Service {
 public:
  explicit StatsService(ServiceContext& context) : context_(context) {}
  void handle(Call call) override;

 private:
  ServiceContext& context_;
};

/// The reports of a tenant's routers, gathered on the writer's thread. Blocks: never call it on an
/// I/O thread. Error: `exhausted` once the writer has stopped.
Result<std::vector<RouterReport>> gather_reports(ServiceContext& context,
                                                 const std::string& tenant);

}  // namespace pointsman
