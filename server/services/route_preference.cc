#include "server/services/route_preference.h"

#include <algorithm>

namespace pointsman {

std::optional<UtilityOptions> utility_of(const RouteRequest& request, const RouterConfig& config) {
  UtilityOptions utility = config.utility;
  const double value = config.utility.value_usd.value_or(kPresetValueUsd);
  switch (request.preference) {
    case Preference::router:
      return std::nullopt;
    case Preference::quality:
      return UtilityOptions{};
    case Preference::balanced:
      utility.value_usd = value;
      return utility;
    case Preference::cost:
      utility.value_usd = value / 10.0;
      return utility;
    case Preference::speed:
      utility.value_usd = value;
      utility.usd_per_second = std::max(utility.usd_per_second, value / 20.0);
      return utility;
    case Preference::explicit_dollars:
      if (request.value_usd) utility.value_usd = request.value_usd;
      if (request.usd_per_second) utility.usd_per_second = *request.usd_per_second;
      return utility;
  }
  return std::nullopt;
}

}  // namespace pointsman
