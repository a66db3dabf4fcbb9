#pragma once

namespace pointsman {

/// The Bayesian ridge under every linear policy: r ~ N(x'θ, 1/w), θ ~ N(μ₀, Λ⁻¹) with a diagonal
/// prior. See docs/MATH.md.
///
/// The defaults are for routing real prompts. Answers are good more often than not and differ
/// little between models, so an arm starts as if ten perfect answers were known of it: a good arm
/// that is unlucky at first is asked again, where a vague prior locks it out. A prompt says little
/// of which model is right, so its coordinates start close to zero. Chosen on pareto_dev and
/// routellm_mmlu_dev as the least mean regret among the settings that kept every one of 100
/// shuffles within .02 of the best fixed arm (docs/BENCHMARKS.md, "Learning").
struct PosteriorOptions {
  double intercept_mean = 1.0;        ///< Expected reward of an arm that nobody has tried.
  double intercept_precision = 10.0;  ///< Observations that this expectation is worth.
  double field_precision = 5.0;       ///< Prior precision of a numeric or categorical feature.
  double text_precision = 500.0;      ///< Prior precision of a text counter.
  double embedding_precision =
      1000.0;          ///< Prior precision of a text-model or embedding coordinate.
  double gamma = 1.0;  ///< Forgetting a decision; 1 never forgets. In (0, 1].
  bool operator==(const PosteriorOptions&) const = default;
};

}  // namespace pointsman
