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
