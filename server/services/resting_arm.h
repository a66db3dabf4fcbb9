#pragma once

#include <span>
#include <string>

#include "adapters/api/route_request.h"
#include "engine/routers/routers.h"
#include "server/services/route_commit.h"

namespace pointsman {

/// The arm to call where a router rests and no decision can be made: of those that the request
/// allows the one that was chosen most often, or the first that is `offered` (a fallback's chain,
/// best first). No arm where none passes.
SpareArm resting_arm(const RouterReport& resting, const RouteRequest& request,
                     std::span<const std::string> offered);

}  // namespace pointsman
