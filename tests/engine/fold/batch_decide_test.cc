// Many decisions at once, as offline work makes them, beside the same ones made one by one.

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#include "engine/fold/decide.h"
#include "tests/engine/routers/router_driver.h"

namespace pointsman {
namespace {

constexpr std::size_t kDims = 7;

std::vector<float> random_raw(std::mt19937_64& random) {
  std::normal_distribution<float> normal;
  std::vector<float> raw(kDims);
  for (float& value : raw) value = normal(random);
  return raw;
}

/// A router of five arms that has learnt from 300 decisions.
RouterDriver learnt_router(const PolicyOptions& policy, std::mt19937_64& random) {
  RouterConfig config;
  config.policy = policy;
  config.features = FeatureLayout{.text_counters = false, .embedding_dims = kDims};
  for (const char* id : {"a", "b", "c", "d", "e"}) {
    ArmSpec arm{.id = id, .model = id};
    arm.expected_cost_usd = 0.001 * (1.0 + id[0] - 'a');
    config.arms.push_back(arm);
  }
  RouterDriver router(config);
  for (int i = 0; i < 300; ++i) {
    const std::string id = "q" + std::to_string(i);
    const std::vector<float> raw = random_raw(random);
    const Decision made = router.route(id, raw);
    router.rate(id, 0.5 + 0.4 * std::tanh(static_cast<double>(raw[made.chosen])));
  }
  return router;
}

class BatchDecide : public testing::TestWithParam<PolicyOptions> {};

TEST_P(BatchDecide, SaysWhatOneDecisionSaysToAHundredThousandth) {
  std::mt19937_64 random(3);
  const RouterDriver router = learnt_router(GetParam(), random);
  const auto snapshot = router.snapshot();
  // More than two of the widest tiles, and no whole number of them.
  std::vector<std::vector<float>> raws;
  std::vector<DecideRequest> requests(77);
  for (std::size_t i = 0; i < requests.size(); ++i) raws.push_back(random_raw(random));
  for (std::size_t i = 0; i < requests.size(); ++i) {
    requests[i].query_id = "batch-" + std::to_string(i);
    requests[i].raw = raws[i];
    if (i % 3 == 1) requests[i].constraints.max_cost_usd = 0.0035;
    if (i % 5 == 2) requests[i].arms = {"b", "d"};
  }
  std::vector<Evaluation> batch(requests.size());
  ASSERT_TRUE(evaluate_batch(*snapshot, requests, batch));
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Evaluation alone;
    ASSERT_TRUE(evaluate(*snapshot, requests[i], alone));
    ASSERT_EQ(batch[i].scores.size(), alone.scores.size());
    EXPECT_EQ(batch[i].chosen, alone.chosen) << i;
    EXPECT_EQ(batch[i].reason, alone.reason) << i;
    for (std::size_t a = 0; a < alone.scores.size(); ++a) {
      const Evaluation::Score& one = batch[i].scores[a];
      EXPECT_NEAR(one.mean, alone.scores[a].mean, 1e-5) << i;
      EXPECT_NEAR(one.sigma, alone.scores[a].sigma, 1e-5) << i;
      EXPECT_NEAR(one.propensity, alone.scores[a].propensity, 1e-4) << i;
      EXPECT_EQ(one.excluded, alone.scores[a].excluded) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Policies, BatchDecide,
    testing::Values(PolicyOptions(LinUcbOptions{}), PolicyOptions(LinTsOptions{}),
                    PolicyOptions(SquareCbOptions{}), PolicyOptions(HybridLinUcbOptions{}),
                    PolicyOptions(DefaultOptions{}), PolicyOptions(Ucb1Options{})));

TEST(BatchDecideErrors, SayWhichRequestTheyAreOf) {
  std::mt19937_64 random(3);
  const RouterDriver router = learnt_router(LinUcbOptions{}, random);
  const std::vector<float> raw = random_raw(random);
  std::vector<DecideRequest> requests(40);
  for (DecideRequest& request : requests) request.raw = raw;
  requests[35].arms = {"a", "nobody"};
  std::vector<Evaluation> out(requests.size());
  const Status status = evaluate_batch(*router.snapshot(), requests, out);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().field, "/35/arms/1");
  EXPECT_TRUE(evaluate_batch(*router.snapshot(), {}, {}));
}

}  // namespace
}  // namespace pointsman
