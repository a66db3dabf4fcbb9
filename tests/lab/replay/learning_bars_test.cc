#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "lab/replay/replay.h"
#include "tests/paths.h"

namespace pointsman::lab {
namespace {

/// A few seeds only: these guard against a broken learner. docs/ has the figures of many seeds.
class LearningBars : public testing::Test {
 protected:
  void SetUp() override {
    shared_ = std::filesystem::path(paths::shared_dir()) / "data";
    if (std::filesystem::exists(shared_)) return;
    ASSERT_NE(std::string(std::getenv("CI") ? std::getenv("CI") : ""), "true") << "CI has the data";
    GTEST_SKIP() << "the shared data are not beside this checkout";
  }

  ReplayResult run(const std::string& set, const std::string& policy, std::size_t warm) const {
    const auto data = read_data_set((shared_ / set).string());
    EXPECT_TRUE(data.ok()) << (data.ok() ? "" : data.error().message);
    ReplaySettings settings;
    settings.features = default_features(data->kind);
    settings.warm = warm;
    settings.seeds = 4;
    const auto prepared = prepare_replay(*data, settings);
    EXPECT_TRUE(prepared.ok());
    auto result = replay(*prepared, *policy_for(data->kind, policy), settings);
    EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
    return std::move(*result);
  }

  std::filesystem::path shared_;
};

TEST_F(LearningBars, ColdLinUcbStaysNearTheBestFixedArmOnRealPromptsAndNeverLocksIn) {
  const ReplayResult result = run("routing/pareto_dev", "linucb", 0);
  EXPECT_EQ(result.rounds, 1766U);
  EXPECT_NEAR(result.fixed[result.best_arm].score, 0.9356, 5e-5);
  EXPECT_NEAR(result.oracle, 0.9720, 1e-4);
  EXPECT_NEAR(result.random, 0.8949, 5e-5);
  EXPECT_GE(result.against_best_fixed.mean, -0.008);
  EXPECT_GE(result.worst_against_best_fixed, -0.02);
}

TEST_F(LearningBars, ColdLinTsStaysNearTheBestFixedArmOnRealPrompts) {
  EXPECT_GE(run("routing/pareto_dev", "lints", 0).against_best_fixed.mean, -0.014);
}

TEST_F(LearningBars, AWarmLinUcbIsNoWorseThanTheBestFixedArm) {
  EXPECT_GE(run("routing/pareto_dev", "linucb", 1000).against_best_fixed.mean, -0.003);
}

TEST_F(LearningBars, ABudgetIsSpentAndNotOverspentAndBuysMoreThanAMixOfTwoArms) {
  const auto data = read_data_set((shared_ / "routing/pareto_dev").string());
  ASSERT_TRUE(data.ok());
  ReplaySettings settings;
  settings.features = default_features(data->kind);
  settings.warm = 500;
  const auto prepared = prepare_replay(*data, settings);
  ASSERT_TRUE(prepared.ok());
  const PolicySpec policy = *policy_for(data->kind, "linucb");
  const Baselines means = baselines_over(*data, prepared->rows, {});
  double cheapest = means.fixed.front().cost_usd;
  double dearest = cheapest;
  for (const Baselines::Fixed& arm : means.fixed) {
    cheapest = std::min(cheapest, arm.cost_usd);
    dearest = std::max(dearest, arm.cost_usd);
  }
  const double unpaced = replay(*prepared, policy, settings)->mean_cost_usd;
  const double low = 1.5 * cheapest;
  const double high = 0.7 * dearest;
  for (int i = 1; i <= 5; ++i) {
    const double target = low * std::pow(high / low, i / 6.0);
    settings.budget_usd = target;
    const auto result = replay(*prepared, policy, settings);
    ASSERT_TRUE(result.ok());
    EXPECT_LE(result->mean_cost_usd, 1.02 * target);
    if (unpaced > target) {
      EXPECT_GE(result->mean_cost_usd, 0.95 * target);
    }
    ASSERT_TRUE(result->paced->against_mix);
    EXPECT_GE(result->paced->against_mix->mean, -0.003) << "target " << target;
  }
}

TEST_F(LearningBars, LinUcbLearnsVehicleAndSoybeanWithOneSetting) {
  EXPECT_LE(1.0 - run("classification/vehicle.csv", "linucb", 0).reward.mean, 0.34);
  EXPECT_LE(1.0 - run("classification/soybean.csv", "linucb", 0).reward.mean, 0.46);
}

TEST_F(LearningBars, TheDefaultForAllBeatsLinUcbWhereTheTruthIsCurved) {
  EXPECT_LE(1.0 - run("classification/vowel.csv", "default", 0).reward.mean, 0.6);
  EXPECT_LE(1.0 - run("classification/vehicle.csv", "default", 0).reward.mean, 0.32);
}

TEST_F(LearningBars, TheDefaultForAllStaysNearTheBestFixedArmOnRealPromptsAndNeverLocksIn) {
  const ReplayResult result = run("routing/pareto_dev", "default", 0);
  EXPECT_GE(result.against_best_fixed.mean, -0.008);
  EXPECT_GE(result.worst_against_best_fixed, -0.02);
}

}  // namespace
}  // namespace pointsman::lab
