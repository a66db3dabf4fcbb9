#include "lab/replay/replay.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "lab/report/replay_report.h"
#include "tests/lab/data/data_set_fixtures.h"

namespace pointsman::lab {
namespace {

ReplaySettings task_settings(std::size_t seeds) {
  ReplaySettings settings;
  settings.features.task = true;
  settings.seeds = seeds;
  return settings;
}

ReplayResult run(const DataSet& data, std::string_view policy, const ReplaySettings& settings) {
  const auto prepared = prepare_replay(data, settings);
  EXPECT_TRUE(prepared.ok()) << (prepared.ok() ? "" : prepared.error().message);
  const auto spec = policy_for(data.kind, policy);
  EXPECT_TRUE(spec.ok()) << (spec.ok() ? "" : spec.error().message);
  auto result = replay(*prepared, *spec, settings);
  EXPECT_TRUE(result.ok()) << (result.ok() ? "" : result.error().message);
  return std::move(*result);
}

TEST(Replay, LearnsWhichArmAnswersWhichTask) {
  const ReplayResult result = run(task_table(600), "linucb", task_settings(3));
  EXPECT_EQ(result.rounds, 600U);
  EXPECT_DOUBLE_EQ(result.oracle, 1.0);
  EXPECT_DOUBLE_EQ(result.random, 0.5);
  EXPECT_GT(result.reward.mean, 0.95);
  EXPECT_GT(result.worst_against_best_fixed, 0.45);
}

TEST(Replay, SameSeedsGiveTheSameDecisionsAndTheSameBits) {
  const DataSet data = task_table(300);
  for (const char* policy : {"linucb", "lints", "uniform"}) {
    const ReplayResult first = run(data, policy, task_settings(2));
    const ReplayResult second = run(data, policy, task_settings(2));
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(first.runs[i].choices, second.runs[i].choices) << policy;
      EXPECT_EQ(first.runs[i].checksum, second.runs[i].checksum) << policy;
    }
    EXPECT_NE(first.runs[0].choices, first.runs[1].choices) << policy;
  }
}

TEST(Replay, AFixedPolicyEarnsExactlyItsBaseline) {
  const DataSet data = task_table(100);
  const ReplayResult result = run(data, "fixed:odd", task_settings(2));
  EXPECT_DOUBLE_EQ(result.reward.mean, result.fixed[1].score);
  EXPECT_DOUBLE_EQ(result.mean_cost_usd, 0.01);
  EXPECT_NEAR(result.best_mix.value(), 0.5, 1e-12);
}

TEST(Replay, WarmRowsCountInNoScoreAndNoBaseline) {
  // Whoever scored the warm rows would see a reward other than that of the rest.
  DataSet data = task_table(100);
  ReplaySettings settings = task_settings(1);
  settings.warm = 40;
  const StreamPlan plan = plan_stream(data, prepare_replay(data, settings)->rows, {.warm = 40});
  for (std::size_t i = 0; i < plan.warm_rounds; ++i) {
    const std::size_t row = plan.rounds[i].row;
    data.quality[2 * row] = data.quality[2 * row + 1] = 0.0;
  }
  for (std::size_t i = plan.warm_rounds; i < plan.rounds.size(); ++i) {
    const std::size_t row = plan.rounds[i].row;
    data.quality[2 * row] = data.quality[2 * row + 1] = 1.0;
  }
  const ReplayResult result = run(data, "linucb", settings);
  EXPECT_EQ(result.rounds, 60U);
  EXPECT_EQ(result.runs[0].choices.size(), 60U);
  EXPECT_EQ(result.runs[0].decisions, 60U + 80U);
  EXPECT_DOUBLE_EQ(result.reward.mean, 1.0);
  EXPECT_DOUBLE_EQ(result.random, 1.0);
  EXPECT_DOUBLE_EQ(result.fixed[0].score, 1.0);
  EXPECT_DOUBLE_EQ(result.oracle, 1.0);
}

TEST(Replay, AWarmStartIsWorthSomething) {
  const DataSet data = task_table(200);
  ReplaySettings settings = task_settings(5);
  settings.warm = 100;
  EXPECT_DOUBLE_EQ(run(data, "linucb", settings).reward.mean, 1.0);
}

TEST(Replay, LateRepeatedAndRevisedFeedbackStillTeaches) {
  const DataSet data = task_table(600);
  ReplaySettings settings = task_settings(2);
  const ReplayResult plain = run(data, "linucb", settings);
  settings.shares = {0.3, 0.3, 0.3};
  const ReplayResult strayed = run(data, "linucb", settings);
  EXPECT_GT(strayed.reward.mean, 0.8);
  EXPECT_NE(strayed.runs[0].checksum, plain.runs[0].checksum) << "nothing strayed";
  EXPECT_EQ(strayed.runs[0].checksum, run(data, "linucb", settings).runs[0].checksum);
}

TEST(Replay, RowsAllOffersTheKnownArmsOnly) {
  DataSet data = task_table(100);
  for (std::size_t row = 0; row < 50; ++row) data.quality[2 * row] = kUnknown;
  ReplaySettings settings = task_settings(2);
  EXPECT_EQ(run(data, "uniform", settings).rounds, 50U);
  settings.complete_rows = false;
  const ReplayResult all = run(data, "uniform", settings);
  EXPECT_EQ(all.rounds, 100U);
  for (const SeedRun& one : all.runs) {
    for (const float score : one.scores) EXPECT_FALSE(std::isnan(score));
  }
}

TEST(Replay, TakesOneSplitOnly) {
  ReplaySettings settings = task_settings(1);
  settings.split = "test";
  EXPECT_EQ(run(task_table(100), "uniform", settings).rounds, 25U);
}

TEST(Replay, MoneyChangesTheChoiceOnceADollarHasAValue) {
  // Both arms are always right; the first costs a tenth.
  DataSet data = task_table(300);
  for (double& quality : data.quality) quality = 1.0;
  ReplaySettings settings = task_settings(2);
  settings.rule.value_usd = 0.02;
  const ReplayResult result = run(data, "linucb", settings);
  EXPECT_EQ(result.best_arm, 0U);
  EXPECT_NEAR(result.oracle, 1.0 - 0.001 / 0.02, 1e-9);
  EXPECT_GT(result.reward.mean, 0.94);
  EXPECT_LT(result.mean_cost_usd, 0.0015);
}

TEST(Replay, SaysWhatTheDataDoNotHave) {
  const DataSet data = task_table(10);
  ReplaySettings settings = task_settings(1);
  settings.warm = 10;
  EXPECT_EQ(prepare_replay(data, settings).error().field, "--warm");
  settings = task_settings(1);
  settings.features.raw = true;
  EXPECT_EQ(prepare_replay(data, settings).error().field, "--features");
  settings = task_settings(1);
  settings.split = "nowhere";
  EXPECT_FALSE(prepare_replay(data, settings).ok());
}

TEST(Replay, EncodesARequestAsTheServersEncoderWould) {
  const DataSet data = task_table(4);
  FeatureSet features;
  features.text = features.task = true;
  const std::vector<std::uint32_t> rows = {1, 3};
  const auto encoded = encode_rows(data, rows, features);
  ASSERT_TRUE(encoded.ok());
  const auto spec = policy_for(data.kind, "linucb");
  const RouterConfig config = router_config_for(data, *spec, {features, {}, 1});
  EXPECT_EQ(encoded->dims, raw_dims(config.features));
  const std::span<const float> raw = encoded->of(3);
  EXPECT_EQ(raw[raw.size() - 2], 0.0F) << "even";
  EXPECT_EQ(raw[raw.size() - 1], 1.0F) << "odd";
}

TEST(LearningCurve, EndsAtTheMeanReward) {
  const ReplayResult result = run(task_table(100), "linucb", task_settings(3));
  const auto curve = learning_curve(result, 7);
  ASSERT_EQ(curve.size(), 7U);
  EXPECT_EQ(curve.back().round, 100U);
  EXPECT_NEAR(curve.back().mean_reward, result.reward.mean, 1e-6);
  EXPECT_EQ(learning_curve(result, 1000).size(), 100U);
}

}  // namespace
}  // namespace pointsman::lab
