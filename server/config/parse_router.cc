#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>

#include "engine/values/number_text.h"
#include "server/config/router_section.h"
#include "server/config/sections.h"

namespace pointsman {
namespace {

using namespace std::chrono_literals;

std::string already(std::string_view what, int line) {
  return std::string(what) + " stands on line " + std::to_string(line) + " already.";
}

/// A whole number, or its decimal digits as a string above what TOML can hold.
void read_seed(ConfigSection& router, std::uint64_t& seed) {
  if (!router.is_text("seed")) {
    router.read_count("seed", seed, {});
    return;
  }
  std::string text;
  router.read("seed", text);
  const char* const last = text.data() + text.size();
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), last, value);
  if (error != std::errc{} || end != last) {
    router.fault("seed", "This must be a whole number below 2^64.");
    return;
  }
  seed = value;
}

ArmSpec read_arm(ConfigSection& table) {
  ArmSpec arm;
  table.read_id("id", arm.id);
  if (!table.has("id")) table.fault("id", "This option is required.");
  arm.model = arm.id;
  table.read_id("model", arm.model);
  table.read("input_usd_per_million_tokens", arm.input_usd_per_million_tokens, kNotNegative);
  table.read("output_usd_per_million_tokens", arm.output_usd_per_million_tokens, kNotNegative);
  table.read("expected_cost_usd", arm.expected_cost_usd, kNotNegative);
  table.read("expected_latency_ms", arm.expected_latency_ms, kNotNegative);
  table.read_names("tags", arm.tags);
  table.finish();
  return arm;
}

void read_arms(ConfigSection& router, RouterConfig& config) {
  std::map<std::string, int> lines;
  const bool declared = router.has("arms");
  std::vector<ConfigSection> tables = router.tables("arms");
  for (ConfigSection& table : tables) {
    ArmSpec arm = read_arm(table);
    if (!arm.id.empty()) {
      const auto [first, fresh] = lines.emplace(arm.id, table.line_of("id"));
      if (!fresh) table.fault("id", already("An arm of this id", first->second));
    }
    config.arms.push_back(std::move(arm));
  }
  if (!declared) {
    router.fault("arms", "A router needs at least one arm, [[routers.arms]].");
  } else if (config.arms.empty() && router.is_empty_array("arms")) {
    router.fault("arms", "A router needs at least one arm.");
  }
}

bool has_arm(const RouterConfig& config, const std::string& id) {
  return std::any_of(config.arms.begin(), config.arms.end(),
                     [&](const ArmSpec& arm) { return arm.id == id; });
}

/// What an option says of the arms can be judged once all are known.
void check_against_arms(ConfigSection& router, const RouterConfig& config) {
  if (config.arms.empty()) return;
  const auto k = static_cast<double>(config.arms.size());
  if (config.propensity_floor * k > 1.0) {
    const char* const key = router.has("propensity_floor") ? "propensity_floor" : "policy";
    router.fault(key, "The floor of " + std::to_string(config.arms.size()) +
                          " arms must be at most " + number_text(1.0 / k) + ".");
  }
  if (!config.shadow_arm.empty() && !has_arm(config, config.shadow_arm)) {
    router.fault("shadow_arm", "The router has no arm of this id.");
  }
  const std::string* const named = named_arm(config.policy);
  if (named != nullptr && !named->empty() && !has_arm(config, *named)) {
    router.fault("policy", "The router has no arm of the id that this policy names.");
  }
}

void read_tables(ConfigSection& router, RouterConfig& config) {
  read_learner(router, config);
  read_features(router, config.features);
  ConfigSection utility = router.table("utility");
  utility.read("value_usd", config.utility.value_usd, kNotNegative);
  utility.read("usd_per_second", config.utility.usd_per_second, kNotNegative);
  utility.finish();
  ConfigSection budget = router.table("budget");
  budget.read("usd_per_request", config.budget.usd_per_request, kPositive);
  budget.read("usd_per_day", config.budget.usd_per_day, kPositive);
  budget.finish();
  ConfigSection nursery = router.table("nursery");
  nursery.read_count("decisions", config.nursery.decisions, {0, 1'000'000});
  nursery.read("share", config.nursery.share, {.min = 0.0, .max = 0.9});
  nursery.read_count("min_decisions", config.nursery.min_decisions, {});
  nursery.finish();
}

void read_options(ConfigSection& router, RouterConfig& config) {
  read_seed(router, config.seed);
  constexpr std::array<Word<ServingMode>, 3> kModes = {{{"live", ServingMode::live},
                                                        {"shadow", ServingMode::shadow},
                                                        {"frozen", ServingMode::frozen}}};
  router.read_word<ServingMode>("mode", config.mode, kModes);
  router.read_id("shadow_arm", config.shadow_arm);
  if (config.mode == ServingMode::shadow && !router.has("shadow_arm")) {
    router.fault("shadow_arm", "Shadow mode needs the arm that serves.");
  }
  router.read("sticky_sessions", config.sticky_sessions);
  std::chrono::milliseconds ttl(config.decision_ttl_ms);
  router.read("decision_ttl", ttl, {1s, 3'650 * 24h});
  config.decision_ttl_ms = ttl.count();
  router.read("store_inputs", config.store_inputs);
}

}  // namespace

void read_routers(ConfigSection& root, ServerConfig& config) {
  std::map<std::pair<std::string, std::string>, int> lines;
  const bool declared = root.has("routers");
  std::vector<ConfigSection> tables = root.tables("routers");
  if (!declared || root.is_empty_array("routers")) {
    root.fault("routers", "A file declares at least one router, [[routers]].");
  }
  for (ConfigSection& table : tables) {
    RouterEntry entry;
    const bool named = table.read_id("name", entry.name) || !table.has("name");
    const bool owned = table.read_id("tenant", entry.tenant) || !table.has("tenant");
    read_options(table, entry.config);
    read_tables(table, entry.config);
    read_arms(table, entry.config);
    check_against_arms(table, entry.config);
    table.finish();
    if (named && owned) {
      const auto [first, fresh] =
          lines.emplace(std::pair(entry.tenant, entry.name), table.line_of("name"));
      if (!fresh) table.fault("name", already("A router of this name and tenant", first->second));
    }
    entry.config.source_hash = router_source_hash(entry.config);
    config.routers.push_back(std::move(entry));
  }
}

}  // namespace pointsman
