#include "engine/policies/policy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <numbers>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace pointsman {
namespace {

using Vector = std::vector<double>;

Vector distribution(const PolicyOptions& policy, const std::vector<ArmUtility>& arms,
                    const PolicyContext& context = {}) {
  Vector out(arms.size(), -1.0);
  propensities(policy, arms, context, out);
  return out;
}

const std::vector<ArmUtility> kArms = {
    {"a", 0.5, 0.30, 9}, {"b", 0.6, 0.05, 9}, {"c", 0.4, 0.1, 0}};

TEST(Policy, LinUcbTakesTheLargestUpperBound) {
  EXPECT_EQ(distribution(LinUcbOptions{0.0}, kArms), (Vector{0, 1, 0}));
  EXPECT_EQ(distribution(LinUcbOptions{1.0}, kArms), (Vector{1, 0, 0}));
}

TEST(Policy, LinUcbSharesATieEqually) {
  const std::vector<ArmUtility> arms = {{"a", 0.5, 0.25}, {"b", 0.75, 0.0}, {"c", 0.1, 0.1}};
  EXPECT_EQ(distribution(LinUcbOptions{1.0}, arms), (Vector{0.5, 0.5, 0}));
}

TEST(Policy, LinTsScalesSigmaByAlpha) {
  const std::vector<ArmUtility> arms = {{"a", 0.5, 0.3}, {"b", 0.6, 0.4}};
  for (const double alpha : {0.1, 0.5, 1.0}) {
    const double z = 0.1 / (alpha * 0.5);
    const double expected = 0.5 * std::erfc(-z / std::numbers::sqrt2);
    EXPECT_NEAR(distribution(LinTsOptions{alpha}, arms)[1], expected, 1e-6);
  }
  EXPECT_EQ(distribution(LinTsOptions{0.0}, arms), (Vector{0, 1}));
}

TEST(Policy, EpsilonGreedySharesTheBestAndExploresTheRest) {
  const std::vector<ArmUtility> arms = {{"a", 0.6}, {"b", 0.1}, {"c", 0.6}, {"d", 0.2}};
  const Vector p = distribution(EpsilonGreedyOptions{0.2}, arms);
  EXPECT_NEAR(p[0], 0.45, 1e-15);
  EXPECT_NEAR(p[1], 0.05, 1e-15);
  EXPECT_EQ(p[0], p[2]);
  EXPECT_EQ(p[1], p[3]);
}

TEST(Policy, FixedIsOneHotWhereItsArmIsEligibleAndUniformWhereNot) {
  EXPECT_EQ(distribution(FixedOptions{"c"}, kArms), (Vector{0, 0, 1}));
  EXPECT_EQ(distribution(FixedOptions{"z"}, kArms), Vector(3, 1.0 / 3));
}

TEST(Policy, UniformLooksAtNothing) {
  EXPECT_EQ(distribution(UniformOptions{}, kArms), Vector(3, 1.0 / 3));
}

TEST(Policy, EveryPolicyReturnsADistributionForAnyNumberOfArms) {
  const std::vector<PolicyOptions> policies = {
      LinUcbOptions{},        LinTsOptions{},       UniformOptions{}, FixedOptions{"arm"},
      EpsilonGreedyOptions{}, SquareCbOptions{},    Ucb1Options{},    BetaThompsonOptions{},
      DefaultOptions{},       HybridLinUcbOptions{}};
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> unit(0.0, 1.0);
  for (const PolicyOptions& policy : policies) {
    for (const std::size_t k : {1U, 2U, 5U, 64U, 65U, 300U}) {
      std::vector<ArmUtility> arms(k, ArmUtility{"arm"});
      for (ArmUtility& arm : arms) {
        arm.mean = unit(random);
        arm.sigma = unit(random) < 0.2 ? 0.0 : unit(random);
        arm.shift = unit(random) < 0.5 ? 0.0 : -unit(random);
        arm.weight_sum = unit(random) < 0.2 ? 0.0 : 50.0 * unit(random);
        arm.reward_sum = arm.weight_sum * unit(random);
      }
      const Vector p = distribution(policy, arms);
      EXPECT_NEAR(std::accumulate(p.begin(), p.end(), 0.0), 1.0, 1e-12) << policy_name(policy);
      for (const double value : p) EXPECT_TRUE(value >= 0.0 && value <= 1.0);
    }
  }
}

TEST(Policy, SquareCbFollowsThePapersFormula) {
  const std::vector<ArmUtility> arms = {{"a", 0.9}, {"b", 0.7}, {"c", 0.4}};
  // γ = 10·√100 at the hundredth decision.
  const Vector p = distribution(SquareCbOptions{10.0, 0.5}, arms, {.decisions = 99});
  EXPECT_NEAR(p[1], 1.0 / (3.0 + 100.0 * 0.2), 1e-15);
  EXPECT_NEAR(p[2], 1.0 / (3.0 + 100.0 * 0.5), 1e-15);
  EXPECT_NEAR(p[0], 1.0 - p[1] - p[2], 1e-15);
}

TEST(Policy, SquareCbExploresLessWithEveryDecisionUnlessItsExponentIsZero) {
  const std::vector<ArmUtility> arms = {{"a", 0.9}, {"b", 0.7}};
  const auto explored = [&](double exponent, std::uint64_t decisions) {
    return distribution(SquareCbOptions{10.0, exponent}, arms, {.decisions = decisions})[1];
  };
  EXPECT_GT(explored(0.5, 0), explored(0.5, 1));
  EXPECT_GT(explored(0.5, 1000), explored(1.0, 1000));
  EXPECT_EQ(explored(0.0, 0), explored(0.0, 1000000));
}

TEST(Policy, SquareCbMeasuresGapsInUnitsOfTheValue) {
  const std::vector<ArmUtility> unit = {{"a", 0.9}, {"b", 0.7}, {"c", 0.4}};
  std::vector<ArmUtility> cents = unit;
  for (ArmUtility& arm : cents) arm.mean *= 0.01;
  const Vector expected = distribution(SquareCbOptions{}, unit, {.decisions = 7});
  const Vector p = distribution(SquareCbOptions{}, cents, {.decisions = 7, .value_usd = 0.01});
  for (std::size_t a = 0; a < 3; ++a) EXPECT_NEAR(p[a], expected[a], 1e-12);
}

TEST(Policy, SquareCbSharesATieOfTheBestAndIsUniformWithoutGamma) {
  const std::vector<ArmUtility> arms = {{"a", 0.9}, {"b", 0.9}, {"c", 0.4}};
  const Vector p = distribution(SquareCbOptions{}, arms, {.decisions = 24});
  EXPECT_NEAR(p[2], 1.0 / (3.0 + 150.0 * 0.5), 1e-15);
  EXPECT_EQ(p[0], p[1]);
  for (const double value : distribution(SquareCbOptions{0.0}, arms)) {
    EXPECT_NEAR(value, 1.0 / 3, 1e-15);
  }
}

TEST(Policy, Ucb1FollowsThePapersFormula) {
  const auto arms = [](double shift) {
    return std::vector<ArmUtility>{
        {.arm = "a", .weight_sum = 100.0, .reward_sum = 70.0},
        {.arm = "b", .shift = shift, .weight_sum = 20.0, .reward_sum = 10.0}};
  };
  const double a = 0.7 + std::sqrt(2.0 * std::log(120.0) / 100.0);
  const double b = 0.5 + std::sqrt(2.0 * std::log(120.0) / 20.0);
  ASSERT_GT(b, a);
  // A cost in dollars tips it at V times the difference of the bounds, and not before.
  const PolicyContext cents{.value_usd = 0.01};
  EXPECT_EQ(distribution(Ucb1Options{}, arms(-0.01 * (b - a) + 1e-9), cents), (Vector{0, 1}));
  EXPECT_EQ(distribution(Ucb1Options{}, arms(-0.01 * (b - a) - 1e-9), cents), (Vector{1, 0}));
  EXPECT_EQ(distribution(Ucb1Options{0.0}, arms(0.0)), (Vector{1, 0}));
}

TEST(Policy, Ucb1TriesArmsWithoutAnObservationFirstAndTheyShare) {
  const std::vector<ArmUtility> arms = {
      {.arm = "a", .weight_sum = 9.0, .reward_sum = 9.0}, {.arm = "b"}, {.arm = "c", .pulls = 5}};
  EXPECT_EQ(distribution(Ucb1Options{}, arms), (Vector{0, 0.5, 0.5}));
}

TEST(Policy, Ucb1DoesNotTakeRoundingForAnObservation) {
  const std::vector<ArmUtility> arms = {{.arm = "a", .weight_sum = 9.0, .reward_sum = 9.0},
                                        {.arm = "b", .weight_sum = 5e-17, .reward_sum = -3e-17},
                                        {.arm = "c", .weight_sum = -5e-17, .reward_sum = 3e-17}};
  EXPECT_EQ(distribution(Ucb1Options{}, arms), (Vector{0, 0.5, 0.5}));
}

TEST(Policy, BetaThompsonCountsRewardsAndWhatTheyLack) {
  // P(Beta(2, 1) > Beta(1, 1)) = E[x] = 2/3.
  std::vector<ArmUtility> arms = {{.arm = "a", .weight_sum = 1.0, .reward_sum = 1.0}, {.arm = "b"}};
  EXPECT_NEAR(distribution(BetaThompsonOptions{}, arms)[0], 2.0 / 3, 1e-7);
  // P(Beta(1, 3) > Beta(1, 1)) = 1/4.
  arms[0].weight_sum = 2.0;
  arms[0].reward_sum = 0.0;
  EXPECT_NEAR(distribution(BetaThompsonOptions{}, arms)[0], 0.25, 1e-7);
  // P(Beta(3, 5) > Beta(3, 3)): the prior speaks for both arms.
  EXPECT_NEAR(distribution(BetaThompsonOptions{3.0, 3.0}, arms)[0], 41.0 / 132, 1e-7);
}

TEST(Policy, BetaThompsonWeighsACostAgainstTheValue) {
  // Two uniform arms, the second a quarter of V dearer: it wins with (3/4)²/2.
  const std::vector<ArmUtility> arms = {{.arm = "a", .shift = -0.3}, {.arm = "b", .shift = -0.8}};
  const Vector p = distribution(BetaThompsonOptions{}, arms, {.value_usd = 2.0});
  EXPECT_NEAR(p[1], 0.28125, 1e-7);
  EXPECT_EQ(distribution(BetaThompsonOptions{}, arms, {.value_usd = 1e-300}), (Vector{1, 0}));
}

TEST(Policy, WithoutAValueTheNewPoliciesTakeTheCheapestArm) {
  const std::vector<ArmUtility> arms = {{.arm = "a", .mean = -0.2, .shift = -0.2},
                                        {.arm = "b", .mean = -0.1, .shift = -0.1},
                                        {.arm = "c", .mean = -0.1, .shift = -0.1}};
  for (const PolicyOptions& policy :
       {PolicyOptions(SquareCbOptions{}), PolicyOptions(Ucb1Options{}),
        PolicyOptions(BetaThompsonOptions{})}) {
    EXPECT_EQ(distribution(policy, arms, {.value_usd = 0.0}), (Vector{0, 0.5, 0.5}));
  }
}

TEST(PolicySpec, ABareNameKeepsEveryDefault) {
  PosteriorOptions defaults;
  defaults.text_precision = 7.0;
  for (const char* name : {"linucb", "lints", "uniform", "epsilon_greedy", "squarecb", "ucb1",
                           "beta_thompson", "default"}) {
    const auto spec = parse_policy_spec(name, defaults);
    ASSERT_TRUE(spec.ok()) << name;
    EXPECT_EQ(policy_name(spec->policy), name);
    EXPECT_EQ(spec->text, name);
    EXPECT_EQ(spec->posterior, defaults);
    EXPECT_EQ(spec->propensity_floor, 0.0);
  }
}

TEST(PolicySpec, EveryKeySetsItsOption) {
  const auto spec = parse_policy_spec(
      "linucb:alpha=.3,floor=0.02,gamma=.997,intercept_mean=-1,intercept_precision=.5,"
      "field_precision=2,text_precision=5e1,embedding_precision=8");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->policy, PolicyOptions(LinUcbOptions{0.3}));
  EXPECT_EQ(spec->propensity_floor, 0.02);
  EXPECT_EQ(spec->posterior, (PosteriorOptions{.intercept_mean = -1.0,
                                               .intercept_precision = 0.5,
                                               .field_precision = 2.0,
                                               .text_precision = 50.0,
                                               .embedding_precision = 8.0,
                                               .gamma = 0.997}));
  EXPECT_EQ(parse_policy_spec("lints:alpha=0")->policy, PolicyOptions(LinTsOptions{0.0}));
  EXPECT_EQ(parse_policy_spec("epsilon_greedy:epsilon=1")->policy,
            PolicyOptions(EpsilonGreedyOptions{1.0}));
  EXPECT_EQ(parse_policy_spec("squarecb:gamma0=3,exponent=.25,gamma=.99")->policy,
            PolicyOptions(SquareCbOptions{3.0, 0.25}));
  EXPECT_EQ(parse_policy_spec("ucb1:alpha=.4")->policy, PolicyOptions(Ucb1Options{0.4}));
  EXPECT_EQ(parse_policy_spec("beta_thompson:a0=2,b0=.5")->policy,
            PolicyOptions(BetaThompsonOptions{2.0, 0.5}));
}

TEST(PolicySpec, PrecisionSetsAllThreeFeaturePrecisionsAndALaterKeyOverrulesIt) {
  const auto spec = parse_policy_spec("lints:precision=9,text_precision=4");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->posterior.field_precision, 9.0);
  EXPECT_EQ(spec->posterior.text_precision, 4.0);
  EXPECT_EQ(spec->posterior.embedding_precision, 9.0);
  EXPECT_EQ(spec->posterior.intercept_precision, PosteriorOptions{}.intercept_precision);
}

TEST(PolicySpec, HybridLinUcbSaysWhatArmsShare) {
  const auto spec = parse_policy_spec("hybrid_linucb:alpha=.3,shared=.7,shared_intercept=.2");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->policy, PolicyOptions(HybridLinUcbOptions{0.3, 0.7, 0.2}));
  EXPECT_EQ(policy_name(spec->policy), "hybrid_linucb");
}

TEST(PolicySpec, FixedTakesAnArmWithAnyPunctuationButACommaAndThenOptions) {
  const auto plain = parse_policy_spec("fixed:vendor/model-4:free=1");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->policy, PolicyOptions(FixedOptions{"vendor/model-4:free=1"}));
  const auto floored = parse_policy_spec("fixed:a,floor=.1");
  ASSERT_TRUE(floored.ok());
  EXPECT_EQ(floored->policy, PolicyOptions(FixedOptions{"a"}));
  EXPECT_EQ(floored->propensity_floor, 0.1);
}

TEST(PolicySpec, AnErrorNamesTheKeyThatCausedIt) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "policy"},
      {"thompson", "policy"},
      {"LinUCB", "policy"},
      {"fixed", "arm"},
      {"fixed:", "arm"},
      {"linucb:", ""},
      {"linucb:alpha", "alpha"},
      {"linucb:alpha=", "alpha"},
      {"linucb:alpha=x", "alpha"},
      {"linucb:alpha=1x", "alpha"},
      {"linucb:alpha= 1", "alpha"},
      {"linucb:alpha=-1", "alpha"},
      {"linucb:alpha=nan", "alpha"},
      {"linucb:alpha=inf", "alpha"},
      {"linucb:alpha=1e999", "alpha"},
      {"linucb:alpha=1,", ""},
      {"linucb:=1", ""},
      {"linucb:epsilon=.1", "epsilon"},
      {"uniform:alpha=.1", "alpha"},
      {"epsilon_greedy:epsilon=1.1", "epsilon"},
      {"squarecb:gamma0=-1", "gamma0"},
      {"squarecb:exponent=1.5", "exponent"},
      {"squarecb:alpha=1", "alpha"},
      {"ucb1:gamma0=1", "gamma0"},
      {"beta_thompson:a0=0.4", "a0"},
      {"beta_thompson:b0=0", "b0"},
      {"hybrid_linucb:shared=0", "shared"},
      {"hybrid_linucb:shared=1", "shared"},
      {"hybrid_linucb:shared_intercept=1.5", "shared_intercept"},
      {"linucb:shared=.5", "shared"},
      {"lints:gamma=0", "gamma"},
      {"lints:gamma=1.01", "gamma"},
      {"lints:floor=-0.1", "floor"},
      {"lints:precision=0", "precision"},
      {"lints:text_precision=-2", "text_precision"},
      {"lints:alpha=1,widgets=2", "widgets"},
      {"fixed:a,b", "b"},
  };
  for (const auto& [text, field] : cases) {
    const auto spec = parse_policy_spec(text);
    ASSERT_FALSE(spec.ok()) << text;
    EXPECT_EQ(spec.error().code, ErrorCode::invalid) << text;
    EXPECT_EQ(spec.error().field, field) << text;
    if (!field.empty() && field != "policy" && field != "arm") {
      EXPECT_NE(spec.error().message.find(field), std::string::npos) << spec.error().message;
    }
  }
}

TEST(StatisticalPolicy, LinTsPropensitiesMatchTheFrequenciesOfSampledPosteriors) {
  const std::vector<ArmUtility> arms = {
      {"a", 0.50, 0.30}, {"b", 0.60, 0.05}, {"c", 0.40, 0.90}, {"d", 0.58, 0.0}, {"e", -1.0, 0.2}};
  constexpr double kAlpha = 0.5;
  constexpr int kDraws = 400000;
  std::mt19937_64 random(17);
  std::normal_distribution<double> normal;
  std::vector<int> wins(arms.size());
  for (int i = 0; i < kDraws; ++i) {
    std::size_t best = 0;
    double best_value = -INFINITY;
    for (std::size_t a = 0; a < arms.size(); ++a) {
      const double value = arms[a].mean + kAlpha * arms[a].sigma * normal(random);
      if (value > best_value) {
        best = a;
        best_value = value;
      }
    }
    ++wins[best];
  }
  const Vector p = distribution(LinTsOptions{kAlpha}, arms);
  for (std::size_t a = 0; a < arms.size(); ++a) {
    const double error = std::sqrt(p[a] * (1.0 - p[a]) * kDraws);
    EXPECT_LE(std::abs(wins[a] - p[a] * kDraws), 4.5 * error + 1.0) << arms[a].arm;
  }
}

}  // namespace
}  // namespace pointsman
