// Arms that come and prices that change under a running router.

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/engine/routers/router_driver.h"

namespace pointsman {
namespace {

constexpr int kBefore = 600;
constexpr int kAfter = 600;
constexpr int kRuns = 10;

/// What the newcomer did to the stream, a mean over runs.
struct Swap {
  double share_after_150 = 0.0;  ///< Of the newcomer among calls 150 to 600 behind its coming.
  double early_share = 0.0;      ///< Among the first 150.
  double loss = 0.0;             ///< Expected reward lost to the best arm, a sum over the 600.
  double loss_before = 0.0;      ///< The same over the 600 calls before it.
};

/// Two arms of .7 and .6, coin tosses; behind 600 calls a third comes with `newcomer`.
Swap swap_in(const PolicyOptions& policy, double newcomer) {
  Swap mean;
  for (int run = 0; run < kRuns; ++run) {
    const std::vector<double> chance = {0.7, 0.6, newcomer};
    RouterConfig config = numbers_router({ArmSpec{.id = "a"}, ArmSpec{.id = "b"}}, 1, policy);
    config.seed = static_cast<std::uint64_t>(run) + 1;
    RouterDriver driver(config);
    KeyedRandom random(static_cast<std::uint64_t>(run), "swap");
    for (int i = 0; i < kBefore + kAfter; ++i) {
      if (i == kBefore) driver.put_arm(ArmSpec{.id = "new"});
      const std::string id = std::to_string(i);
      const Decision decision = driver.route(id, {static_cast<float>(random.next_unit())});
      driver.rate(id, random.next_unit() < chance[decision.chosen] ? 1.0 : 0.0);
      const double best = i < kBefore ? 0.7 : std::max(0.7, newcomer);
      const double lost = (best - chance[decision.chosen]) / kRuns;
      (i < kBefore ? mean.loss_before : mean.loss) += lost;
      if (decision.chosen != 2) continue;
      if (i < kBefore + 150) mean.early_share += 1.0 / (150.0 * kRuns);
      if (i >= kBefore + 150) mean.share_after_150 += 1.0 / ((kAfter - 150.0) * kRuns);
    }
  }
  return mean;
}

class StatisticalHotSwap : public ::testing::TestWithParam<PolicyOptions> {};

TEST_P(StatisticalHotSwap, ABetterArmIsFoundWithin150Requests) {
  const Swap swap = swap_in(GetParam(), 0.9);
  RecordProperty("share_after_150", std::to_string(swap.share_after_150));
  EXPECT_GE(swap.share_after_150, 0.85);
}

TEST_P(StatisticalHotSwap, AWorseArmCostsLittle) {
  const Swap swap = swap_in(GetParam(), 0.3);
  RecordProperty("loss", std::to_string(swap.loss));
  RecordProperty("early_share", std::to_string(swap.early_share));
  EXPECT_LE(swap.early_share, 0.3);
  // Thirty tries would lose twelve; what the router still lost on the second arm is its own.
  EXPECT_LE(swap.loss - swap.loss_before, 12.0);
  EXPECT_LE(swap.share_after_150, 0.03);
}

TEST_P(StatisticalHotSwap, ANewArmIsNeverServedForCertain) {
  RouterConfig config = numbers_router({ArmSpec{.id = "a"}, ArmSpec{.id = "b"}}, 1, GetParam());
  RouterDriver driver(config);
  for (int i = 0; i < 150; ++i) {
    driver.route("q" + std::to_string(i), {0.5F});
    driver.rate("q" + std::to_string(i), 0.8);
  }
  driver.put_arm(ArmSpec{.id = "new"});
  const Evaluation seen = driver.look({0.5F});
  EXPECT_NEAR(seen.scores[2].propensity, 0.2, 1e-12);
  EXPECT_GT(seen.scores[2].propensity, 0.0);
}

INSTANTIATE_TEST_SUITE_P(Policies, StatisticalHotSwap,
                         ::testing::Values(PolicyOptions(LinUcbOptions{}),
                                           PolicyOptions(LinTsOptions{}),
                                           PolicyOptions(SquareCbOptions{})),
                         [](const auto& instance) {
                           return std::string(policy_name(instance.param));
                         });

TEST(HotSwap, APriceChangeActsOnTheNextRequest) {
  RouterConfig config = numbers_router({ArmSpec{.id = "a", .expected_cost_usd = 0.001},
                                        ArmSpec{.id = "b", .expected_cost_usd = 0.004}},
                                       1, LinUcbOptions{});
  config.utility.value_usd = 0.01;
  RouterDriver driver(config);
  for (int i = 0; i < 200; ++i) {
    const std::string id = "q" + std::to_string(i);
    const Decision decision = driver.route(id, {0.5F});
    driver.cost(id, decision.chosen == 0 ? 0.001 : 0.004);
    driver.rate(id, 0.8);
  }
  ASSERT_EQ(driver.look({0.5F}).scores[0].propensity, 1.0);
  driver.put_arm(ArmSpec{.id = "a", .expected_cost_usd = 0.02});
  EXPECT_EQ(driver.look({0.5F}).scores[1].propensity, 1.0);
  EXPECT_NEAR(*driver.snapshot()->arms[0]->cost_usd, 0.02, 1e-15) << "old costs say nothing of it";
}

TEST(HotSwap, APriceChangeMovesABudgetsLambdaWithinSixteenRequests) {
  RouterConfig config = numbers_router({ArmSpec{.id = "cheap", .expected_cost_usd = 0.001},
                                        ArmSpec{.id = "dear", .expected_cost_usd = 0.01}},
                                       1, LinUcbOptions{});
  config.budget.usd_per_request = 0.004;
  RouterDriver driver(config);
  const auto serve = [&](const std::string& id, double dear_usd) {
    const Decision decision = driver.route(id, {0.5F});
    const double usd = decision.chosen == 0 ? 0.001 : dear_usd;
    driver.cost(id, usd);
    driver.rate(id, decision.chosen == 0 ? 0.6 : 0.9);
    return usd;
  };
  for (int i = 0; i < 400; ++i) serve("q" + std::to_string(i), 0.01);
  ASSERT_GT(driver.snapshot()->lambda, 0.0);
  driver.put_arm(ArmSpec{.id = "dear", .expected_cost_usd = 0.003});
  double spent = 0.0;
  for (int i = 0; i < 100; ++i) spent += serve("r" + std::to_string(i), 0.003);
  EXPECT_GE(spent / 100, 0.0028) << "within the budget now, the better arm serves";
}

}  // namespace
}  // namespace pointsman
