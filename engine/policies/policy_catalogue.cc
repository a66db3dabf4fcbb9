#include "engine/policies/policy_catalogue.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

namespace pointsman {
namespace {

// Ranges. A bound that is not in the nature of the option is where sums of its effects would leave
// the digits that a double or, in the copy that decisions are scored on, a float has.

constexpr NumberRange kAlpha{.min = 0.0, .max = 1000.0};
constexpr NumberRange kPseudoCount{.min = 0.5, .max = 1e6};
constexpr NumberRange kCorrelation{.min = 1e-6, .max = 0.999};
constexpr NumberRange kPrecision{.min = 1e-4, .max = 1e7};

template <class T>
struct OwnerOf;
template <class T>
struct OwnerOf<double T::*> {
  using type = T;
};

/// An option of the policy whose options struct has `member`.
template <auto member>
constexpr PolicyOption option(std::string_view key, std::string_view unit, NumberRange range,
                              std::string_view consequence) {
  using Owner = typename OwnerOf<decltype(member)>::type;
  return {key, unit, range, consequence, [](const PolicyOptions& policy) -> const double& {
            return std::get<Owner>(policy).*member;
          }};
}

template <double PosteriorOptions::*member>
constexpr PosteriorOption prior_option(std::string_view key, std::string_view unit,
                                       NumberRange range, std::string_view consequence) {
  return {key, unit, range, consequence,
          [](const PosteriorOptions& posterior) -> const double& { return posterior.*member; }};
}

constexpr std::string_view kDeviations = "standard deviations";
constexpr std::string_view kWidth =
    "The width of the bound, in standard deviations of an arm's expected reward; larger explores "
    "more.";

/// What the catalogue says of one policy; every alternative of PolicyOptions has a specialisation.
template <class Options>
struct Listed;

template <>
struct Listed<LinUcbOptions> {
  static constexpr std::string_view name = "linucb";
  static constexpr std::string_view summary =
      "LinUCB: the arm with the highest upper confidence bound; its choice is certain, so its log "
      "serves no off-policy evaluation without a floor";
  static constexpr std::array options = {
      option<&LinUcbOptions::alpha>("alpha", kDeviations, kAlpha, kWidth)};
};

template <>
struct Listed<LinTsOptions> {
  static constexpr std::string_view name = "lints";
  static constexpr std::string_view summary =
      "linear Thompson sampling: an arm is as likely as it is to be the best, by exact integration";
  static constexpr std::array options = {option<&LinTsOptions::alpha>(
      "alpha", kDeviations, kAlpha,
      "Multiplies the standard deviation of an arm's expected reward; larger explores more.")};
};

template <>
struct Listed<UniformOptions> {
  static constexpr std::string_view name = "uniform";
  static constexpr std::string_view summary = "every eligible arm with the same probability";
  static constexpr std::array<PolicyOption, 0> options = {};
};

template <>
struct Listed<FixedOptions> {
  static constexpr std::string_view name = "fixed";
  static constexpr std::string_view summary =
      "always the same arm; where a limit excludes it, every eligible arm alike";
  static constexpr std::array<PolicyOption, 0> options = {};
};

template <>
struct Listed<EpsilonGreedyOptions> {
  static constexpr std::string_view name = "epsilon_greedy";
  static constexpr std::string_view summary =
      "the arm with the best expected utility, but for a fixed share of the traffic";
  static constexpr std::array options = {option<&EpsilonGreedyOptions::epsilon>(
      "epsilon", "probability", kUnitInterval,
      "The share of the choices that are made at random; larger explores more, for ever.")};
};

template <>
struct Listed<SquareCbOptions> {
  static constexpr std::string_view name = "squarecb";
  static constexpr std::string_view summary =
      "SquareCB: every arm has its share, less the worse it looks, and less with time";
  static constexpr std::array options = {
      option<&SquareCbOptions::gamma0>(
          "gamma0", "", {.min = 0.0, .max = 1e9},
          "An arm whose utility is `gap`·`value_usd` below the best gets 1/(k + "
          "gamma0·t^exponent·gap) of the traffic at the router's decision t; larger explores "
          "less, 0 is uniform."),
      option<&SquareCbOptions::exponent>(
          "exponent", "", kUnitInterval,
          "How fast that exploring fades with t; larger fades faster, 0 never fades.")};
};

template <>
struct Listed<Ucb1Options> {
  static constexpr std::string_view name = "ucb1";
  static constexpr std::string_view summary =
      "UCB1: the best arm whatever the request; it looks at no feature, and its choice is certain";
  static constexpr std::array options = {option<&Ucb1Options::alpha>(
      "alpha", "", kAlpha,
      "Multiplies the proven width of the bound, which is wide; larger explores more.")};
};

template <>
struct Listed<BetaThompsonOptions> {
  static constexpr std::string_view name = "beta_thompson";
  static constexpr std::string_view summary =
      "Beta-Thompson sampling: the best arm whatever the request, drawn; it looks at no feature";
  static constexpr std::array options = {
      option<&BetaThompsonOptions::a0>("a0", "observations", kPseudoCount,
                                       "Prior successes of an arm; larger trusts a new arm more."),
      option<&BetaThompsonOptions::b0>("b0", "observations", kPseudoCount,
                                       "Prior failures of an arm; larger doubts a new arm more.")};
};

template <>
struct Listed<DefaultOptions> {
  static constexpr std::string_view name = "default";
  static constexpr std::string_view summary =
      "LinUCB that needs no setting and also learns a curved truth of numeric fields; its choice "
      "is certain";
  static constexpr std::array options = {
      option<&DefaultOptions::alpha>("alpha", kDeviations, kAlpha, kWidth),
      option<&DefaultOptions::landmark_precision>(
          "landmark_precision", "observations", kPrecision,
          "The prior precision of the non-linear features' weights; larger trusts them less, "
          "1000000 leaves a linear policy."),
      option<&DefaultOptions::bandwidth>(
          "bandwidth", "median distances", {.min = 1e-3, .max = 1e3},
          "How far the non-linear features see, in median distances of two early contexts; smaller "
          "bends more.")};
};

template <>
struct Listed<HybridLinUcbOptions> {
  static constexpr std::string_view name = "hybrid_linucb";
  static constexpr std::string_view summary =
      "LinUCB whose arms learn from each other what a request is like; its choice is certain";
  static constexpr std::array options = {
      option<&HybridLinUcbOptions::alpha>("alpha", kDeviations, kAlpha, kWidth),
      option<&HybridLinUcbOptions::shared>(
          "shared", "correlation", kCorrelation,
          "The correlation of two arms' coefficients before anything is known; larger lets one "
          "arm's rewards say more of the others, near 0 it is linucb."),
      option<&HybridLinUcbOptions::shared_intercept>(
          "shared_intercept", "correlation", kCorrelation,
          "The correlation of how good two arms are on the whole; larger gives up sooner on arms "
          "that nobody tried, where others fail.")};
};

constexpr std::array kPosterior = {
    prior_option<&PosteriorOptions::intercept_mean>(
        "intercept_mean", "reward", {.min = -1000.0, .max = 1000.0},
        "The expected reward of an arm that nobody has tried; larger has new arms tried longer."),
    prior_option<&PosteriorOptions::intercept_precision>(
        "intercept_precision", "observations", kPrecision,
        "How many observations `intercept_mean` is worth; where it is small, the first one "
        "decides."),
    prior_option<&PosteriorOptions::field_precision>(
        "field_precision", "observations", kPrecision,
        "The prior precision of a field's weight; larger needs more evidence to matter."),
    prior_option<&PosteriorOptions::text_precision>(
        "text_precision", "observations", kPrecision,
        "The prior precision of a text counter's weight."),
    prior_option<&PosteriorOptions::embedding_precision>(
        "embedding_precision", "observations", kPrecision,
        "The prior precision of a text-model or embedding coordinate's weight."),
    prior_option<&PosteriorOptions::gamma>(
        "gamma", "a decision", {.min = 0.0, .max = 1.0, .above_min = true},
        "What is left of an observation's weight after one decision; .999 forgets over 1,000 "
        "decisions, 1 never forgets.")};

constexpr Option<double> kFloor{
    "propensity_floor", "probability", kUnitInterval,
    "The least probability of an eligible arm, at most 1/arms; more than 0 keeps every arm "
    "measurable, and explores that much.",
    [](const double& floor) -> const double& { return floor; }};

template <class Options>
constexpr CataloguedPolicy entry() {
  return {Listed<Options>::name, Listed<Options>::summary, Listed<Options>::options,
          [] { return PolicyOptions(Options{}); }};
}

template <class... Options>
constexpr std::array<CataloguedPolicy, sizeof...(Options)> entries(
    const std::variant<Options...>*) {
  return {entry<Options>()...};
}

constexpr auto kPolicies = entries(static_cast<const PolicyOptions*>(nullptr));

template <class Owner>
Status check(const Owner& owner, const Option<Owner>& option, std::string_view part) {
  const double value = option.get(owner);
  if (option.range.holds(value)) return Done{};
  return invalid(
      std::string(part).append(option.key),
      "The option '" + std::string(option.key) + "' must be " + option.range.text() + ".");
}

template <class Owner>
void bound(Owner& owner, const Option<Owner>& option, double default_value) {
  double& value = option.of(owner);
  if (option.range.holds(value)) return;
  if (std::isnan(value)) {
    value = default_value;
    return;
  }
  const double least =
      option.range.above_min ? std::nextafter(option.range.min, HUGE_VAL) : option.range.min;
  value = std::clamp(value, least, option.range.max);
}

}  // namespace

PolicyOptions unnamed_policy() { return LinTsOptions{}; }

std::span<const CataloguedPolicy, std::variant_size_v<PolicyOptions>> policy_catalogue() {
  return kPolicies;
}

std::span<const PosteriorOption> posterior_catalogue() { return kPosterior; }

const Option<double>& propensity_floor_option() { return kFloor; }

const CataloguedPolicy& catalogued(const PolicyOptions& policy) {
  return kPolicies[policy.index()];
}

const CataloguedPolicy* find_policy(std::string_view name) {
  const auto found = std::find_if(kPolicies.begin(), kPolicies.end(),
                                  [&](const CataloguedPolicy& one) { return one.name == name; });
  return found == kPolicies.end() ? nullptr : &*found;
}

std::string policy_names() {
  std::string text;
  for (const CataloguedPolicy& one : kPolicies) {
    if (&one != &kPolicies.front()) text += &one == &kPolicies.back() ? " and " : ", ";
    text += one.name;
  }
  return text;
}

const std::string* named_arm(const PolicyOptions& policy) {
  return std::visit(
      [](const auto& options) -> const std::string* {
        if constexpr (requires { options.arm; }) return &options.arm;
        return nullptr;
      },
      policy);
}

std::string* named_arm(PolicyOptions& policy) {
  return const_cast<std::string*>(named_arm(std::as_const(policy)));
}

std::string_view policy_name(const PolicyOptions& policy) { return catalogued(policy).name; }

Status check_learner(const Learner& learner) {
  for (const PolicyOption& option : catalogued(learner.policy).options) {
    if (Status ok = check(learner.policy, option, "policy/"); !ok) return ok;
  }
  for (const PosteriorOption& option : kPosterior) {
    if (Status ok = check(learner.posterior, option, "posterior/"); !ok) return ok;
  }
  return check(learner.propensity_floor, kFloor, "");
}

void bound_learner(PolicyOptions& policy, PosteriorOptions& posterior, double& propensity_floor) {
  const CataloguedPolicy& entry = catalogued(policy);
  const PolicyOptions defaults = entry.make();
  for (const PolicyOption& option : entry.options) bound(policy, option, option.get(defaults));
  for (const PosteriorOption& option : kPosterior) {
    bound(posterior, option, option.get(PosteriorOptions{}));
  }
  bound(propensity_floor, kFloor, 0.0);
}

}  // namespace pointsman
