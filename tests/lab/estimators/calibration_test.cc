#include "lab/estimators/calibration.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace pointsman::lab {
namespace {

std::vector<Prediction> coins(double bias, std::size_t count) {
  std::mt19937_64 random(11);
  std::uniform_real_distribution<double> unit(0.0, 1.0);
  std::vector<Prediction> made;
  for (std::size_t i = 0; i < count; ++i) {
    const double expected = 0.2 + 0.6 * unit(random);
    made.push_back({static_cast<float>(expected), unit(random) < expected + bias ? 1.0F : 0.0F});
  }
  return made;
}

TEST(Calibration, TheDecilesOfHonestPredictionsAreOk) {
  const auto table = calibrate(coins(0.0, 20000), 1);
  ASSERT_EQ(table.size(), 10U);
  for (std::size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(table[i].count, 2000U);
    EXPECT_TRUE(table[i].ok) << i;
    EXPECT_NEAR(table[i].outcome, table[i].expected, 0.03);
    EXPECT_NEAR(table[i].se, 0.0105, 0.0015);
    if (i > 0) {
      EXPECT_GT(table[i].expected, table[i - 1].expected);
    }
  }
}

TEST(Calibration, ABiasOfATenthIsFound) {
  for (const CalibrationBin& bin : calibrate(coins(0.1, 20000), 1)) EXPECT_FALSE(bin.ok);
}

TEST(Calibration, FewPredictionsExcuseMore) {
  std::vector<Prediction> few = coins(0.1, 200);
  std::size_t ok = 0;
  for (const CalibrationBin& bin : calibrate(few, 1)) ok += bin.ok ? 1 : 0;
  EXPECT_GE(ok, 7U) << "twenty coins a bin say little";
}

TEST(Calibration, TheSameRowsAgainAreNoNewEvidence) {
  const std::vector<Prediction> once = coins(0.0, 1000);
  std::vector<Prediction> twice = once;
  twice.insert(twice.end(), once.begin(), once.end());
  const auto single = calibrate(once, 1);
  const auto doubled = calibrate(twice, 2);
  for (std::size_t i = 0; i < single.size(); ++i) EXPECT_NEAR(doubled[i].se, single[i].se, 1e-9);
}

TEST(Calibration, NothingPredictedIsAnEmptyTable) {
  EXPECT_TRUE(calibrate({}, 3).empty());
  EXPECT_EQ(calibrate(coins(0.0, 3), 1).size(), 3U);
}

}  // namespace
}  // namespace pointsman::lab
