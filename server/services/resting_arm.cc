#include "server/services/resting_arm.h"

#include <algorithm>
#include <optional>

namespace pointsman {
namespace {

bool contains(std::span<const std::string> list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

/// The mean of what was seen, else what was stated; nothing where nobody knows.
std::optional<double> known(double sum, std::uint64_t count, const std::optional<double>& stated) {
  return count > 0 ? sum / static_cast<double>(count) : stated;
}

bool within(const std::optional<double>& value, const std::optional<double>& limit) {
  return !limit || (value && *value <= *limit);
}

bool passes(const RouterReport::ArmReport& arm, const RouteRequest& request,
            std::span<const std::string> among) {
  const ArmSpec& spec = arm.spec;
  const ArmStats& stats = arm.stats;
  const RouteConstraints& limits = request.constraints;
  return (among.empty() || contains(among, spec.id)) &&
         within(known(stats.cost_sum, stats.costs, spec.expected_cost_usd), limits.max_cost_usd) &&
         within(known(stats.latency_sum, stats.latencies, spec.expected_latency_ms),
                limits.max_latency_ms) &&
         std::all_of(limits.require.begin(), limits.require.end(),
                     [&](const std::string& tag) { return contains(spec.tags, tag); });
}

}  // namespace

SpareArm resting_arm(const RouterReport& resting, const RouteRequest& request,
                     std::span<const std::string> offered) {
  const bool asked = !request.arms.empty();
  const std::span<const std::string> among = asked ? std::span(request.arms) : offered;
  // A chain's order is the better word; one's own list has none.
  const auto rank = [&](const RouterReport::ArmReport& arm) {
    if (asked || offered.empty()) return static_cast<std::ptrdiff_t>(arm.stats.pulls);
    return offered.end() - std::find(offered.begin(), offered.end(), arm.spec.id);
  };
  const RouterReport::ArmReport* best = nullptr;
  for (const RouterReport::ArmReport& arm : resting.arms) {
    if (!passes(arm, request, among)) continue;
    if (best == nullptr || rank(arm) > rank(*best)) best = &arm;
  }
  if (best == nullptr) return {};
  return {best->spec.id, best->spec.model};
}

}  // namespace pointsman
