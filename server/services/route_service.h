#pragma once

#include "adapters/route_request.h"
#include "server/services/service.h"

namespace pointsman {

/// POST /route: which arm answers this call. Decides on the newest snapshot, answers after the
/// decision is in the log.
class RouteService final : public Service {
 public:
  explicit RouteService(ServiceContext& context) : context_(context) {}
  void handle(Call call) override;

 private:
  void store(Call call, AppendRequest request);

  ServiceContext& context_;
};

/// The utility that a request's preference means for this router; nothing where it says nothing.
/// "quality" counts quality alone. "balanced" is the router's own, or kPresetValueUsd where the
/// router states none. "cost" takes a tenth of that value, so that prices weigh ten times as much.
/// "speed" makes a second of waiting cost a twentieth of a perfect answer.
std::optional<UtilityOptions> utility_of(const RouteRequest& request, const RouterConfig& config);

inline constexpr double kPresetValueUsd = 0.01;

}  // namespace pointsman
