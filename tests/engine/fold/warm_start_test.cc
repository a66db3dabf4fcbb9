// What a router knows before its first request.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "tests/engine/routers/router_driver.h"

namespace pointsman {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

RouterConfig config() {
  return numbers_router({ArmSpec{.id = "a"}, ArmSpec{.id = "b"}}, 2, LinUcbOptions{});
}

/// Rows in which "a" is right for a large first number and "b" for a small one.
WarmStart table(std::size_t rows, double samples) {
  WarmStart made;
  made.source = "table";
  made.effective_samples = samples;
  made.arms = {"a", "b", "unheard-of"};
  KeyedRandom random(9, "warm");
  for (std::size_t row = 0; row < rows; ++row) {
    const double u = random.next_unit();
    made.raw.push_back(static_cast<float>(100.0 * u));
    made.raw.push_back(static_cast<float>(random.next_unit()));
    for (const double quality : {u, 1.0 - u, kUnknown}) made.quality.push_back(quality);
    for (const double cost : {0.001, kUnknown, kUnknown}) made.cost_usd.push_back(cost);
  }
  return made;
}

void warm(RouterDriver& driver, const WarmStart& start) {
  driver.append(append_warm_start(
      driver.kScope, driver.stamp(), start,
      RouterDriver::print(start.source + std::to_string(start.effective_samples))));
}

TEST(WarmStart, TheFirstRequestIsDecidedByTheRows) {
  RouterDriver driver(config());
  warm(driver, table(400, 400.0));
  EXPECT_EQ(driver.look({90.0F, 0.5F}).scores[0].propensity, 1.0);
  EXPECT_EQ(driver.look({10.0F, 0.5F}).scores[1].propensity, 1.0);
  EXPECT_NEAR(*driver.snapshot()->arms[0]->cost_usd, 0.001, 1e-15);
  EXPECT_FALSE(driver.snapshot()->arms[1]->cost_usd) << "an unknown cost stays unknown";
  EXPECT_EQ(driver.report().arms[0].stats.pulls, 0U);
}

TEST(WarmStart, TheEffectiveSampleSizeScalesWhatItSays) {
  // The same rows at a tenth and at all of their weight, under one vague prior.
  for (const double samples : {40.0, 400.0}) {
    RouterConfig vague = config();
    vague.posterior.intercept_mean = 0.0;
    vague.posterior.intercept_precision = 1e-4;
    vague.posterior.field_precision = 1e-4;
    RouterDriver driver(vague);
    warm(driver, table(400, samples));
    EXPECT_NEAR(driver.snapshot()->arms[0]->weight_sum, samples, 1e-9);
    // At the centre of the rows σ² is 1/n_eff.
    const double sigma = driver.look({50.0F, 0.5F}).scores[0].sigma;
    EXPECT_NEAR(sigma * sigma * samples, 1.0, 0.05);
    // So many bad observations at the centre halve a mean of .5.
    for (int i = 0; i < static_cast<int>(samples); ++i) {
      driver.route("q" + std::to_string(i), {50.0F, 0.5F}, {"a"});
      driver.rate("q" + std::to_string(i), 0.0);
    }
    EXPECT_NEAR(driver.look({50.0F, 0.5F}).scores[0].mean, 0.25, 0.02);
  }
}

TEST(WarmStart, FewRowsAreNeverWorthMoreThanTheyAre) {
  RouterDriver driver(config());
  warm(driver, table(20, 1000.0));
  EXPECT_NEAR(driver.snapshot()->arms[0]->weight_sum, 20.0, 1e-9);
}

TEST(WarmStart, TheSameRowsAreTakenOnce) {
  RouterDriver driver(config());
  warm(driver, table(50, 50.0));
  warm(driver, table(50, 50.0));
  EXPECT_NEAR(driver.snapshot()->arms[0]->weight_sum, 50.0, 1e-9);
}

TEST(WarmStart, RowsOfAnotherLayoutAreLeftAlone) {
  RouterDriver driver(config());
  WarmStart other = table(50, 50.0);
  other.raw.resize(50);
  warm(driver, other);
  EXPECT_EQ(driver.snapshot()->arms[0]->weight_sum, 0.0);
}

TEST(WarmStart, ItSurvivesSchemaRevisionsARestartAndACheckpoint) {
  RouterDriver driver(config());
  warm(driver, table(100, 50.0));
  const auto learn = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string id = "q" + std::to_string(i);
      driver.route(id, {static_cast<float>(i % 100), 0.25F});
      driver.rate(id, 0.5);
    }
  };
  const auto restarted = [&] {
    const std::uint64_t checksum = driver.checksum();
    driver.reopen();
    EXPECT_EQ(driver.checksum(), checksum);
  };
  restarted();
  learn(0, 300);
  ASSERT_EQ(driver.report().schema_version, 3U);
  restarted();
  learn(300, 1050);
  ASSERT_EQ(driver.report().schema_version, 4U);
  ASSERT_TRUE(driver.routers().checkpoint_all());
  ASSERT_FALSE(driver.store().load_checkpoints(driver.kScope)->empty());
  warm(driver, table(30, 10.0));
  learn(1050, 1100);
  restarted();
  RouterFold whole(driver.kScope, {});
  const auto records = driver.store().scan(driver.kScope, 0, 1'000'000);
  for (const StoredRecord& stored : *records) ASSERT_TRUE(whole.apply(stored, driver.store()));
  EXPECT_EQ(whole.checksum(), driver.checksum());
}

}  // namespace
}  // namespace pointsman
