// `replay --warm-samples`: a warm start's weight.

#include <gtest/gtest.h>

#include "lab/replay/replay.h"
#include "tests/lab/data/data_set_fixtures.h"

namespace pointsman::lab {
namespace {

TEST(ReplayWarmStart, ARecordOfRowsIsWorthWhatItsSampleSizeSays) {
  const DataSet data = task_table(600);
  ReplaySettings settings;
  settings.features.task = true;
  settings.warm = 300;
  settings.seeds = 3;
  const auto prepared = prepare_replay(data, settings);
  ASSERT_TRUE(prepared.ok());
  const PolicySpec policy = *parse_policy_spec("linucb:intercept_precision=1");
  const double as_decisions = replay(*prepared, policy, settings)->reward.mean;
  settings.warm_samples = 300.0;
  const auto full = replay(*prepared, policy, settings);
  ASSERT_TRUE(full.ok()) << full.error().message;
  EXPECT_NEAR(full->reward.mean, as_decisions, 0.01);
  EXPECT_GE(full->reward.mean, 0.99);
  settings.warm_samples = 1e-6;
  EXPECT_LE(replay(*prepared, policy, settings)->reward.mean, full->reward.mean - 0.005)
      << "next to nothing is a cold start";
}

}  // namespace
}  // namespace pointsman::lab
