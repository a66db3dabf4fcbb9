#include "engine/policies/policy.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

#include "engine/policies/beta_thompson.h"
#include "engine/policies/thompson.h"

namespace pointsman {
namespace {

/// Gives `share` to the arms with the largest score, in equal parts, and `base` to every arm.
template <class Score>
void share_best(std::span<const ArmUtility> arms, std::span<double> out, const Score& score,
                const std::pair<double, double>& share_and_base) {
  double best = score(arms.front());
  std::size_t ties = 0;
  for (const ArmUtility& arm : arms) {
    const double value = score(arm);
    if (value > best) {
      best = value;
      ties = 1;
    } else if (value == best) {
      ++ties;
    }
  }
  const auto [share, base] = share_and_base;
  const double part = share / static_cast<double>(ties);
  for (std::size_t a = 0; a < arms.size(); ++a) {
    out[a] = base + (score(arms[a]) == best ? part : 0.0);
  }
}

void fill_uniform(std::span<double> out) {
  std::fill(out.begin(), out.end(), 1.0 / static_cast<double>(out.size()));
}

/// Room for k means and k sigmas, on the stack for k ≤ 64.
void integrate_thompson(double alpha, std::span<const ArmUtility> arms, std::span<double> out) {
  constexpr std::size_t kStackArms = 64;
  std::array<double, 2 * kStackArms> stack;
  std::vector<double> heap;
  const std::size_t k = arms.size();
  std::span<double> room(stack);
  if (k > kStackArms) {
    heap.resize(2 * k);
    room = heap;
  }
  const std::span<double> mean = room.first(k);
  const std::span<double> sigma = room.subspan(k, k);
  for (std::size_t a = 0; a < k; ++a) {
    mean[a] = arms[a].mean;
    sigma[a] = alpha * arms[a].sigma;
  }
  thompson_propensities(mean, sigma, out);
}

/// Σ w below this is what rounding left of observations that were taken back.
constexpr double kNoWeight = 1e-9;
/// More observations than any log has; beta_thompson_propensities() asks for a bound.
constexpr double kMostWeight = 1e11;

double mean_reward(const ArmUtility& arm) {
  return std::clamp(arm.reward_sum / arm.weight_sum, 0.0, 1.0);
}

/// Inverse gap weighting. The rest is at least 1/k, since no other arm gets more than 1/k.
void weigh_inverse_gaps(double gamma, std::span<const ArmUtility> arms, double value_usd,
                        std::span<double> out) {
  double best = arms.front().mean;
  for (const ArmUtility& arm : arms) best = std::max(best, arm.mean);
  const auto k = static_cast<double>(arms.size());
  double rest = 1.0;
  double ties = 0.0;
  for (std::size_t a = 0; a < arms.size(); ++a) {
    const double gap = best - arms[a].mean;
    // Without a value any gap is infinitely large in units of it.
    out[a] = gap == 0.0 || value_usd == 0.0 ? 0.0 : 1.0 / (k + gamma * gap / value_usd);
    rest -= out[a];
    if (gap == 0.0) ties += 1.0;
  }
  for (std::size_t a = 0; a < arms.size(); ++a) {
    if (arms[a].mean == best) out[a] = rest / ties;
  }
}

/// Room for k arms, on the stack for k ≤ 64.
void integrate_beta(const BetaThompsonOptions& options, std::span<const ArmUtility> arms,
                    double value_usd, std::span<double> out) {
  std::array<BetaArm, 64> stack;
  std::vector<BetaArm> heap;
  std::span<BetaArm> room(stack);
  if (arms.size() > stack.size()) {
    heap.resize(arms.size());
    room = heap;
  }
  double highest = arms.front().shift;
  for (const ArmUtility& arm : arms) highest = std::max(highest, arm.shift);
  for (std::size_t a = 0; a < arms.size(); ++a) {
    const double good = std::clamp(arms[a].reward_sum, 0.0, kMostWeight);
    const double bad = std::clamp(arms[a].weight_sum - arms[a].reward_sum, 0.0, kMostWeight);
    // Two units below the best no draw can win; V may be as small as it likes.
    const double below = arms[a].shift - highest;
    const double shift = std::max(-2.0, below / value_usd);
    room[a] = {options.a0 + good, options.b0 + bad, shift};
  }
  beta_thompson_propensities(room.first(arms.size()), out);
}

/// V = 0: quality is worth nothing.
void share_least_cost(std::span<const ArmUtility> arms, std::span<double> out) {
  share_best(arms, out, [](const ArmUtility& arm) { return arm.shift; }, {1.0, 0.0});
}

struct Distribution {
  std::span<const ArmUtility> arms;
  const PolicyContext& context;
  std::span<double> out;

  void operator()(const LinUcbOptions& options) const {
    const auto bound = [&](const ArmUtility& arm) { return arm.mean + options.alpha * arm.sigma; };
    share_best(arms, out, bound, {1.0, 0.0});
  }

  void operator()(const DefaultOptions& options) const { (*this)(LinUcbOptions{options.alpha}); }

  void operator()(const HybridLinUcbOptions& options) const {
    (*this)(LinUcbOptions{options.alpha});
  }

  void operator()(const LinTsOptions& options) const {
    integrate_thompson(options.alpha, arms, out);
  }

  void operator()(const UniformOptions&) const { fill_uniform(out); }

  void operator()(const FixedOptions& options) const {
    const auto found = std::find_if(arms.begin(), arms.end(),
                                    [&](const ArmUtility& arm) { return arm.arm == options.arm; });
    if (found == arms.end()) return fill_uniform(out);
    std::fill(out.begin(), out.end(), 0.0);
    out[static_cast<std::size_t>(found - arms.begin())] = 1.0;
  }

  void operator()(const EpsilonGreedyOptions& options) const {
    const double base = options.epsilon / static_cast<double>(arms.size());
    const auto mean = [](const ArmUtility& arm) { return arm.mean; };
    share_best(arms, out, mean, {1.0 - options.epsilon, base});
  }

  void operator()(const SquareCbOptions& options) const {
    const double t = static_cast<double>(context.decisions) + 1.0;
    const double gamma = options.gamma0 * std::pow(t, options.exponent);
    weigh_inverse_gaps(gamma, arms, context.value_usd, out);
  }

  void operator()(const Ucb1Options& options) const {
    if (context.value_usd == 0.0) return share_least_cost(arms, out);
    double total = 0.0;
    for (const ArmUtility& arm : arms) total += std::max(0.0, arm.weight_sum);
    // The paper has played every arm once before its rule begins.
    const double width =
        std::sqrt(2.0 * std::log(std::max(total, static_cast<double>(arms.size()))));
    const auto bound = [&](const ArmUtility& arm) {
      if (arm.weight_sum < kNoWeight) return HUGE_VAL;
      const double quality = mean_reward(arm) + options.alpha * width / std::sqrt(arm.weight_sum);
      return context.value_usd * quality + arm.shift;
    };
    share_best(arms, out, bound, {1.0, 0.0});
  }

  void operator()(const BetaThompsonOptions& options) const {
    if (context.value_usd == 0.0) return share_least_cost(arms, out);
    integrate_beta(options, arms, context.value_usd, out);
  }
};

struct Name {
  std::string_view operator()(const LinUcbOptions&) const { return "linucb"; }
  std::string_view operator()(const LinTsOptions&) const { return "lints"; }
  std::string_view operator()(const UniformOptions&) const { return "uniform"; }
  std::string_view operator()(const FixedOptions&) const { return "fixed"; }
  std::string_view operator()(const EpsilonGreedyOptions&) const { return "epsilon_greedy"; }
  std::string_view operator()(const SquareCbOptions&) const { return "squarecb"; }
  std::string_view operator()(const Ucb1Options&) const { return "ucb1"; }
  std::string_view operator()(const BetaThompsonOptions&) const { return "beta_thompson"; }
  std::string_view operator()(const DefaultOptions&) const { return "default"; }
  std::string_view operator()(const HybridLinUcbOptions&) const { return "hybrid_linucb"; }
};

/// A number's allowed range, and how to say it.
struct Range {
  bool (*holds)(double);
  const char* words;
};

constexpr Range kAnyNumber{[](double) { return true; }, "a finite number"};
constexpr Range kNotNegative{[](double v) { return v >= 0.0; }, "a finite number, 0 or more"};
constexpr Range kPositive{[](double v) { return v > 0.0; }, "a finite number above 0"};
constexpr Range kPseudoCount{[](double v) { return v >= 0.5 && v <= 1e6; },
                             "a number from 0.5 to 1000000"};
constexpr Range kShare{[](double v) { return v >= 0.0 && v <= 1.0; }, "a number from 0 to 1"};
constexpr Range kCorrelation{[](double v) { return v > 0.0 && v <= 0.999; },
                             "a number above 0 and at most 0.999"};
constexpr Range kForgetting{[](double v) { return v > 0.0 && v <= 1.0; },
                            "a number above 0 and at most 1"};

/// What one key of a spec sets: one option, or several at once.
struct Target {
  Range range;
  std::array<double*, 3> values{};
};

std::optional<Target> policy_target(PolicyOptions& policy, std::string_view key) {
  if (auto* ucb = std::get_if<LinUcbOptions>(&policy); ucb != nullptr && key == "alpha") {
    return Target{kNotNegative, {&ucb->alpha}};
  }
  if (auto* ts = std::get_if<LinTsOptions>(&policy); ts != nullptr && key == "alpha") {
    return Target{kNotNegative, {&ts->alpha}};
  }
  if (auto* greedy = std::get_if<EpsilonGreedyOptions>(&policy);
      greedy != nullptr && key == "epsilon") {
    return Target{kShare, {&greedy->epsilon}};
  }
  if (auto* square = std::get_if<SquareCbOptions>(&policy); square != nullptr) {
    if (key == "gamma0") return Target{kNotNegative, {&square->gamma0}};
    if (key == "exponent") return Target{kShare, {&square->exponent}};
  }
  if (auto* ucb = std::get_if<Ucb1Options>(&policy); ucb != nullptr && key == "alpha") {
    return Target{kNotNegative, {&ucb->alpha}};
  }
  if (auto* beta = std::get_if<BetaThompsonOptions>(&policy); beta != nullptr) {
    if (key == "a0") return Target{kPseudoCount, {&beta->a0}};
    if (key == "b0") return Target{kPseudoCount, {&beta->b0}};
  }
  if (auto* all = std::get_if<DefaultOptions>(&policy); all != nullptr) {
    if (key == "alpha") return Target{kNotNegative, {&all->alpha}};
    if (key == "landmark_precision") return Target{kPositive, {&all->landmark_precision}};
    if (key == "bandwidth") return Target{kPositive, {&all->bandwidth}};
  }
  if (auto* hybrid = std::get_if<HybridLinUcbOptions>(&policy); hybrid != nullptr) {
    if (key == "alpha") return Target{kNotNegative, {&hybrid->alpha}};
    if (key == "shared") return Target{kCorrelation, {&hybrid->shared}};
    if (key == "shared_intercept") return Target{kCorrelation, {&hybrid->shared_intercept}};
  }
  return std::nullopt;
}

std::optional<Target> target_of(PolicySpec& spec, std::string_view key) {
  PosteriorOptions& p = spec.posterior;
  if (key == "floor") return Target{kShare, {&spec.propensity_floor}};
  if (key == "gamma") return Target{kForgetting, {&p.gamma}};
  if (key == "intercept_mean") return Target{kAnyNumber, {&p.intercept_mean}};
  if (key == "intercept_precision") return Target{kPositive, {&p.intercept_precision}};
  if (key == "field_precision") return Target{kPositive, {&p.field_precision}};
  if (key == "text_precision") return Target{kPositive, {&p.text_precision}};
  if (key == "embedding_precision") return Target{kPositive, {&p.embedding_precision}};
  if (key == "precision") {
    return Target{kPositive, {&p.field_precision, &p.text_precision, &p.embedding_precision}};
  }
  return policy_target(spec.policy, key);
}

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

/// Cuts `text` at the first `separator`; `text` keeps the rest.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view head = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return head;
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0.0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

Status apply_option(PolicySpec& spec, std::string_view item) {
  const bool has_value = item.find('=') != std::string_view::npos;
  std::string_view text = item;
  const std::string_view key = take_until(text, '=');
  if (!has_value || key.empty()) {
    return invalid(std::string(key),
                   "A policy's options are written key=value, not " + quoted(item) + ".");
  }
  const std::optional<Target> target = target_of(spec, key);
  if (!target) {
    return invalid(std::string(key), "The policy " + quoted(policy_name(spec.policy)) +
                                         " has no option " + quoted(key) + ".");
  }
  const std::optional<double> value = parse_number(text);
  if (!value || !target->range.holds(*value)) {
    return invalid(std::string(key), "The option " + quoted(key) + " must be " +
                                         target->range.words + ", not " + quoted(text) + ".");
  }
  for (double* place : target->values) {
    if (place != nullptr) *place = *value;
  }
  return Done{};
}

std::optional<PolicyOptions> policy_named(std::string_view name) {
  if (name == "linucb") return LinUcbOptions{};
  if (name == "lints") return LinTsOptions{};
  if (name == "uniform") return UniformOptions{};
  if (name == "fixed") return FixedOptions{};
  if (name == "epsilon_greedy") return EpsilonGreedyOptions{};
  if (name == "squarecb") return SquareCbOptions{};
  if (name == "ucb1") return Ucb1Options{};
  if (name == "beta_thompson") return BetaThompsonOptions{};
  if (name == "default") return DefaultOptions{};
  if (name == "hybrid_linucb") return HybridLinUcbOptions{};
  return std::nullopt;
}

}  // namespace

void propensities(const PolicyOptions& policy, std::span<const ArmUtility> arms,
                  const PolicyContext& context, std::span<double> out) {
  assert(!arms.empty() && arms.size() == out.size() && context.value_usd >= 0.0);
  std::visit(Distribution{arms, context, out}, policy);
}

std::string_view policy_name(const PolicyOptions& policy) { return std::visit(Name{}, policy); }

Result<PolicySpec> parse_policy_spec(std::string_view text, const PosteriorOptions& defaults) {
  std::string_view rest = text;
  const bool has_options = rest.find(':') != std::string_view::npos;
  const std::string_view name = take_until(rest, ':');
  std::optional<PolicyOptions> policy = policy_named(name);
  if (!policy) {
    return invalid("policy",
                   "There is no policy " + quoted(name) +
                       "; there are linucb, lints, uniform, fixed, epsilon_greedy, squarecb, "
                       "ucb1, beta_thompson, default and hybrid_linucb.");
  }
  PolicySpec spec{std::string(text), *std::move(policy), defaults, 0.0};
  bool more = has_options;
  if (auto* fixed = std::get_if<FixedOptions>(&spec.policy); fixed != nullptr) {
    more = rest.find(',') != std::string_view::npos;
    fixed->arm = take_until(rest, ',');
    if (fixed->arm.empty()) {
      return invalid("arm", "The policy 'fixed' names its arm, as in fixed:ARM.");
    }
  }
  while (more) {
    more = rest.find(',') != std::string_view::npos;
    const Status applied = apply_option(spec, take_until(rest, ','));
    if (!applied) return applied.error();
  }
  return spec;
}

}  // namespace pointsman
