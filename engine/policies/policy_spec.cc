#include "engine/policies/policy_spec.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

namespace pointsman {
namespace {

/// Sets the prior precision of every feature, whatever its kind.
constexpr std::string_view kPrecisionKey = "precision";
constexpr std::array<std::string_view, 3> kFeaturePrecisions = {"field_precision", "text_precision",
                                                                "embedding_precision"};

/// What one key of a spec sets: one option, or several at once.
struct Target {
  NumberRange range;
  std::vector<double*> values;
};

std::optional<Target> target_of(PolicySpec& spec, std::string_view key) {
  if (key == kFloorSpecKey)
    return Target{propensity_floor_option().range, {&spec.propensity_floor}};
  for (const PolicyOption& option : catalogued(spec.policy).options) {
    if (key == option.key) return Target{option.range, {&option.of(spec.policy)}};
  }
  Target target;
  for (const PosteriorOption& option : posterior_catalogue()) {
    const bool by_all = key == kPrecisionKey && std::ranges::count(kFeaturePrecisions, option.key);
    if (key != option.key && !by_all) continue;
    target.range = option.range;
    target.values.push_back(&option.of(spec.posterior));
  }
  if (target.values.empty()) return std::nullopt;
  return target;
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
  if (error != std::errc() || stop != end) return std::nullopt;
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
                                         target->range.text() + ", not " + quoted(text) + ".");
  }
  for (double* const place : target->values) *place = *value;
  return Done{};
}

}  // namespace

PolicySpec unnamed_policy_spec() {
  const PolicyOptions policy = unnamed_policy();
  return {std::string(policy_name(policy)), policy, PosteriorOptions{}, 0.0};
}

Result<PolicySpec> parse_policy_spec(std::string_view text, const PosteriorOptions& defaults) {
  std::string_view rest = text;
  bool more = rest.find(':') != std::string_view::npos;
  const std::string_view name = take_until(rest, ':');
  const CataloguedPolicy* const entry = find_policy(name);
  if (entry == nullptr) {
    return invalid("policy",
                   "There is no policy " + quoted(name) + "; there are " + policy_names() + ".");
  }
  PolicySpec spec{std::string(text), entry->make(), defaults, 0.0};
  if (std::string* const arm = named_arm(spec.policy)) {
    more = rest.find(',') != std::string_view::npos;
    *arm = take_until(rest, ',');
    if (arm->empty()) {
      return invalid(std::string(kArmKey), "The policy " + quoted(name) + " names its arm, as in " +
                                               std::string(name) + ":ARM.");
    }
  }
  while (more) {
    more = rest.find(',') != std::string_view::npos;
    if (Status status = apply_option(spec, take_until(rest, ',')); !status) return status.error();
  }
  return spec;
}

}  // namespace pointsman
