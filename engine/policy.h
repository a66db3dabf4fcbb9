#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/result.h"

namespace pointsman {

/// Linear upper confidence bound, disjoint arms (Li et al. 2010, Algorithm 1). The whole
/// probability goes to the largest V·μ + V·α·σ less cost; ties share it.
struct LinUcbOptions {
  double alpha = 0.2;  ///< Width of the bound in standard deviations; larger explores more.
  bool operator==(const LinUcbOptions&) const = default;
};

/// Linear Thompson sampling (Agrawal & Goyal 2013), disjoint arms, one normal an arm. The
/// propensities are exact: they are integrated, not sampled.
struct LinTsOptions {
  double alpha = 0.1;  ///< Multiplies the posterior's standard deviation; larger explores more.
  bool operator==(const LinTsOptions&) const = default;
};

struct UniformOptions {
  bool operator==(const UniformOptions&) const = default;
};

/// Always the same arm, where it is eligible; otherwise uniform over the eligible ones.
struct FixedOptions {
  std::string arm;
  bool operator==(const FixedOptions&) const = default;
};

/// The best expected utility with probability 1 − ε, any eligible arm with ε/k.
struct EpsilonGreedyOptions {
  double epsilon = 0.1;
  bool operator==(const EpsilonGreedyOptions&) const = default;
};

using PolicyOptions =
    std::variant<LinUcbOptions, LinTsOptions, UniformOptions, FixedOptions, EpsilonGreedyOptions>;

/// The Bayesian ridge under every linear policy: r ~ N(x'θ, 1/w), θ ~ N(μ₀, Λ⁻¹) with a diagonal
/// prior. See docs/MATH.md.
struct PosteriorOptions {
  double intercept_mean = 0.5;        ///< Prior mean of the intercept: a reward's middle.
  double intercept_precision = 0.1;   ///< Small, so that one observation overrules the mean.
  double field_precision = 5.0;       ///< Prior precision of a numeric or categorical feature.
  double text_precision = 20.0;       ///< Prior precision of a text counter.
  double embedding_precision = 20.0;  ///< Prior precision of a text-model or embedding coordinate.
  double gamma = 1.0;                 ///< Forgetting a decision; 1 never forgets. In (0, 1].
  bool operator==(const PosteriorOptions&) const = default;
};

/// One eligible arm as a policy sees it.
struct ArmUtility {
  std::string_view arm;
  double mean = 0.0;        ///< Expected utility in dollars.
  double sigma = 0.0;       ///< Standard deviation of quality's part, in dollars, before α.
  std::uint64_t pulls = 0;  ///< Decisions for this arm so far.
};

/// Writes the policy's whole distribution over `arms` into `out` (same length, sums to 1).
/// Never allocates for k ≤ 64. Arms that tie share their probability equally; only the draw tells
/// them apart. Thread-safety: a pure function. Preconditions: arms is not empty, every mean and
/// sigma is finite.
void propensities(const PolicyOptions& policy, std::span<const ArmUtility> arms,
                  std::span<double> out);

/// The policy's lower-case name: "linucb", "lints", "uniform", "fixed", "epsilon_greedy".
std::string_view policy_name(const PolicyOptions& policy);

/// A policy with the posterior and floor it runs on, as a command line writes it.
struct PolicySpec {
  std::string text;  ///< As given.
  PolicyOptions policy;
  PosteriorOptions posterior;
  double propensity_floor = 0.0;
};

/// Parses `name[:key=value[,key=value…]]`, for example "linucb:alpha=.3,text_precision=50", and
/// "fixed:ARM" (the arm ends at the first comma). Options that are not named keep the values of
/// `defaults`; where one is set twice, the later stands. The error's field is the key.
///
/// Keys of every policy: floor, gamma, intercept_mean, intercept_precision, field_precision,
/// text_precision, embedding_precision, and precision, which sets the latter three at once. alpha
/// belongs to linucb and lints, epsilon to epsilon_greedy.
Result<PolicySpec> parse_policy_spec(std::string_view text, const PosteriorOptions& defaults = {});

}  // namespace pointsman
