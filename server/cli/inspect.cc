#include "server/cli/inspect.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "engine/features/default_text_model.h"
#include "engine/routers/routers.h"
#include "server/core/clock.h"
#include "server/core/ids.h"
#include "stores/open_store.h"

namespace pointsman {
namespace {

/// Reports are all that is asked of the routers, and those stay.
constexpr std::size_t kAwakeBytes = std::size_t{64} << 20U;

/// A mean, or null where nothing was seen: 0 would be a value.
nlohmann::ordered_json mean(double sum, double count) {
  if (count > 0.0) return sum / count;
  return nullptr;
}

/// The number with so many digits behind the point, or "unknown".
std::string shown(const nlohmann::ordered_json& number, int digits) {
  if (number.is_null()) return "unknown";
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits, number.get<double>());
  return text;
}

nlohmann::ordered_json as_json(const RouterReport& report, const StoreCounts& counts) {
  nlohmann::ordered_json arms = nlohmann::ordered_json::array();
  for (const auto& arm : report.arms) {
    arms.push_back(
        {{"arm", arm.spec.id},
         {"model", arm.spec.model},
         {"pulls", arm.stats.pulls},
         {"observations", arm.stats.observation_weight},
         {"mean_reward", mean(arm.stats.reward_sum, arm.stats.observation_weight)},
         {"mean_cost_usd", mean(arm.stats.cost_sum, static_cast<double>(arm.stats.costs))},
         {"theta", arm.theta}});
  }
  char checksum[17];
  std::snprintf(checksum, sizeof(checksum), "%016llx",
                static_cast<unsigned long long>(report.checksum));
  return {{"tenant", report.scope.tenant},
          {"router", report.scope.router},
          {"policy", report.policy},
          {"position", report.position},
          {"checksum", checksum},
          {"decisions", report.decisions},
          {"open_decisions", counts.open_decisions},
          {"outcomes", counts.outcomes},
          {"schema_version", report.schema_version},
          {"arms", std::move(arms)}};
}

void print_table(const nlohmann::ordered_json& router) {
  std::printf("%s/%s  policy %s  position %s  checksum %s  decisions %s (%s open)  schema %s\n",
              router["tenant"].get<std::string>().c_str(),
              router["router"].get<std::string>().c_str(),
              router["policy"].get<std::string>().c_str(), router["position"].dump().c_str(),
              router["checksum"].get<std::string>().c_str(), router["decisions"].dump().c_str(),
              router["open_decisions"].dump().c_str(), router["schema_version"].dump().c_str());
  std::printf("  %-28s %10s %12s %12s %14s %12s\n", "arm", "pulls", "observations", "mean reward",
              "mean cost USD", "intercept");
  for (const auto& arm : router["arms"]) {
    std::printf("  %-28s %10s %12.1f %12s %14s %12.4f\n", arm["arm"].get<std::string>().c_str(),
                arm["pulls"].dump().c_str(), arm["observations"].get<double>(),
                shown(arm["mean_reward"], 4).c_str(), shown(arm["mean_cost_usd"], 6).c_str(),
                arm["theta"][0].get<double>());
  }
}

}  // namespace

int inspect(const InspectCommand& command) {
  StoreOptions options;
  options.url = command.store;
  options.sqlite.read_only = true;
  auto store = open_store(options);
  if (!store) {
    std::fprintf(stderr, "inspect: %s\n", store.error().message.c_str());
    return 1;
  }
  Routers::Options routers_options;
  routers_options.fold.text_model = &default_text_model();
  routers_options.record_ids = random_record_id;
  routers_options.read_only = true;
  routers_options.awake_bytes = kAwakeBytes;
  auto routers = Routers::open(**store, routers_options);
  if (!routers) {
    std::fprintf(stderr, "inspect: %s\n", routers.error().message.c_str());
    return 1;
  }
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const Scope& scope : (*routers)->scopes()) {
    const auto counts = (*store)->counts(scope, SystemClock().now());
    if (!counts) {
      std::fprintf(stderr, "inspect: %s\n", counts.error().message.c_str());
      return 1;
    }
    all.push_back(as_json((*routers)->report(scope), *counts));
  }
  if (command.format == "json") {
    std::printf("%s\n", all.dump(2).c_str());
  } else {
    for (const auto& router : all) print_table(router);
  }
  return 0;
}

}  // namespace pointsman
