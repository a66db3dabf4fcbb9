#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "engine/policy.h"
#include "server/config/sections.h"

namespace pointsman {
namespace {

constexpr NumberRange kNotNegative = {.min = 0.0};
constexpr NumberRange kPositive = {.min = 0.0, .above_min = true};
constexpr NumberRange kShare = {.min = 0.0, .max = 1.0};

enum class PolicyKind : std::uint8_t { linucb, lints, uniform, fixed, epsilon_greedy };

constexpr std::array<Word<PolicyKind>, 5> kPolicies = {{
    {"linucb", PolicyKind::linucb},
    {"lints", PolicyKind::lints},
    {"uniform", PolicyKind::uniform},
    {"fixed", PolicyKind::fixed},
    {"epsilon_greedy", PolicyKind::epsilon_greedy},
}};

/// [routers.policy]: the name decides which options it may have.
PolicyOptions read_policy_table(ConfigSection& table, PolicyOptions fallback) {
  PolicyKind kind = PolicyKind::lints;
  const bool named = table.read_word<PolicyKind>("name", kind, kPolicies);
  if (!table.has("name")) table.fault("name", "This option is required.");
  LinUcbOptions ucb;
  LinTsOptions thompson;
  EpsilonGreedyOptions greedy;
  FixedOptions fixed;
  double alpha = kind == PolicyKind::linucb ? ucb.alpha : thompson.alpha;
  table.read("alpha", alpha, kNotNegative);
  table.read("epsilon", greedy.epsilon, kShare);
  table.read_id("arm", fixed.arm);
  table.finish();
  if (!named) return fallback;
  const bool has_alpha = kind == PolicyKind::linucb || kind == PolicyKind::lints;
  const std::array<std::pair<std::string_view, bool>, 3> fits = {
      {{"alpha", has_alpha},
       {"epsilon", kind == PolicyKind::epsilon_greedy},
       {"arm", kind == PolicyKind::fixed}}};
  for (const auto& [key, allowed] : fits) {
    if (allowed || !table.has(key)) continue;
    table.fault(key, "This policy has no such option.");
  }
  switch (kind) {
    case PolicyKind::linucb:
      ucb.alpha = alpha;
      return ucb;
    case PolicyKind::lints:
      thompson.alpha = alpha;
      return thompson;
    case PolicyKind::uniform:
      return UniformOptions{};
    case PolicyKind::fixed:
      if (!table.has("arm")) table.fault("arm", "This policy names its arm.");
      return fixed;
    case PolicyKind::epsilon_greedy:
      return greedy;
  }
  return fallback;
}

void read_posterior(ConfigSection& router, PosteriorOptions& posterior) {
  ConfigSection table = router.table("posterior");
  table.read("intercept_mean", posterior.intercept_mean, {});
  table.read("intercept_precision", posterior.intercept_precision, kPositive);
  table.read("field_precision", posterior.field_precision, kPositive);
  table.read("text_precision", posterior.text_precision, kPositive);
  table.read("embedding_precision", posterior.embedding_precision, kPositive);
  table.read("gamma", posterior.gamma, {.min = 0.0, .max = 1.0, .above_min = true});
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
  config.policy = LinTsOptions{};
  read_posterior(router, config.posterior);
  router.read("propensity_floor", config.propensity_floor, kShare);
  if (router.is_text("policy")) {
    read_policy_spec(router, config);
  } else if (router.has("policy") && !router.is_table("policy")) {
    std::string unread;
    router.read("policy", unread);
  } else {
    ConfigSection table = router.table("policy");
    if (router.has("policy")) config.policy = read_policy_table(table, config.policy);
  }
}

}  // namespace pointsman
