// A frozen router serves with what it knew.

#include <gtest/gtest.h>

#include <string>

#include "tests/engine/routers/router_driver.h"

namespace pointsman {
namespace {

RouterConfig config_in(ServingMode mode, double gamma = 1.0) {
  RouterConfig config =
      numbers_router({ArmSpec{.id = "a"}, ArmSpec{.id = "b"}}, 1, LinTsOptions{.alpha = 0.3});
  config.mode = mode;
  config.posterior.gamma = gamma;
  return config;
}

void learn(RouterDriver& driver, int from, int to) {
  for (int i = from; i < to; ++i) {
    const std::string id = "q" + std::to_string(i);
    const Decision decision = driver.route(id, {static_cast<float>(i % 7) / 7.0F});
    driver.rate(id, decision.chosen == 0 ? 0.9 : 0.4);
  }
}

TEST(Frozen, FeedbackIsRecordedAndTeachesNothing) {
  RouterDriver driver(config_in(ServingMode::live, 0.99));
  learn(driver, 0, 50);
  driver.configure(config_in(ServingMode::frozen, 0.99));
  const Evaluation before = driver.look({0.5F});
  learn(driver, 50, 200);  // Past an ageing and a schema revision.
  const Evaluation after = driver.look({0.5F});
  for (std::size_t a = 0; a < 2; ++a) {
    EXPECT_EQ(after.scores[a].mean, before.scores[a].mean);
    EXPECT_EQ(after.scores[a].sigma, before.scores[a].sigma);
    EXPECT_EQ(after.scores[a].propensity, before.scores[a].propensity);
  }
  EXPECT_EQ(driver.snapshot()->decisions, 200U) << "decisions count on";
  const auto state = driver.routers().state_of(driver.kScope, "q100");
  ASSERT_TRUE(state);
  EXPECT_EQ(combine(*state).weight, 1.0) << "what was said is kept";
}

TEST(Frozen, ItStillDrawsAndLogsThePropensitiesItUsed) {
  RouterDriver driver(config_in(ServingMode::live));
  learn(driver, 0, 20);
  driver.configure(config_in(ServingMode::frozen));
  const Decision decision = driver.route("q", {0.5F});
  EXPECT_NEAR(decision.arms[0].propensity + decision.arms[1].propensity, 1.0, 1e-12);
  EXPECT_LT(decision.arms[0].propensity, 1.0);
  EXPECT_TRUE(decision.shadow_propensities.empty());
}

TEST(Frozen, LiveAgainItLearnsFromTheNextSignalOn) {
  RouterDriver driver(config_in(ServingMode::live));
  learn(driver, 0, 20);
  driver.configure(config_in(ServingMode::frozen));
  driver.route("during", {0.5F}, {"a"});
  driver.rate("during", 0.0);
  driver.configure(config_in(ServingMode::live));
  const double before = driver.report().arms[0].stats.observation_weight;
  driver.route("after", {0.5F}, {"a"});
  driver.rate("after", 0.0);
  EXPECT_EQ(driver.report().arms[0].stats.observation_weight, before + 1.0);
  driver.rate("during", 0.25);
  EXPECT_EQ(driver.report().arms[0].stats.observation_weight, before + 2.0)
      << "a revision brings the decision in";
}

TEST(Frozen, RecoveryKnowsWhichFeedbackWasNotLearnt) {
  RouterDriver driver(config_in(ServingMode::live));
  learn(driver, 0, 1100);
  driver.configure(config_in(ServingMode::frozen));
  learn(driver, 1100, 1150);
  ASSERT_TRUE(driver.routers().checkpoint_all());
  driver.configure(config_in(ServingMode::live));
  // After the restart these come from the store: their folded observations must be what they were.
  RouterDriver* const same = &driver;
  const auto go_on = [&] {
    for (int i = 1090; i < 1150; i += 3) same->rate("q" + std::to_string(i), 0.5);
  };
  driver.reopen();
  go_on();
  const std::uint64_t checksum = driver.checksum();
  RouterFold whole(driver.kScope, {});
  const auto records = driver.store().scan(driver.kScope, 0, 1'000'000);
  for (const StoredRecord& stored : *records) ASSERT_TRUE(whole.apply(stored, driver.store()));
  EXPECT_EQ(whole.checksum(), checksum);
}

TEST(Frozen, APriceActsAllTheSame) {
  RouterConfig config = config_in(ServingMode::frozen);
  config.policy = LinUcbOptions{};
  config.utility.value_usd = 1.0;
  config.arms[0].expected_cost_usd = 0.01;
  config.arms[1].expected_cost_usd = 0.02;
  RouterDriver driver(config);
  EXPECT_EQ(driver.look({0.5F}).scores[0].propensity, 1.0);
  driver.put_arm(ArmSpec{.id = "a", .expected_cost_usd = 0.03});
  EXPECT_EQ(driver.look({0.5F}).scores[1].propensity, 1.0);
}

}  // namespace
}  // namespace pointsman
