#include "engine/policy.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

#include "engine/thompson.h"

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

struct Distribution {
  std::span<const ArmUtility> arms;
  std::span<double> out;

  void operator()(const LinUcbOptions& options) const {
    const auto bound = [&](const ArmUtility& arm) { return arm.mean + options.alpha * arm.sigma; };
    share_best(arms, out, bound, {1.0, 0.0});
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
};

struct Name {
  std::string_view operator()(const LinUcbOptions&) const { return "linucb"; }
  std::string_view operator()(const LinTsOptions&) const { return "lints"; }
  std::string_view operator()(const UniformOptions&) const { return "uniform"; }
  std::string_view operator()(const FixedOptions&) const { return "fixed"; }
  std::string_view operator()(const EpsilonGreedyOptions&) const { return "epsilon_greedy"; }
};

/// A number's allowed range, and how to say it.
struct Range {
  bool (*holds)(double);
  const char* words;
};

constexpr Range kAnyNumber{[](double) { return true; }, "a finite number"};
constexpr Range kNotNegative{[](double v) { return v >= 0.0; }, "a finite number, 0 or more"};
constexpr Range kPositive{[](double v) { return v > 0.0; }, "a finite number above 0"};
constexpr Range kShare{[](double v) { return v >= 0.0 && v <= 1.0; }, "a number from 0 to 1"};
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
  return std::nullopt;
}

}  // namespace

void propensities(const PolicyOptions& policy, std::span<const ArmUtility> arms,
                  std::span<double> out) {
  assert(!arms.empty() && arms.size() == out.size());
  std::visit(Distribution{arms, out}, policy);
}

std::string_view policy_name(const PolicyOptions& policy) { return std::visit(Name{}, policy); }

Result<PolicySpec> parse_policy_spec(std::string_view text, const PosteriorOptions& defaults) {
  std::string_view rest = text;
  const bool has_options = rest.find(':') != std::string_view::npos;
  const std::string_view name = take_until(rest, ':');
  std::optional<PolicyOptions> policy = policy_named(name);
  if (!policy) {
    return invalid("policy", "There is no policy " + quoted(name) +
                                 "; there are linucb, lints, uniform, fixed and epsilon_greedy.");
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
