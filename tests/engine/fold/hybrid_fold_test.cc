// The policy `hybrid_linucb` from the log to the draw: what arms share is a fold over the log too,
// whatever happens to arms and rewards.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "tests/engine/routers/router_driver.h"

namespace pointsman {
namespace {

const std::vector<std::string> kNames = {"a", "b", "c"};

RouterConfig config(double gamma = 1.0, const PolicyOptions& policy = HybridLinUcbOptions{}) {
  std::vector<ArmSpec> arms;
  for (const std::string& name : kNames) arms.push_back(ArmSpec{.id = name});
  RouterConfig made = numbers_router(arms, 2, policy);
  made.posterior.gamma = gamma;
  return made;
}

std::vector<float> context_of(const std::string& query_id) {
  KeyedRandom random(11, query_id);
  return {static_cast<float>(2.0 * random.next_unit() - 1.0),
          static_cast<float>(2.0 * random.next_unit() - 1.0)};
}

std::string id_of(int i) { return "q" + std::to_string(i); }
double coin(int i) { return i * 7 % 10 < 3 ? 1.0 : 0.0; }

/// Rounds `from` … `to` − 1, the arms in turn.
void teach(RouterDriver& driver, int from, int to, const std::function<double(int)>& reward) {
  for (int i = from; i < to; ++i) {
    driver.route(id_of(i), context_of(id_of(i)), {kNames[static_cast<std::size_t>(i) % 3]});
    driver.rate(id_of(i), reward(i));
  }
}

void expect_equal_arms(const RouterDriver& left, const RouterDriver& right) {
  const RouterReport a = left.report();
  const RouterReport b = right.report();
  ASSERT_EQ(a.arms.size(), b.arms.size());
  for (std::size_t arm = 0; arm < a.arms.size(); ++arm) {
    for (std::size_t i = 0; i < a.arms[arm].theta.size(); ++i) {
      ASSERT_NEAR(a.arms[arm].theta[i], b.arms[arm].theta[i], 1e-9) << arm << ", " << i;
    }
  }
  for (const char* query : {"x", "y"}) {
    const Evaluation one = left.look(context_of(query));
    const Evaluation other = right.look(context_of(query));
    for (std::size_t arm = 0; arm < one.scores.size(); ++arm) {
      ASSERT_NEAR(one.scores[arm].mean, other.scores[arm].mean, 1e-6);
      ASSERT_NEAR(one.scores[arm].sigma, other.scores[arm].sigma, 1e-6);
    }
  }
}

TEST(HybridFold, WhatOneArmSaysOfARequestCountsForArmsThatNobodyTried) {
  RouterDriver driver(config());
  for (int i = 0; i < 60; ++i) {
    const bool hard = i % 2 == 0;
    driver.route(id_of(i), {hard ? 1.0F : -1.0F, 0.0F}, {"a"});
    driver.rate(id_of(i), hard ? 0.1 : 0.9);
  }
  const double hard = driver.look({1.0F, 0.0F}).scores[1].mean;
  const double easy = driver.look({-1.0F, 0.0F}).scores[1].mean;
  EXPECT_GT(easy - hard, 0.3);
  EXPECT_LT(easy - hard,
            driver.look({-1.0F, 0.0F}).scores[0].mean - driver.look({1.0F, 0.0F}).scores[0].mean)
      << "a itself is surer of it";
}

TEST(HybridFold, AStartFromTheLogOrFromACheckpointHasTheSameBits) {
  for (const double gamma : {1.0, 0.999}) {
    RouterDriver driver(config(gamma));
    const auto restarted = [&] {
      const std::uint64_t checksum = driver.checksum();
      driver.reopen();
      ASSERT_EQ(driver.checksum(), checksum);
    };
    teach(driver, 0, 300, coin);
    restarted();
    teach(driver, 300, 1100, coin);
    ASSERT_TRUE(driver.routers().checkpoint_all());
    ASSERT_FALSE(driver.store().load_checkpoints(driver.kScope)->empty());
    teach(driver, 1100, 1200, coin);
    for (int i = 0; i < 1200; i += 17) driver.rate(id_of(i), 0.5);
    restarted();
    teach(driver, 1200, 1210, coin);
    RouterFold whole(driver.kScope, {});
    const auto records = driver.store().scan(driver.kScope, 0, 1'000'000);
    for (const StoredRecord& stored : *records) ASSERT_TRUE(whole.apply(stored, driver.store()));
    EXPECT_EQ(whole.checksum(), driver.checksum());
  }
}

TEST(HybridFold, TheBitsDoNotDependOnWhenAnybodyLooks) {
  RouterDriver driver(config(0.999));
  teach(driver, 0, 200, coin);
  driver.remove_arm("b");
  driver.put_arm(ArmSpec{.id = "d"});
  teach(driver, 200, 201, coin);
  RouterFold unseen(driver.kScope, {});
  const auto records = driver.store().scan(driver.kScope, 0, 1'000'000);
  for (const StoredRecord& stored : *records) ASSERT_TRUE(unseen.apply(stored, driver.store()));
  EXPECT_EQ(unseen.checksum(), driver.checksum()) << "it made a snapshot at every record";
}

TEST(HybridFold, ARevisionEqualsAFreshFoldOfTheFinalValues) {
  for (const double gamma : {1.0, 0.999}) {
    const auto revised = [](int i) { return i % 11 == 0; };
    RouterDriver driver(config(gamma));
    teach(driver, 0, 1100, [&](int i) { return revised(i) ? 1.0 - coin(i) : coin(i); });
    for (int i = 0; i < 1100; ++i) {
      if (revised(i)) driver.rate(id_of(i), coin(i));
    }
    RouterDriver fresh(config(gamma));
    teach(fresh, 0, 1100, coin);
    expect_equal_arms(driver, fresh);
  }
}

TEST(HybridFold, AnObservationThatIsTakenBackLeavesNothingWithAnyArm) {
  RouterDriver driver(config());
  RouterDriver never(config());
  teach(driver, 0, 40, coin);
  teach(never, 0, 40, coin);
  driver.route("extra", context_of("extra"), {"a"});
  never.route("extra", context_of("extra"), {"a"});
  const auto rate = [&](double reward, double confidence) {
    driver.append(append_feedback(Scope{"default", ""}, driver.stamp(),
                                  Feedback{"extra", "rating", {reward, confidence}, "{}"},
                                  RouterDriver::print(std::to_string(confidence))));
  };
  rate(1.0, 1.0);
  rate(1.0, 0.0);
  expect_equal_arms(driver, never);
}

TEST(HybridFold, AnArmThatGoesTakesItsShareOfTheCommonKnowledgeAlong) {
  RouterDriver driver(config());
  RouterDriver never(config());
  never.remove_arm("c");
  teach(driver, 0, 30, coin);
  for (int i = 0; i < 30; ++i) {
    if (i % 3 == 2) {  // The schema's moments are the decisions', whatever their arms.
      never.route(id_of(i), context_of(id_of(i)), {"a"});
      continue;
    }
    never.route(id_of(i), context_of(id_of(i)), {kNames[static_cast<std::size_t>(i) % 3]});
    never.rate(id_of(i), coin(i));
  }
  driver.remove_arm("c");
  expect_equal_arms(driver, never);
  driver.rate(id_of(2), 0.5);  // Of the arm that is gone.
  expect_equal_arms(driver, never);
}

TEST(HybridFold, AnArmThatComesStartsWithWhatTheOthersShare) {
  RouterDriver driver(config());
  teach(driver, 0, 90, [](int) { return 0.1; });
  driver.put_arm(ArmSpec{.id = "d"});
  const Evaluation evaluation = driver.look(context_of("x"));
  EXPECT_LT(evaluation.scores[3].mean, 0.8) << "the prior says 1";
  EXPECT_GT(evaluation.scores[3].mean, evaluation.scores[0].mean);
  EXPECT_GT(evaluation.scores[3].sigma, evaluation.scores[0].sigma);
}

TEST(HybridFold, AWarmStartTeachesTheSharedPartToo) {
  RouterDriver driver(config());
  WarmStart rows;
  rows.source = "table";
  rows.effective_samples = 50.0;
  rows.arms = {"a"};
  for (int i = 0; i < 50; ++i) {
    const std::vector<float> x = context_of(id_of(i));
    rows.raw.insert(rows.raw.end(), x.begin(), x.end());
    rows.quality.push_back(0.1);
    rows.cost_usd.push_back(NAN);
  }
  driver.append(
      append_warm_start(driver.kScope, driver.stamp(), rows, RouterDriver::print("rows")));
  EXPECT_LT(driver.look(context_of("x")).scores[2].mean, 0.8);
  const std::uint64_t checksum = driver.checksum();
  driver.reopen();
  EXPECT_EQ(driver.checksum(), checksum);
}

TEST(HybridFold, TheConfigurationMayTurnToItAndAwayAndChangeWhatIsShared) {
  RouterDriver driver(config(1.0, LinUcbOptions{}));
  RouterDriver always(config());
  teach(driver, 0, 50, coin);
  teach(always, 0, 50, coin);
  EXPECT_EQ(driver.snapshot()->shared, nullptr);
  driver.configure(config(1.0, HybridLinUcbOptions{0.2, 0.9, 0.9}));
  driver.configure(config());
  expect_equal_arms(driver, always);
  RouterDriver plain(config(1.0, LinUcbOptions{}));
  teach(plain, 0, 50, coin);
  driver.configure(config(1.0, LinUcbOptions{}));
  EXPECT_EQ(driver.snapshot()->shared, nullptr);
  expect_equal_arms(driver, plain);
}

TEST(HybridFold, FrozenItLearnsNothing) {
  RouterDriver driver(config());
  teach(driver, 0, 50, coin);
  const auto before = driver.look(context_of("x"));
  RouterConfig frozen = config();
  frozen.mode = ServingMode::frozen;
  driver.configure(frozen);
  teach(driver, 50, 80, [](int) { return 0.0; });
  const auto after = driver.look(context_of("x"));
  for (std::size_t a = 0; a < 3; ++a) {
    EXPECT_NEAR(after.scores[a].mean, before.scores[a].mean, 1e-6);
    EXPECT_NEAR(after.scores[a].sigma, before.scores[a].sigma, 1e-6);
  }
}

/// Expected regret over the first `rounds` requests, a mean over runs: many arms whose truth is one
/// line they share and a small deviation each.
double early_regret(const PolicyOptions& policy, double common, int rounds) {
  constexpr int kRuns = 6;
  constexpr std::size_t kArms = 8;
  constexpr std::size_t kFields = 6;
  std::vector<ArmSpec> arms;
  for (std::size_t a = 0; a < kArms; ++a) arms.push_back(ArmSpec{.id = "arm" + std::to_string(a)});
  double regret = 0.0;
  for (int run = 0; run < kRuns; ++run) {
    KeyedRandom random(static_cast<std::uint64_t>(run), "truth");
    const auto signed_unit = [&] { return 2.0 * random.next_unit() - 1.0; };
    std::vector<double> line(kFields);
    for (double& value : line) value = common * signed_unit();
    std::vector<std::vector<double>> truth(kArms, line);
    std::vector<double> base(kArms);
    for (std::size_t a = 0; a < kArms; ++a) {
      base[a] = 0.5 + 0.05 * signed_unit();
      for (double& value : truth[a]) value += 0.06 * signed_unit();
    }
    RouterConfig made = numbers_router(arms, kFields, policy);
    made.posterior.intercept_mean = 0.5;
    RouterDriver driver(made);
    for (int t = 0; t < rounds; ++t) {
      std::vector<float> x(kFields);
      for (float& value : x) value = static_cast<float>(signed_unit());
      std::vector<double> mean = base;
      double best = 0.0;
      for (std::size_t a = 0; a < kArms; ++a) {
        for (std::size_t i = 0; i < kFields; ++i) {
          mean[a] += truth[a][i] * static_cast<double>(x[i]);
        }
        best = std::max(best, mean[a]);
      }
      const std::string id = std::to_string(t);
      const std::size_t chosen = driver.route(id, x).chosen;
      driver.rate(id, std::clamp(mean[chosen] + 0.05 * signed_unit(), 0.0, 1.0));
      regret += (best - mean[chosen]) / kRuns;
    }
  }
  return regret;
}

TEST(StatisticalHybridLinUcb, WhereArmsShareStructureItLearnsSoonerThanDisjointArms) {
  const double hybrid = early_regret(HybridLinUcbOptions{}, 0.2, 400);
  const double disjoint = early_regret(LinUcbOptions{}, 0.2, 400);
  const double uniform = early_regret(UniformOptions{}, 0.2, 400);
  ::testing::Test::RecordProperty("hybrid", std::to_string(hybrid));
  ::testing::Test::RecordProperty("linucb", std::to_string(disjoint));
  ::testing::Test::RecordProperty("uniform", std::to_string(uniform));
  EXPECT_LE(hybrid, 0.8 * disjoint);
  EXPECT_LE(hybrid, 0.4 * uniform);
}

TEST(StatisticalHybridLinUcb, WhereArmsShareNothingItLosesLittle) {
  const double hybrid = early_regret(HybridLinUcbOptions{}, 0.0, 400);
  const double disjoint = early_regret(LinUcbOptions{}, 0.0, 400);
  ::testing::Test::RecordProperty("hybrid", std::to_string(hybrid));
  ::testing::Test::RecordProperty("linucb", std::to_string(disjoint));
  EXPECT_LE(hybrid, 1.1 * disjoint + 1.0);
}

TEST(StatisticalHybridLinUcb, ItsRegretFlattens) {
  const double half = early_regret(HybridLinUcbOptions{}, 0.2, 1000);
  const double whole = early_regret(HybridLinUcbOptions{}, 0.2, 2000);
  ::testing::Test::RecordProperty("half", std::to_string(half));
  ::testing::Test::RecordProperty("whole", std::to_string(whole));
  EXPECT_LE(whole - half, 0.6 * half) << "linear regret would double";
}

}  // namespace
}  // namespace pointsman
