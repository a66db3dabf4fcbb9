// What the policies without a context learn from, from the log to the draw.

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "tests/engine/routers/router_driver.h"

namespace pointsman {
namespace {

RouterConfig config_of(const PolicyOptions& policy, double gamma) {
  RouterConfig config =
      numbers_router({ArmSpec{.id = "a"}, ArmSpec{.id = "b"}, ArmSpec{.id = "c"}}, 1, policy);
  config.posterior.gamma = gamma;
  return config;
}

/// A router of three arms, and a context that is always the same.
class OneRouter final : public RouterDriver {
 public:
  explicit OneRouter(const PolicyOptions& policy, double gamma = 1.0)
      : RouterDriver(config_of(policy, gamma)) {}

  void route(const std::string& query_id, const std::string& arm) {
    RouterDriver::route(query_id, {0.5F}, {arm});
  }
  /// All of the arms, as the policy sees them, for this query.
  Evaluation evaluate_one(const std::string& query_id) const { return look({0.5F}, query_id); }
};

TEST(PolicyFold, APolicySeesEachArmsWeightedObservationsAsTheyWereLastRevised) {
  OneRouter router{Ucb1Options{}};
  router.route("q1", "a");
  router.route("q2", "a");
  router.route("q3", "b");
  router.route("q4", "c");
  router.rate("q1", {1.0, 1.0});
  router.rate("q2", {0.5, 0.5});
  router.rate("q3", {1.0, 1.0});
  router.rate("q3", {0.25, 0.8});
  const auto snapshot = router.snapshot();
  EXPECT_DOUBLE_EQ(snapshot->arms[0]->weight_sum, 1.5);
  EXPECT_DOUBLE_EQ(snapshot->arms[0]->reward_sum, 1.25);
  EXPECT_DOUBLE_EQ(snapshot->arms[1]->weight_sum, 0.8);
  EXPECT_DOUBLE_EQ(snapshot->arms[1]->reward_sum, 0.2);
  EXPECT_EQ(snapshot->arms[2]->weight_sum, 0.0) << "it was tried, but nobody said how it went";
  EXPECT_EQ(router.evaluate_one("q5").scores[2].propensity, 1.0);
}

TEST(PolicyFold, ObservationsAgeOnTheRoutersClockHoweverLateTheyArrive) {
  const double gamma = 0.99;
  OneRouter early{Ucb1Options{}, gamma};
  OneRouter late{Ucb1Options{}, gamma};
  early.route("q0", "a");
  late.route("q0", "a");
  early.rate("q0", {0.75, 1.0});
  for (int i = 1; i < 130; ++i) {
    early.route("q" + std::to_string(i), "b");
    late.route("q" + std::to_string(i), "b");
  }
  late.rate("q0", {0.75, 1.0});
  // 130 decisions are two ageings of 64.
  const double expected = std::pow(gamma, 128);
  for (const OneRouter* router : {&early, &late}) {
    EXPECT_NEAR(router->snapshot()->arms[0]->weight_sum, expected, 1e-12);
    EXPECT_NEAR(router->snapshot()->arms[0]->reward_sum, 0.75 * expected, 1e-12);
  }
}

TEST(PolicyFold, ARevisionTakesBackWhatIsLeftOfAnObservationWhateverGammaIsByThen) {
  OneRouter router{Ucb1Options{}, 0.9};
  router.route("q0", "a");
  router.rate("q0", {1.0, 1.0});
  for (int i = 1; i < 70; ++i) router.route("q" + std::to_string(i), "b");
  router.configure(config_of(Ucb1Options{}, 1.0));
  router.rate("q0", {0.5, 0.0});
  // One ageing of 64 decisions left .9^64 of it, and the revision says nothing.
  EXPECT_NEAR(router.snapshot()->arms[0]->weight_sum, 0.0, 1e-15);
  router.rate("q0", {1.0, 1.0});
  EXPECT_NEAR(router.snapshot()->arms[0]->weight_sum, std::pow(0.9, 64), 1e-15);
  const std::uint64_t checksum = router.checksum();
  router.reopen();
  EXPECT_EQ(router.checksum(), checksum);
}

TEST(PolicyFold, SquareCbCountsTheRoutersDecisions) {
  OneRouter router{SquareCbOptions{10.0, 0.5}};
  router.route("q0", "a");
  router.rate("q0", {1.0, 1.0});
  router.route("q1", "b");
  router.rate("q1", {0.0, 1.0});
  const Evaluation before = router.evaluate_one("q");
  for (int i = 2; i < 99; ++i) router.route("q" + std::to_string(i), "b");
  const Evaluation after = router.evaluate_one("q");
  for (const auto& [evaluation, t] : {std::pair(&before, 3.0), std::pair(&after, 100.0)}) {
    const double gap = evaluation->scores[0].utility - evaluation->scores[1].utility;
    ASSERT_GT(gap, 0.05);
    EXPECT_NEAR(evaluation->scores[1].propensity, 1.0 / (3.0 + 10.0 * std::sqrt(t) * gap), 1e-12);
  }
}

class StatisticalDraws : public ::testing::TestWithParam<PolicyOptions> {};

TEST_P(StatisticalDraws, ArmsAreDrawnAsOftenAsTheirPropensitiesSay) {
  OneRouter router(GetParam());
  const std::vector<std::string> arms = {"a", "b", "c"};
  for (int i = 0; i < 60; ++i) {
    const std::string id = "q" + std::to_string(i);
    const auto arm = static_cast<std::size_t>(i % 3);
    router.route(id, arms[arm]);
    KeyedRandom random(5, id);
    router.rate(id, {random.next_unit() < 0.55 - 0.05 * static_cast<double>(arm) ? 1.0 : 0.0, 1.0});
  }
  constexpr int kDraws = 30000;
  std::vector<int> drawn(3);
  for (int i = 0; i < kDraws; ++i) {
    ++drawn[router.evaluate_one("draw-" + std::to_string(i)).chosen];
  }
  const Evaluation stated = router.evaluate_one("once more");
  double chi_square = 0.0;
  for (std::size_t a = 0; a < 3; ++a) {
    const double expected = stated.scores[a].propensity * kDraws;
    if (expected == 0.0) {
      EXPECT_EQ(drawn[a], 0);
      continue;
    }
    chi_square += std::pow(drawn[a] - expected, 2) / expected;
  }
  EXPECT_LE(chi_square, 23.1) << "the 1e-5 quantile of two degrees of freedom";
}

INSTANTIATE_TEST_SUITE_P(
    EveryPolicy, StatisticalDraws,
    ::testing::Values(PolicyOptions(LinUcbOptions{}), PolicyOptions(LinTsOptions{}),
                      PolicyOptions(UniformOptions{}), PolicyOptions(EpsilonGreedyOptions{}),
                      PolicyOptions(SquareCbOptions{}), PolicyOptions(Ucb1Options{}),
                      PolicyOptions(BetaThompsonOptions{}), PolicyOptions(DefaultOptions{}),
                      PolicyOptions(HybridLinUcbOptions{})),
    [](const auto& instance) { return std::string(policy_name(instance.param)); });

}  // namespace
}  // namespace pointsman
