#include "engine/fold/default_policy.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "engine/fold/landmark_map.h"
#include "engine/fold/observation.h"
#include "engine/fold/standardiser.h"

namespace pointsman {
namespace {

constexpr double kFieldsAtOwnPrecision = 20.0;
constexpr double kRewards = 16.0;
constexpr double kFewestRewards = 8.0;
constexpr double kMargin = 0.5;

/// The mean of the first observed rewards, as if half a success in one try were known before, and
/// the margin above it; nothing where too few are observed.
std::optional<double> learn_intercept(std::span<const DecisionState* const> first) {
  double weight = 0.0;
  double reward = 0.0;
  for (const DecisionState* state : first) {
    if (weight >= kRewards) break;
    weight += state->folded.weight;
    reward += state->folded.weight * state->folded.reward;
  }
  if (weight < kFewestRewards) return std::nullopt;
  const double mean = (reward + 0.5) / (weight + 1.0);
  return std::min(1.0, mean + kMargin * std::sqrt(std::max(0.0, mean * (1.0 - mean))));
}

double precision_of(CoordinateKind kind, const PosteriorOptions& options) {
  switch (kind) {
    case CoordinateKind::text_counter:
      return options.text_precision;
    case CoordinateKind::embedding:
      return options.embedding_precision;
    case CoordinateKind::field:
      break;
  }
  return options.field_precision;
}

}  // namespace

std::vector<std::uint32_t> map_inputs(const RouterConfig& config) {
  std::vector<std::uint32_t> inputs;
  if (!std::holds_alternative<DefaultOptions>(config.policy)) return inputs;
  // The declared fields stand before the hashed ones, at the end of the raw vector.
  std::size_t declared = config.features.hashed_fields;
  for (const FieldSpec& field : config.features.fields) {
    declared += std::max<std::size_t>(1, field.values.size());
  }
  std::size_t place = raw_dims(config.features) - declared;
  for (const FieldSpec& field : config.features.fields) {
    if (field.values.empty()) inputs.push_back(static_cast<std::uint32_t>(place));
    place += std::max<std::size_t>(1, field.values.size());
  }
  return inputs;
}

void learn_default(const RouterConfig& config, std::span<const DecisionState* const> first,
                   SchemaRevision& revision) {
  const auto* options = std::get_if<DefaultOptions>(&config.policy);
  if (options == nullptr) return;
  revision.intercept_mean = learn_intercept(first);

  const std::vector<std::uint32_t> inputs = map_inputs(config);
  if (inputs.empty()) return;
  const Standardiser standardiser(revision);
  std::vector<float> context(standardiser.context_dims());
  std::vector<float> landmarks;
  for (const DecisionState* state : first.first(std::min(first.size(), LandmarkMap::kWidth))) {
    standardiser.apply(state->raw, context);
    for (const std::uint32_t input : inputs) landmarks.push_back(context[input + 1]);
  }
  choose_landmarks(landmarks, inputs.size(), options->bandwidth, revision);
}

LinearPrior make_prior(const RouterConfig& config, const SchemaRevision& revision) {
  const PosteriorOptions& options = config.posterior;
  LinearPrior prior;
  const bool learnt = std::holds_alternative<DefaultOptions>(config.policy);
  prior.mean.push_back(learnt ? revision.intercept_mean.value_or(options.intercept_mean)
                              : options.intercept_mean);
  prior.precision.push_back(options.intercept_precision);
  for (const CoordinateKind kind : coordinate_kinds(config.features)) {
    prior.precision.push_back(precision_of(kind, options));
  }
  if (const std::vector<std::uint32_t> inputs = map_inputs(config); !inputs.empty()) {
    const double many = static_cast<double>(inputs.size()) / kFieldsAtOwnPrecision;
    for (const std::uint32_t input : inputs) prior.precision[input + 1] *= std::max(1.0, many);
    const double landmark = std::get<DefaultOptions>(config.policy).landmark_precision;
    prior.precision.insert(prior.precision.end(), LandmarkMap::kWidth, landmark);
  }
  prior.mean.resize(prior.precision.size(), 0.0);
  return prior;
}

}  // namespace pointsman
