// The budget's dual, from the log to the draw.

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/engine/routers/router_driver.h"

namespace pointsman {
namespace {

RouterConfig budgeted(const BudgetOptions& budget) {
  RouterConfig config = numbers_router({ArmSpec{.id = "cheap", .expected_cost_usd = 0.001},
                                        ArmSpec{.id = "middle", .expected_cost_usd = 0.004},
                                        ArmSpec{.id = "dear", .expected_cost_usd = 0.02}},
                                       1, LinUcbOptions{});
  config.budget = budget;
  return config;
}

/// Calls whose difficulty u decides what a dearer arm is worth; costs vary three-fold.
class Stream final {
 public:
  explicit Stream(std::uint64_t seed) : random_(seed, "stream") {}
  struct Call {
    double difficulty = 0.0;
    std::vector<double> quality, cost;
  };
  Call next() {
    Call call;
    call.difficulty = 2.0 * random_.next_unit() - 1.0;
    const double loss = 0.25 + 0.15 * call.difficulty;
    call.quality = {0.9 - loss, 0.9 - 0.5 * loss, 0.9};
    for (const double mean : {0.001, 0.004, 0.02}) {
      call.cost.push_back(mean * (0.5 + random_.next_unit()));
    }
    return call;
  }

 private:
  KeyedRandom random_;
};

struct Paced {
  double spend = 0.0;
  double reward = 0.0;
};

Paced run(RouterDriver& driver, std::uint64_t seed, int rounds) {
  Stream stream(seed);
  Paced sums;
  for (int i = 0; i < rounds; ++i) {
    const Stream::Call call = stream.next();
    const std::string id = std::to_string(seed) + "-" + std::to_string(i);
    const Decision decision = driver.route(id, {static_cast<float>(call.difficulty)});
    driver.cost(id, call.cost[decision.chosen]);
    driver.rate(id, call.quality[decision.chosen]);
    sums.spend += call.cost[decision.chosen] / rounds;
    sums.reward += call.quality[decision.chosen] / rounds;
  }
  return sums;
}

TEST(StatisticalBudget, TheMeanSpendMeetsTheTargetAndBeatsTheBestMixOfTwoArms) {
  // Mean qualities .65, .775, .9 at .001, .004, .02: what a mix of neighbours is worth.
  const auto mix = [](double usd) {
    return usd <= 0.004 ? 0.65 + 0.125 * (usd - 0.001) / 0.003
                        : 0.775 + 0.125 * (usd - 0.004) / 0.016;
  };
  for (const double target : {0.002, 0.0035, 0.007, 0.012}) {
    RouterDriver driver(budgeted({.usd_per_request = target}));
    run(driver, 1, 300);
    const Paced paced = run(driver, 2, 2000);
    EXPECT_LE(paced.spend, 1.02 * target);
    EXPECT_GE(paced.spend, 0.95 * target);
    EXPECT_GE(paced.reward, mix(target) - 0.003) << target;
  }
}

TEST(Budget, AnAmpleOneChangesNothing) {
  RouterDriver free_of_it(budgeted({}));
  RouterDriver ample(budgeted({.usd_per_request = 1.0}));
  const Paced without = run(free_of_it, 3, 300);
  const Paced with = run(ample, 3, 300);
  EXPECT_NEAR(with.spend, without.spend, 0.05 * without.spend);
  EXPECT_LT(ample.snapshot()->lambda * 0.02, 1e-3 * kDefaultValueUsd);
  EXPECT_EQ(free_of_it.snapshot()->lambda, 0.0);
}

TEST(Budget, WithAValueLambdaIsZeroWhereTheBudgetDoesNotBind) {
  RouterConfig config = budgeted({.usd_per_request = 1.0});
  config.utility.value_usd = 0.1;
  RouterDriver driver(config);
  run(driver, 4, 200);
  EXPECT_EQ(driver.snapshot()->lambda, 0.0);
}

TEST(Budget, TheLogHasTheLambdaThatWasUsed) {
  RouterDriver driver(budgeted({.usd_per_request = 0.002}));
  run(driver, 5, 100);
  const auto snapshot = driver.snapshot();
  ASSERT_GT(snapshot->lambda, 0.0);
  const Decision decision = driver.route("q", {0.5F});
  EXPECT_EQ(decision.lambda, snapshot->lambda);
  for (const ArmView& arm : decision.arms) {
    EXPECT_NEAR(arm.utility,
                kDefaultValueUsd * arm.expected_reward - decision.lambda * *arm.expected_cost_usd,
                1e-12);
  }
}

TEST(Budget, AnEstimateCountsUntilTheOutcomePutsItRight) {
  RouterDriver told(budgeted({.usd_per_request = 0.002}));
  RouterDriver untold(budgeted({.usd_per_request = 0.002}));
  for (RouterDriver* driver : {&told, &untold}) driver->route("q", {0.0F}, {"cheap", "dear"});
  EXPECT_EQ(told.snapshot()->lambda, untold.snapshot()->lambda);
  told.cost("q", 0.05);
  EXPECT_GT(told.snapshot()->lambda, untold.snapshot()->lambda) << "it cost more than estimated";
  const double first = told.snapshot()->lambda;
  told.cost("q", 0.0001);
  EXPECT_LT(told.snapshot()->lambda, first) << "a revised cost is put right too";
}

TEST(Budget, AMissingCostNeverCountsAsFree) {
  RouterConfig config = budgeted({.usd_per_request = 0.002});
  config.arms[2].expected_cost_usd.reset();
  RouterDriver driver(config);
  const double before = driver.report().budget.account;
  const Decision decision = driver.route("q", {0.0F}, {"middle", "dear"});
  ASSERT_FALSE(decision.arms[2].expected_cost_usd);
  // Either is charged at .004: what it says, or as the dearest known.
  EXPECT_NEAR(driver.report().budget.account, before + 0.004 / 0.002 - 1.0, 1e-12);
}

TEST(Budget, ACallWithoutAChoiceIsNotHeldAgainstTheTarget) {
  RouterDriver driver(budgeted({.usd_per_request = 0.002, .usd_per_day = 100.0}));
  const auto before = driver.report().budget;
  driver.route("q", {0.0F}, {"dear"});
  driver.cost("q", 0.03);
  EXPECT_EQ(driver.report().budget.account, before.account);
  EXPECT_NEAR(driver.report().budget.spent_today_usd, 0.03, 1e-12) << "but it is the day's money";
}

TEST(Budget, ADaysBudgetLastsTheDayAndIsRenewedAtMidnight) {
  using std::chrono::milliseconds;
  RouterDriver driver(budgeted({.usd_per_day = 2.0}));
  driver.step = milliseconds(24 * 3600 * 1000 / 3000);  // A thousand calls of three records a day.
  // Everything at the dearest arm would take twenty dollars, at the cheapest one.
  double days[3] = {};
  Stream stream(6);
  for (int i = 0; i < 2990; ++i) {
    const Stream::Call call = stream.next();
    const std::string id = "q" + std::to_string(i);
    const Decision decision = driver.route(id, {static_cast<float>(call.difficulty)});
    driver.cost(id, call.cost[decision.chosen]);
    driver.rate(id, call.quality[decision.chosen]);
    days[i / 1000] += call.cost[decision.chosen];
  }
  for (const double usd : days) {
    EXPECT_LE(usd, 2.0 * 1.02);
    EXPECT_GE(usd, 2.0 * 0.9);
  }
}

TEST(Budget, RecoversToTheBitFromACheckpointAndItsTail) {
  RouterDriver driver(budgeted({.usd_per_request = 0.003, .usd_per_day = 500.0}));
  run(driver, 7, 1100);
  ASSERT_TRUE(driver.routers().checkpoint_all());
  ASSERT_FALSE(driver.store().load_checkpoints(driver.kScope)->empty());
  run(driver, 8, 50);
  const std::uint64_t checksum = driver.checksum();
  const double lambda = driver.snapshot()->lambda;
  driver.reopen();
  EXPECT_EQ(driver.checksum(), checksum);
  EXPECT_EQ(driver.snapshot()->lambda, lambda);
  RouterFold whole(driver.kScope, {});
  const auto records = driver.store().scan(driver.kScope, 0, 1'000'000);
  for (const StoredRecord& stored : *records) ASSERT_TRUE(whole.apply(stored, driver.store()));
  EXPECT_EQ(whole.checksum(), checksum);
}

}  // namespace
}  // namespace pointsman
