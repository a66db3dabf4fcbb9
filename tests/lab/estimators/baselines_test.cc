#include "lab/estimators/baselines.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "lab/estimators/statistics.h"
#include "tests/lab/data/data_set_fixtures.h"

namespace pointsman::lab {
namespace {

/// cheap: .5 at $1, middle: .6 at $2 (below the hull), dear: 1 at $3.
DataSet three_arms() {
  return hand_table({"cheap", "middle", "dear"},
                    {{{1.0, 0.6, 1.0}, {1.0, 2.0, 3.0}}, {{0.0, 0.6, 1.0}, {1.0, 2.0, 3.0}}});
}

const std::vector<std::uint32_t> kBoth = {0, 1};

TEST(Baselines, AreTheKnownNumbersOfAHandMadeTable) {
  const Baselines found = baselines_over(three_arms(), kBoth, {});
  EXPECT_DOUBLE_EQ(found.random, (2.6 / 3 + 1.6 / 3) / 2);
  EXPECT_DOUBLE_EQ(found.oracle, 1.0);
  EXPECT_DOUBLE_EQ(found.fixed[0].score, 0.5);
  EXPECT_DOUBLE_EQ(found.fixed[2].cost_usd, 3.0);
  EXPECT_EQ(best_fixed_arm(found), 2U);
}

TEST(Baselines, CountOnlyTheRowsThatWereScored) {
  const std::vector<std::uint32_t> second = {1};
  EXPECT_DOUBLE_EQ(baselines_over(three_arms(), second, {}).fixed[0].score, 0.0);
}

TEST(Baselines, PayForCostOnceADollarHasAValue) {
  const Baselines found = baselines_over(three_arms(), kBoth, {.value_usd = 2.0});
  EXPECT_DOUBLE_EQ(found.fixed[0].score, 0.5 - 0.5);
  EXPECT_DOUBLE_EQ(found.fixed[2].score, 1.0 - 1.5);
  EXPECT_DOUBLE_EQ(found.oracle, (0.5 - 0.4) / 2) << "cheap in the first row, middle in the other";
  EXPECT_EQ(best_fixed_arm(found), 0U);
}

TEST(Baselines, ServeAnyKnownArmWhereTheFixedOneIsNotOnOffer) {
  const DataSet data =
      hand_table({"a", "b"}, {{{kUnknown, 0.4}, {kUnknown, 1.0}}, {{0.8, 0.2}, {1.0, 1.0}}});
  const Baselines found = baselines_over(data, kBoth, {});
  EXPECT_DOUBLE_EQ(found.fixed[0].score, (0.4 + 0.8) / 2);
  EXPECT_DOUBLE_EQ(found.random, (0.4 + 0.5) / 2);
  EXPECT_DOUBLE_EQ(found.oracle, (0.4 + 0.8) / 2);
}

TEST(BestMix, LiesOnTheUpperHullAndNotOnTheArmBelowIt) {
  const Baselines found = baselines_over(three_arms(), kBoth, {});
  EXPECT_DOUBLE_EQ(best_mix_at(found, 2.0).value(), 0.75) << "half cheap, half dear";
  EXPECT_DOUBLE_EQ(best_mix_at(found, 1.0).value(), 0.5);
  EXPECT_DOUBLE_EQ(best_mix_at(found, 9.0).value(), 1.0) << "nobody has to spend it all";
}

TEST(BestMix, IsNothingWhereMoneyOrPricesAreMissing) {
  Baselines found = baselines_over(three_arms(), kBoth, {});
  EXPECT_FALSE(best_mix_at(found, 0.5).has_value());
  EXPECT_FALSE(best_mix_at(found, kUnknown).has_value());
  found.fixed[1].cost_usd = kUnknown;
  EXPECT_FALSE(best_mix_at(found, 2.0).has_value());
}

TEST(Statistics, GiveTheStudentIntervalOfATextbook) {
  const std::vector<double> values = {1.0, 2.0, 3.0, 4.0, 5.0};
  const Summary summary = summarise(values);
  EXPECT_DOUBLE_EQ(summary.mean, 3.0);
  EXPECT_NEAR(summary.sd, std::sqrt(2.5), 1e-12);
  EXPECT_NEAR(summary.se, std::sqrt(0.5), 1e-12);
  const Interval interval = student_interval(values);
  EXPECT_NEAR(interval.high - 3.0, 2.776445105 * std::sqrt(0.5), 1e-8);
  EXPECT_NEAR(3.0 - interval.low, 2.776445105 * std::sqrt(0.5), 1e-8);
}

TEST(Statistics, ClaimNothingOfOneSeed) {
  const Interval interval = student_interval(std::vector<double>{0.25});
  EXPECT_EQ(interval.mean, 0.25);
  EXPECT_TRUE(std::isinf(interval.low) && std::isinf(interval.high));
}

}  // namespace
}  // namespace pointsman::lab
