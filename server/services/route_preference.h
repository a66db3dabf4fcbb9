#pragma once

#include <optional>

#include "adapters/api/route_request.h"
#include "engine/log/records.h"

namespace pointsman {

/// The utility that a request's preference means for this router; nothing where it says nothing.
/// "quality" counts quality alone. "balanced" is the router's own, or kPresetValueUsd where the
/// router states none. "cost" takes a tenth of that value, so that prices weigh ten times as much.
/// "speed" makes a second of waiting cost a twentieth of a perfect answer.
std::optional<UtilityOptions> utility_of(const RouteRequest& request, const RouterConfig& config);

inline constexpr double kPresetValueUsd = kDefaultValueUsd;

}  // namespace pointsman
