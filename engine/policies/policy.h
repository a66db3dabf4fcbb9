#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/values/result.h"

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

/// Inverse gap weighting over the posterior's means (SquareCB; Foster & Rakhlin 2020, *Beyond UCB*,
/// Algorithm 1): p_a = 1/(k + γ_t·gap_a) for every arm but the best, the rest for the best; gap_a
/// is the utility that a lacks, in units of `value_usd`. γ_t = gamma0·t^exponent with t the
/// router's decision number. It needs no σ. With V > 0 no eligible arm has p = 0.
struct SquareCbOptions {
  double gamma0 = 30.0;   ///< For rewards in [0, 1]; larger explores less, 0 is uniform.
  double exponent = 0.5;  ///< How fast exploring fades: .5 suits linear means, 0 never fades.
  bool operator==(const SquareCbOptions&) const = default;
};

/// Upper confidence bound without a context (Auer, Cesa-Bianchi & Fischer 2002, Figure 1): all on
/// the largest V·(r̄_a + α·√(2 ln N / n_a)) less cost. n_a is the arm's observations, weighted and
/// aged by γ (with γ < 1: Garivier & Moulines 2011), N their sum over the arms at hand, at least k.
/// Arms without an observation go first and share.
struct Ucb1Options {
  double alpha = 1.0;  ///< Multiplies the paper's width, which holds for any reward in [0, 1].
  bool operator==(const Ucb1Options&) const = default;
};

/// Thompson sampling without a context (Thompson 1933; Agrawal & Goyal 2012): quality of an arm is
/// Beta(a0 + Σ w r, b0 + Σ w (1 − r)), aged by γ as the posterior is. The propensities are
/// integrated, not sampled; see engine/policies/beta_thompson.h.
struct BetaThompsonOptions {
  double a0 = 1.0;  ///< Prior successes, in observations, ≥ .5; larger trusts a new arm more.
  double b0 = 1.0;  ///< Prior failures, in observations, ≥ .5; larger doubts a new arm more.
  bool operator==(const BetaThompsonOptions&) const = default;
};

/// The policy that needs no setting: LinUCB (Li et al. 2010) over the context and, where the router
/// has numeric fields, over LandmarkMap's non-linear features of them, both under one prior. The
/// features are chosen, and the intercept's prior mean is learnt, at the schema's moments; see
/// engine/fold/default_policy.h. Chosen on the seven classification sets and on pareto_dev and
/// routellm_mmlu_dev together (docs/BENCHMARKS.md, "One default for all").
struct DefaultOptions {
  double alpha = 0.15;  ///< Width of the bound in standard deviations; larger explores more.
  double landmark_precision = 0.1;  ///< Prior precision of a landmark feature; large: linear.
  double bandwidth = 0.6;           ///< The kernel's ℓ, in median distances of two contexts; > 0.
  bool operator==(const DefaultOptions&) const = default;
};

/// Hybrid LinUCB (Li et al. 2010, Algorithm 2): beside each arm's own coefficients there are some
/// that all arms share, so that what one arm's reward says of the *request* (it was a hard one)
/// counts for every arm. The shared features are the context itself. An arm's coefficients are then
/// normal about common ones, and one number says how much arms have in common: their correlation
/// before anything is known, above 0 and at most .999. Towards 0 it is LinUCB, towards 1 all arms
/// are one. See engine/posterior/shared_posterior.h and docs/MATH.md.
struct HybridLinUcbOptions {
  double alpha = 0.2;             ///< Width of the bound in standard deviations.
  double shared = 0.7;            ///< Correlation of two arms' coefficients, intercept apart.
  double shared_intercept = 0.3;  ///< That of their intercepts: how good any arm is.
  bool operator==(const HybridLinUcbOptions&) const = default;
};

using PolicyOptions = std::variant<LinUcbOptions, LinTsOptions, UniformOptions, FixedOptions,
                                   EpsilonGreedyOptions, SquareCbOptions, Ucb1Options,
                                   BetaThompsonOptions, DefaultOptions, HybridLinUcbOptions>;

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
  double intercept_mean = 1.0;          ///< Expected reward of an arm that nobody has tried.
  double intercept_precision = 10.0;    ///< Observations that this expectation is worth.
  double field_precision = 5.0;         ///< Prior precision of a numeric or categorical feature.
  double text_precision = 500.0;        ///< Prior precision of a text counter.
  double embedding_precision = 1000.0;  ///< Of a text-model or embedding coordinate.
  double gamma = 1.0;                   ///< Forgetting a decision; 1 never forgets. In (0, 1].
  bool operator==(const PosteriorOptions&) const = default;
};

/// One eligible arm as a policy sees it.
struct ArmUtility {
  std::string_view arm;
  double mean = 0.0;        ///< Expected utility in dollars.
  double sigma = 0.0;       ///< Standard deviation of quality's part, in dollars, before α.
  std::uint64_t pulls = 0;  ///< Decisions for this arm so far.
  double shift = 0.0;  ///< Utility without quality, in dollars: −(1+λ)·cost − s·latency.
  double weight_sum = 0.0;  ///< Σ w over its observations, aged.
  double reward_sum = 0.0;  ///< Σ w r, aged; within rounding in [0, weight_sum].
};

/// What a policy needs to know of the decision apart from its arms.
struct PolicyContext {
  std::uint64_t decisions = 0;  ///< Decisions of the router before this one.
  double value_usd = 1.0;       ///< V, dollars of a perfect answer, ≥ 0; 0: cost alone decides.
};

/// Writes the policy's whole distribution over `arms` into `out` (same length, sums to 1).
/// Never allocates for k ≤ 64. Arms that tie share their probability equally; only the draw tells
/// them apart. Thread-safety: a pure function. Preconditions: arms is not empty, every mean and
/// sigma is finite.
void propensities(const PolicyOptions& policy, std::span<const ArmUtility> arms,
                  const PolicyContext& context, std::span<double> out);

/// The policy's lower-case name: "linucb", "lints", "uniform", "fixed", "epsilon_greedy",
/// "squarecb", "ucb1", "beta_thompson", "default", "hybrid_linucb".
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
/// belongs to linucb, lints, ucb1, default and hybrid_linucb, epsilon to epsilon_greedy, gamma0 and
/// exponent to squarecb, a0 and b0 to beta_thompson, landmark_precision and bandwidth to default,
/// shared and shared_intercept to hybrid_linucb.
Result<PolicySpec> parse_policy_spec(std::string_view text, const PosteriorOptions& defaults = {});

}  // namespace pointsman
