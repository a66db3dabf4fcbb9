// A stream in which the best arm degrades at a third and recovers at two thirds.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/engine/routers/router_driver.h"

namespace pointsman {
namespace {

constexpr int kThird = 1000;
constexpr int kRuns = 10;

/// Means over runs.
struct Drifted {
  double fallen = 0.0;      ///< Expected reward 200 to 400 requests behind the fall.
  double recovered = 0.0;   ///< The same behind the recovery.
  double settled[3] = {};   ///< Of the last half of each third.
  double back_share = 0.0;  ///< Of the best arm, 200 to 400 requests behind the recovery.
  double regret = 0.0;      ///< Over all three thirds, in expected reward.
};

/// Coin tosses: "a" is .9, then .3, then .9; "b" .6 and "c" .5 throughout.
Drifted drift(const PolicyOptions& policy, double gamma) {
  Drifted mean;
  for (int run = 0; run < kRuns; ++run) {
    RouterConfig config =
        numbers_router({ArmSpec{.id = "a"}, ArmSpec{.id = "b"}, ArmSpec{.id = "c"}}, 1, policy);
    config.seed = static_cast<std::uint64_t>(run) + 1;
    config.posterior.gamma = gamma;
    RouterDriver driver(config);
    KeyedRandom random(static_cast<std::uint64_t>(run), "drift");
    for (int i = 0; i < 3 * kThird; ++i) {
      const bool fallen = i >= kThird && i < 2 * kThird;
      const std::vector<double> chance = {fallen ? 0.3 : 0.9, 0.6, 0.5};
      const std::size_t best = fallen ? 1 : 0;
      const std::string id = std::to_string(i);
      const Decision decision = driver.route(id, {static_cast<float>(random.next_unit())});
      driver.rate(id, random.next_unit() < chance[decision.chosen] ? 1.0 : 0.0);
      mean.regret += (chance[best] - chance[decision.chosen]) / kRuns;
      const int since = i % kThird;
      const double expected = chance[decision.chosen];
      if (since >= kThird / 2) mean.settled[i / kThird] += expected / (kThird / 2.0 * kRuns);
      if (since < 200 || since >= 400 || i < kThird) continue;
      (fallen ? mean.fallen : mean.recovered) += expected / (200.0 * kRuns);
      if (!fallen && decision.chosen == best) mean.back_share += 1.0 / (200.0 * kRuns);
    }
  }
  return mean;
}

class StatisticalDrift : public ::testing::TestWithParam<PolicyOptions> {};

TEST_P(StatisticalDrift, WithForgettingTheRouterRecoversWithin200Requests) {
  const Drifted forgetting = drift(GetParam(), 0.99);
  const Drifted never = drift(GetParam(), 1.0);
  for (const auto& [name, run] :
       {std::pair("forgetting", &forgetting), std::pair("never", &never)}) {
    const std::string of = name;
    RecordProperty(of + "_fallen", std::to_string(run->fallen));
    RecordProperty(of + "_recovered", std::to_string(run->recovered));
    for (int third = 0; third < 3; ++third) {
      RecordProperty(of + "_settled_" + std::to_string(third), std::to_string(run->settled[third]));
    }
    RecordProperty(of + "_back_share", std::to_string(run->back_share));
    RecordProperty(of + "_regret", std::to_string(run->regret));
  }
  // Back, 200 requests behind a change, to within .03 of where the third settles.
  EXPECT_GE(forgetting.fallen, forgetting.settled[1] - 0.03);
  EXPECT_GE(forgetting.recovered, forgetting.settled[2] - 0.03);
  EXPECT_GE(forgetting.back_share, 0.75);
  EXPECT_GE(forgetting.settled[1], 0.5) << "the second best arm has .5";
  EXPECT_GE(forgetting.settled[0], 0.8) << "it costs little where nothing drifts";
  EXPECT_LE(never.fallen, 0.4) << "the baseline would need no forgetting";
  EXPECT_LE(forgetting.regret, 0.7 * never.regret);
}

INSTANTIATE_TEST_SUITE_P(Policies, StatisticalDrift,
                         ::testing::Values(PolicyOptions(LinUcbOptions{}),
                                           PolicyOptions(LinTsOptions{})),
                         [](const auto& instance) {
                           return std::string(policy_name(instance.param));
                         });

}  // namespace
}  // namespace pointsman
