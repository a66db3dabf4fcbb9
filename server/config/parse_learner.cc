#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "engine/policies/policy.h"
#include "server/config/sections.h"

namespace pointsman {
namespace {

constexpr NumberRange kPseudoCount = {.min = 0.5, .max = 1e6};
constexpr NumberRange kCorrelation = {.min = 0.0, .max = 0.999, .above_min = true};
constexpr NumberRange kShare = {.min = 0.0, .max = 1.0};

enum class PolicyKind : std::uint8_t {
  linucb,
  lints,
  uniform,
  fixed,
  epsilon_greedy,
  squarecb,
  ucb1,
  beta_thompson,
  all,
  hybrid_linucb
};

constexpr std::array<Word<PolicyKind>, 10> kPolicies = {{
    {"linucb", PolicyKind::linucb},
    {"lints", PolicyKind::lints},
    {"uniform", PolicyKind::uniform},
    {"fixed", PolicyKind::fixed},
    {"epsilon_greedy", PolicyKind::epsilon_greedy},
    {"squarecb", PolicyKind::squarecb},
    {"ucb1", PolicyKind::ucb1},
    {"beta_thompson", PolicyKind::beta_thompson},
    {"default", PolicyKind::all},
    {"hybrid_linucb", PolicyKind::hybrid_linucb},
}};

/// What [routers.policy] may hold, whichever policy it names; each begins with its default.
struct PolicyTable {
  LinUcbOptions linucb;
  LinTsOptions lints;
  EpsilonGreedyOptions epsilon_greedy;
  FixedOptions fixed;
  SquareCbOptions squarecb;
  Ucb1Options ucb1;
  BetaThompsonOptions beta_thompson;
  DefaultOptions all;
  HybridLinUcbOptions hybrid_linucb;
};

/// One alpha for five policies, each with a default of its own.
double& alpha_of(PolicyTable& options, PolicyKind kind) {
  if (kind == PolicyKind::linucb) return options.linucb.alpha;
  if (kind == PolicyKind::ucb1) return options.ucb1.alpha;
  if (kind == PolicyKind::all) return options.all.alpha;
  if (kind == PolicyKind::hybrid_linucb) return options.hybrid_linucb.alpha;
  return options.lints.alpha;
}

void refuse_other_options(ConfigSection& table, PolicyKind kind) {
  const bool has_alpha = kind == PolicyKind::linucb || kind == PolicyKind::lints ||
                         kind == PolicyKind::ucb1 || kind == PolicyKind::all ||
                         kind == PolicyKind::hybrid_linucb;
  const std::array<std::pair<std::string_view, bool>, 11> fits = {
      {{"alpha", has_alpha},
       {"epsilon", kind == PolicyKind::epsilon_greedy},
       {"arm", kind == PolicyKind::fixed},
       {"gamma0", kind == PolicyKind::squarecb},
       {"exponent", kind == PolicyKind::squarecb},
       {"a0", kind == PolicyKind::beta_thompson},
       {"b0", kind == PolicyKind::beta_thompson},
       {"landmark_precision", kind == PolicyKind::all},
       {"bandwidth", kind == PolicyKind::all},
       {"shared", kind == PolicyKind::hybrid_linucb},
       {"shared_intercept", kind == PolicyKind::hybrid_linucb}}};
  for (const auto& [key, allowed] : fits) {
    if (allowed || !table.has(key)) continue;
    table.fault(key, "This policy has no such option.");
  }
}

/// [routers.policy]: the name decides which options it may have.
PolicyOptions read_policy_table(ConfigSection& table, PolicyOptions fallback) {
  PolicyKind kind = PolicyKind::lints;
  const bool named = table.read_word<PolicyKind>("name", kind, kPolicies);
  if (!table.has("name")) table.fault("name", "This option is required.");
  PolicyTable options;
  table.read("alpha", alpha_of(options, kind), kNotNegative);
  table.read("epsilon", options.epsilon_greedy.epsilon, kShare);
  table.read_id("arm", options.fixed.arm);
  table.read("gamma0", options.squarecb.gamma0, kNotNegative);
  table.read("exponent", options.squarecb.exponent, kShare);
  table.read("a0", options.beta_thompson.a0, kPseudoCount);
  table.read("b0", options.beta_thompson.b0, kPseudoCount);
  table.read("landmark_precision", options.all.landmark_precision, kPositive);
  table.read("bandwidth", options.all.bandwidth, kPositive);
  table.read("shared", options.hybrid_linucb.shared, kCorrelation);
  table.read("shared_intercept", options.hybrid_linucb.shared_intercept, kCorrelation);
  table.finish();
  if (!named) return fallback;
  refuse_other_options(table, kind);
  switch (kind) {
    case PolicyKind::linucb:
      return options.linucb;
    case PolicyKind::lints:
      return options.lints;
    case PolicyKind::uniform:
      return UniformOptions{};
    case PolicyKind::fixed:
      if (!table.has("arm")) table.fault("arm", "This policy names its arm.");
      return options.fixed;
    case PolicyKind::epsilon_greedy:
      return options.epsilon_greedy;
    case PolicyKind::squarecb:
      return options.squarecb;
    case PolicyKind::ucb1:
      return options.ucb1;
    case PolicyKind::beta_thompson:
      return options.beta_thompson;
    case PolicyKind::all:
      return options.all;
    case PolicyKind::hybrid_linucb:
      return options.hybrid_linucb;
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
