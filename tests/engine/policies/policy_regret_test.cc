// The policies at work on synthetic problems whose optimum is known. Fixed seeds, means over runs.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <numbers>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "engine/policies/draw.h"
#include "engine/policies/policy.h"
#include "engine/posterior/linear_posterior.h"

namespace pointsman {
namespace {

using Vector = std::vector<double>;

double unit(std::mt19937_64& random) {
  return std::uniform_real_distribution<double>(0.0, 1.0)(random);
}

/// Arms with coin-toss rewards of these probabilities.
struct Coins {
  Vector chances;

  double best() const { return *std::max_element(chances.begin(), chances.end()); }
};

/// Expected regret after half of the rounds and after all, a mean over `kRuns` runs.
struct Regret {
  double half = 0.0;
  double whole = 0.0;
};

constexpr int kRuns = 30;
constexpr int kRounds = 8000;

Regret regret_on(const Coins& coins, const PolicyOptions& policy) {
  Regret mean;
  for (int run = 0; run < kRuns; ++run) {
    std::mt19937_64 random(static_cast<std::uint64_t>(run) + 1);
    std::vector<ArmUtility> arms(coins.chances.size());
    Vector p(arms.size());
    double regret = 0.0;
    for (int t = 0; t < kRounds; ++t) {
      propensities(policy, arms, {.decisions = static_cast<std::uint64_t>(t)}, p);
      const std::size_t chosen = draw(p, unit(random));
      const double chance = coins.chances[chosen];
      arms[chosen].weight_sum += 1.0;
      arms[chosen].reward_sum += unit(random) < chance ? 1.0 : 0.0;
      regret += coins.best() - chance;
      if (2 * (t + 1) == kRounds) mean.half += regret / kRuns;
    }
    mean.whole += regret / kRuns;
  }
  return mean;
}

const Coins kCoins{{0.8, 0.6, 0.5}};
constexpr double kUniformRegret = kRounds * (0.2 + 0.3) / 3.0;

TEST(StatisticalUcb1, RegretStaysBelowTheTheoremAndGrowsLikeALogarithm) {
  const Regret regret = regret_on(kCoins, Ucb1Options{});
  // Auer, Cesa-Bianchi & Fischer 2002, Theorem 1.
  const double bound = 8.0 * std::log(kRounds) * (1.0 / 0.2 + 1.0 / 0.3) +
                       (1.0 + std::numbers::pi * std::numbers::pi / 3.0) * (0.2 + 0.3);
  ::testing::Test::RecordProperty("regret", std::to_string(regret.whole));
  EXPECT_LE(regret.whole, bound);
  EXPECT_LE(regret.whole, 0.2 * kUniformRegret);
  EXPECT_LE(regret.whole, 1.3 * regret.half) << "linear regret would double";
}

TEST(StatisticalUcb1, ASmallerAlphaExploresLess) {
  EXPECT_LE(regret_on(kCoins, Ucb1Options{0.5}).whole,
            0.5 * regret_on(kCoins, Ucb1Options{}).whole);
}

TEST(StatisticalBetaThompson, RegretIsWithinTwiceTheLowerBoundsLogarithm) {
  const Regret regret = regret_on(kCoins, BetaThompsonOptions{});
  // Lai & Robbins 1985: no consistent policy does better than Σ Δ/KL · ln n asymptotically.
  const auto divergence = [](double p, double q) {
    return p * std::log(p / q) + (1.0 - p) * std::log((1.0 - p) / (1.0 - q));
  };
  const double lower =
      std::log(kRounds) * (0.2 / divergence(0.6, 0.8) + 0.3 / divergence(0.5, 0.8));
  ::testing::Test::RecordProperty("regret", std::to_string(regret.whole));
  EXPECT_LE(regret.whole, 2.0 * lower);
  EXPECT_LE(regret.whole, 1.3 * regret.half) << "linear regret would double";
}

TEST(StatisticalBetaThompson, TheStatedPropensitiesAreThoseOfSampledPosteriors) {
  const std::vector<ArmUtility> arms = {
      {.arm = "a", .shift = -0.002, .weight_sum = 20.3, .reward_sum = 14.9},
      {.arm = "b", .shift = -0.001, .weight_sum = 3.0, .reward_sum = 2.25},
      {.arm = "c"},
      {.arm = "d", .shift = -0.009, .weight_sum = 300.0, .reward_sum = 290.0}};
  const double value_usd = 0.04;
  Vector p(arms.size());
  propensities(BetaThompsonOptions{0.5, 1.0}, arms, {.value_usd = value_usd}, p);
  constexpr int kDraws = 200000;
  std::mt19937_64 random(23);
  std::vector<int> wins(arms.size());
  for (int i = 0; i < kDraws; ++i) {
    Vector utility;
    for (const ArmUtility& arm : arms) {
      const double good = 0.5 + arm.reward_sum;
      const double bad = 1.0 + arm.weight_sum - arm.reward_sum;
      const double x = std::gamma_distribution<double>(good)(random);
      const double y = std::gamma_distribution<double>(bad)(random);
      utility.push_back(value_usd * x / (x + y) + arm.shift);
    }
    ++wins[static_cast<std::size_t>(std::max_element(utility.begin(), utility.end()) -
                                    utility.begin())];
  }
  double chi_square = 0.0;
  for (std::size_t a = 0; a < arms.size(); ++a) {
    ASSERT_GT(p[a], 0.01) << "the case says little of this arm";
    chi_square += std::pow(wins[a] - p[a] * kDraws, 2) / (p[a] * kDraws);
  }
  EXPECT_LE(chi_square, 25.9) << "the 1e-5 quantile of three degrees of freedom";
}

/// Rewards θ_a'x + noise with x = (1, uniform in [−1, 1]³), the best arm a matter of x.
class LinearProblem final {
 public:
  static constexpr std::size_t kDims = 4;
  static constexpr std::size_t kArms = 3;
  using Context = std::array<float, kDims>;

  Context context(std::mt19937_64& random) const {
    Context x{1.0F};
    for (std::size_t i = 1; i < kDims; ++i) {
      x[i] = static_cast<float>(2.0 * unit(random) - 1.0);
    }
    return x;
  }
  double mean(std::size_t arm, const Context& x) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < kDims; ++i) sum += theta_[arm][i] * static_cast<double>(x[i]);
    return sum;
  }

 private:
  std::array<std::array<double, kDims>, kArms> theta_ = {
      {{0.5, 0.25, 0.0, 0.1}, {0.5, -0.2, 0.15, 0.0}, {0.45, 0.0, -0.2, -0.15}}};
};

/// Regret on LinearProblem after each quarter of `rounds`, a mean over five runs, with the policy
/// over posteriors as the router has it.
Vector linear_regret(const PolicyOptions& policy, int rounds) {
  constexpr int kFew = 5;
  const LinearProblem problem;
  const LinearPrior prior{{0.5, 0.0, 0.0, 0.0}, {0.1, 5.0, 5.0, 5.0}};
  Vector quarters;
  for (int run = 0; run < kFew; ++run) {
    std::mt19937_64 random(static_cast<std::uint64_t>(run) + 100);
    std::normal_distribution<double> noise(0.0, 0.1);
    std::vector<LinearPosterior> posteriors(
        LinearProblem::kArms, LinearPosterior(std::make_shared<const LinearPrior>(prior)));
    std::vector<ArmUtility> arms(LinearProblem::kArms);
    Vector p(arms.size());
    double regret = 0.0;
    for (int t = 0; t < rounds; ++t) {
      const auto x = problem.context(random);
      double best = 0.0;
      for (std::size_t a = 0; a < arms.size(); ++a) {
        const auto theta = posteriors[a].theta();
        arms[a].mean = std::inner_product(theta.begin(), theta.end(), x.begin(), 0.0);
        best = std::max(best, problem.mean(a, x));
      }
      propensities(policy, arms, {.decisions = static_cast<std::uint64_t>(t)}, p);
      const std::size_t chosen = draw(p, unit(random));
      const double reward = problem.mean(chosen, x) + noise(random);
      posteriors[chosen].add(x, 1.0, reward);
      arms[chosen].weight_sum += 1.0;
      arms[chosen].reward_sum += reward;
      regret += best - problem.mean(chosen, x);
      if ((t + 1) % (rounds / 4) == 0) {
        const auto quarter = static_cast<std::size_t>((t + 1) / (rounds / 4));
        quarters.resize(std::max(quarters.size(), quarter));
        quarters[quarter - 1] += regret / kFew;
      }
    }
  }
  return quarters;
}

TEST(StatisticalSquareCb, RegretOnALinearProblemGrowsLikeASquareRoot) {
  constexpr int kLong = 8000;
  const Vector regret = linear_regret(SquareCbOptions{}, kLong);
  const Vector uniform = linear_regret(UniformOptions{}, kLong);
  ::testing::Test::RecordProperty("regret", std::to_string(regret.back()));
  ::testing::Test::RecordProperty("uniform", std::to_string(uniform.back()));
  EXPECT_LE(regret.back(), 0.1 * uniform.back());
  EXPECT_LE(regret[3], 2.4 * regret[0]) << "a root doubles in four quarters, a line quadruples";
}

TEST(StatisticalSquareCb, WithoutFadingItsRegretIsALine) {
  const Vector regret = linear_regret(SquareCbOptions{30.0, 0.0}, 8000);
  EXPECT_GE(regret[3], 3.5 * regret[0]);
}

TEST(StatisticalEpsilonGreedy, ItsRegretIsInTheEndThatOfTheShareDrawnAtRandom) {
  constexpr int kLong = 8000;
  const Vector regret = linear_regret(EpsilonGreedyOptions{0.1}, kLong);
  const Vector uniform = linear_regret(UniformOptions{}, kLong);
  const double last_quarter = (regret[3] - regret[2]) / (uniform[3] - uniform[2]);
  ::testing::Test::RecordProperty("share", std::to_string(last_quarter));
  EXPECT_NEAR(last_quarter, 0.1, 0.025);
  EXPECT_LE(regret.back(), 0.15 * uniform.back()) << "what it costs to learn which arm is best";
}

TEST(StatisticalUcb1, WithoutTheContextALinearProblemIsNotLearnt) {
  const Vector regret = linear_regret(Ucb1Options{}, 4000);
  EXPECT_GE(regret[3], 3.0 * regret[0]);
  EXPECT_GE(regret[3], 4.0 * linear_regret(SquareCbOptions{}, 4000)[3]);
}

}  // namespace
}  // namespace pointsman
