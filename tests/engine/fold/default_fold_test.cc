// The policy `default` from the log to the draw: what it learns is a fold, and it bends where the
// truth does.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/fold/landmark_map.h"
#include "tests/engine/routers/router_driver.h"

namespace pointsman {
namespace {

std::vector<float> context_of(const std::string& query_id) {
  KeyedRandom random(11, query_id);
  return {static_cast<float>(2.0 * random.next_unit() - 1.0),
          static_cast<float>(2.0 * random.next_unit() - 1.0)};
}

RouterConfig config_of(const PolicyOptions& policy) {
  return numbers_router({ArmSpec{.id = "a"}, ArmSpec{.id = "b"}, ArmSpec{.id = "c"}}, 2, policy);
}

/// A router of three arms and two numbers.
class World final : public RouterDriver {
 public:
  explicit World(const PolicyOptions& policy) : RouterDriver(config_of(policy)) {}

  void configure(const PolicyOptions& policy) { RouterDriver::configure(config_of(policy)); }

  /// Returns the arm. `only`: the arm that is eligible; empty: all are.
  std::size_t route(const std::string& query_id, const std::string& only = "") {
    std::vector<std::string> arms;
    if (!only.empty()) arms.push_back(only);
    return RouterDriver::route(query_id, context_of(query_id), std::move(arms)).chosen;
  }

  /// Rounds 0 … n − 1 with arms in turn; `reward` of a round's number.
  void teach(int from, int to, const std::function<double(int)>& reward) {
    const std::vector<std::string> arms = {"a", "b", "c"};
    for (int i = from; i < to; ++i) {
      route("q" + std::to_string(i), arms[static_cast<std::size_t>(i) % 3]);
      rate("q" + std::to_string(i), reward(i));
    }
  }
};

double coin(int i) { return i * 7 % 10 < 3 ? 1.0 : 0.0; }

TEST(DefaultFold, TheLogHoldsWhatItLearntOfTheFirstContextsAndRewards) {
  World world{DefaultOptions{}};
  EXPECT_EQ(world.report().arms[0].theta.size(), 3 + LandmarkMap::kWidth);
  EXPECT_EQ(world.report().arms[0].theta[0], 1.0) << "the optimistic start";
  world.teach(0, 100, coin);
  const SchemaRevision& revision = world.snapshot()->standardiser->revision();
  EXPECT_EQ(revision.version, 2U);
  EXPECT_EQ(revision.landmarks.size(), 2 * 64U);
  EXPECT_GT(revision.bandwidth, 0.0);
  ASSERT_TRUE(revision.intercept_mean.has_value());
  EXPECT_LT(*revision.intercept_mean, 0.7);
}

TEST(DefaultFold, AStartFromTheLogOrFromACheckpointHasTheSameBits) {
  World world{DefaultOptions{}};
  world.teach(0, 300, coin);
  const std::uint64_t young = world.report().checksum;
  world.reopen();
  EXPECT_EQ(world.report().checksum, young);

  world.teach(300, 1100, coin);
  world.checkpoint();
  world.teach(1100, 1200, coin);
  const RouterReport before = world.report();
  world.reopen();
  EXPECT_EQ(world.report().checksum, before.checksum);
  world.teach(1200, 1210, coin);
  World unbroken{DefaultOptions{}};
  unbroken.teach(0, 1210, coin);
  EXPECT_EQ(world.report().checksum, unbroken.report().checksum);
}

TEST(DefaultFold, ARevisionEqualsAFreshFoldOfTheFinalValues) {
  const auto revised = [](int i) { return i >= 20 && i % 11 == 0; };
  World world{DefaultOptions{}};
  world.teach(0, 1100, [&](int i) { return revised(i) ? 1.0 - coin(i) : coin(i); });
  for (int i = 20; i < 1100; ++i) {
    if (revised(i)) world.rate("q" + std::to_string(i), coin(i));
  }
  World fresh{DefaultOptions{}};
  fresh.teach(0, 1100, coin);
  const RouterReport a = world.report();
  const RouterReport b = fresh.report();
  for (std::size_t arm = 0; arm < 3; ++arm) {
    for (std::size_t i = 0; i < a.arms[arm].theta.size(); ++i) {
      ASSERT_NEAR(a.arms[arm].theta[i], b.arms[arm].theta[i], 1e-9) << arm << ", " << i;
    }
  }
}

TEST(DefaultFold, AChangeToItOrFromItStartsTheLearningAnew) {
  World world{DefaultOptions{}};
  world.teach(0, 100, coin);
  world.configure(LinUcbOptions{});
  EXPECT_EQ(world.report().schema_version, 0U);
  EXPECT_EQ(world.report().arms[0].theta, (std::vector<double>{1.0, 0.0, 0.0}));
  world.teach(100, 120, coin);
  world.configure(DefaultOptions{});
  EXPECT_EQ(world.report().arms[0].theta.size(), 3 + LandmarkMap::kWidth);
  world.teach(120, 140, coin);
  const std::uint64_t checksum = world.report().checksum;
  world.reopen();
  EXPECT_EQ(world.report().checksum, checksum);
}

TEST(DefaultFold, ItsOptionsMayChangeWithoutForgetting) {
  World world{DefaultOptions{}};
  world.teach(0, 100, coin);
  world.configure(DefaultOptions{.alpha = 0.3, .landmark_precision = 1.0});
  EXPECT_EQ(world.report().schema_version, 2U);
  EXPECT_NE(world.report().arms[0].theta[1], 0.0);
}

using Chance = std::function<double(std::size_t arm, const std::vector<float>& x)>;

/// Expected regret a round over the second half of 1,500, a mean over two runs.
double late_regret(const PolicyOptions& policy, const Chance& chance) {
  constexpr int kRounds = 1500;
  constexpr int kRuns = 2;
  double regret = 0.0;
  for (int run = 0; run < kRuns; ++run) {
    World world(policy);
    for (int i = 0; i < kRounds; ++i) {
      const std::string id = std::to_string(run) + "-" + std::to_string(i);
      const std::size_t arm = world.route(id);
      const std::vector<float> x = context_of(id);
      KeyedRandom random(13, id);
      world.rate(id, random.next_unit() < chance(arm, x) ? 1.0 : 0.0);
      double best = 0.0;
      for (std::size_t a = 0; a < 3; ++a) best = std::max(best, chance(a, x));
      if (2 * i >= kRounds) regret += best - chance(arm, x);
    }
  }
  return regret / (kRuns * kRounds / 2);
}

/// Which of a and b is good depends on the quadrant; c is good nowhere.
double curved(std::size_t arm, const std::vector<float>& x) {
  if (arm == 2) return 0.3;
  return (x[0] * x[1] > 0.0F) == (arm == 0) ? 0.9 : 0.1;
}

double straight(std::size_t arm, const std::vector<float>& x) {
  if (arm == 2) return 0.3;
  const double lean = 0.3 * static_cast<double>(x[0]) + 0.15 * static_cast<double>(x[1]);
  return arm == 0 ? 0.5 + lean : 0.5 - lean;
}

TEST(StatisticalDefault, ItLearnsACurvedTruthThatALinearPolicyCannot) {
  const double bent = late_regret(DefaultOptions{}, curved);
  const double linear = late_regret(LinUcbOptions{}, curved);
  ::testing::Test::RecordProperty("default", std::to_string(bent));
  ::testing::Test::RecordProperty("linucb", std::to_string(linear));
  EXPECT_LE(bent, 0.1);
  EXPECT_GE(linear, 0.3);
}

TEST(StatisticalDefault, OnAStraightTruthItIsCloseToTheLinearPolicy) {
  const double bent = late_regret(DefaultOptions{}, straight);
  const double linear = late_regret(LinUcbOptions{}, straight);
  const double uniform = late_regret(UniformOptions{}, straight);
  ::testing::Test::RecordProperty("default", std::to_string(bent));
  ::testing::Test::RecordProperty("linucb", std::to_string(linear));
  EXPECT_LE(bent, linear + 0.05);
  EXPECT_LE(bent, 0.35 * uniform);
}

}  // namespace
}  // namespace pointsman
