#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "engine/policies/policy_spec.h"
#include "server/config/sections.h"

namespace pointsman {
namespace {

using PolicyWord = Word<const CataloguedPolicy*>;
using PolicyWords = std::array<PolicyWord, std::variant_size_v<PolicyOptions>>;

PolicyWords policy_words() {
  PolicyWords words;
  std::ranges::transform(policy_catalogue(), words.begin(), [](const CataloguedPolicy& entry) {
    return PolicyWord{entry.name, &entry};
  });
  return words;
}

bool has_option(const CataloguedPolicy& entry, std::string_view key) {
  return std::ranges::find(entry.options, key, &PolicyOption::key) != entry.options.end() ||
         (key == kArmKey && named_arm(entry.make()) != nullptr);
}

/// Asks for the options of every policy, and refuses those that are not `chosen`'s (null: none is).
void refuse_other_options(ConfigSection& table, const CataloguedPolicy* chosen) {
  std::vector<std::string_view> keys{kArmKey};
  for (const CataloguedPolicy& entry : policy_catalogue()) {
    for (const PolicyOption& option : entry.options) {
      if (std::ranges::find(keys, option.key) == keys.end()) keys.push_back(option.key);
    }
  }
  for (const std::string_view key : keys) {
    if (!table.asks_for(key) || chosen == nullptr || has_option(*chosen, key)) continue;
    table.fault(key, "This policy has no such option.");
  }
}

template <class Owner>
void read_options(ConfigSection& table, std::span<const Option<Owner>> options, Owner& owner) {
  for (const Option<Owner>& option : options)
    table.read(option.key, option.of(owner), option.range);
}

/// [routers.policy]: the name decides which options it may have. A table without a sound name
/// leaves `policy` as it was.
void read_policy_table(ConfigSection& table, PolicyOptions& policy) {
  static const PolicyWords kWords = policy_words();
  const CataloguedPolicy* chosen = nullptr;
  table.read_word<const CataloguedPolicy*>("name", chosen, kWords);
  if (!table.has("name")) table.fault("name", "This option is required.");
  refuse_other_options(table, chosen);
  if (chosen != nullptr) {
    policy = chosen->make();
    read_options(table, chosen->options, policy);
    if (std::string* const arm = named_arm(policy)) {
      table.read_id(kArmKey, *arm);
      if (!table.has(kArmKey)) table.fault(kArmKey, "This policy names its arm.");
    }
  }
  table.finish();
}

void read_posterior(ConfigSection& router, PosteriorOptions& posterior) {
  ConfigSection table = router.table("posterior");
  read_options(table, posterior_catalogue(), posterior);
  table.finish();
}

/// "linucb:alpha=.3,text_precision=50": what it names goes before [routers.posterior].
void read_policy_spec(ConfigSection& router, RouterConfig& config) {
  std::string text;
  router.read("policy", text);
  const Result<PolicySpec> spec = parse_policy_spec(text, config.posterior);
  if (!spec) {
    router.fault("policy", spec.error().message);
    return;
  }
  config.policy = spec->policy;
  config.posterior = spec->posterior;
  if (spec->propensity_floor == 0.0) return;
  if (router.has("propensity_floor")) {
    router.fault("propensity_floor", "The floor stands in the router's policy already.");
  }
  config.propensity_floor = spec->propensity_floor;
}

}  // namespace

void read_learner(ConfigSection& router, RouterConfig& config) {
  read_posterior(router, config.posterior);
  const Option<double>& floor = propensity_floor_option();
  router.read(floor.key, config.propensity_floor, floor.range);
  if (router.is_text("policy")) {
    read_policy_spec(router, config);
  } else if (router.has("policy") && !router.is_table("policy")) {
    std::string unread;
    router.read("policy", unread);
  } else {
    ConfigSection table = router.table("policy");
    if (router.has("policy")) read_policy_table(table, config.policy);
  }
}

}  // namespace pointsman
