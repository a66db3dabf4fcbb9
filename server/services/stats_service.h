#pragma once

#include <map>
#include <optional>

#include "server/services/service.h"

namespace pointsman {

/// GET /stats: counts, signals, per router position and checksum, per arm what it earned, and the
/// settings found in the store.
class StatsService final : public http::Service {
 public:
  explicit StatsService(ServiceContext& context) : context_(context) {}
  void handle(http::Call call) override;

 private:
  ServiceContext& context_;
};

/// A router's report, and how far its fold is behind the log.
struct FollowedReport : RouterReport {
  /// Positions between the fold and the log's newest record: its records, at most, since stores may
  /// leave gaps. Nothing where the store does not say, or the router rests.
  std::optional<std::uint64_t> lag;
};

/// The reports of a tenant's routers, gathered on the writer's thread. Blocks: never call it on an
/// I/O thread. Error: `exhausted` where the writer has too
/// much to do, or has stopped.
Result<std::vector<FollowedReport>> gather_reports(ServiceContext& context,
                                                   const std::string& tenant);

}  // namespace pointsman
