// What another log's decisions teach a router.

#include "lab/replay/warm_start_log.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "engine/log/append_requests.h"
#include "engine/policies/keyed_random.h"
#include "engine/routers/log_pruning.h"
#include "tests/lab/replay/old_log.h"

namespace pointsman::lab {
namespace {

TEST(WarmStartFromALog, TheNewRoutersFirstRequestIsDecidedByTheOldOnesLog) {
  Log log;
  fill(log, 300);
  log.configure("new", config_of({"b", "a"}, LinUcbOptions{}));
  const auto warm = warm_start_from_log(log.store(), kOld, *log.snapshot("new"), {.samples = 200});
  ASSERT_TRUE(warm) << warm.error().message;
  EXPECT_EQ(warm->arms, (std::vector<std::string>{"b", "a"}));
  log.append(append_warm_start({"default", "new"}, log.stamp(), *warm, Log::print("rows")));
  EXPECT_EQ(log.route("new", "p", 0.8F).chosen, 1U);
  EXPECT_EQ(log.route("new", "n", -0.8F).chosen, 0U);
}

TEST(WarmStartFromALog, ARowIsTheChosenArmsRewardAsItWasLastRevisedAndItsCost) {
  Log log;
  log.configure("old", config_of({"a", "b"}, LinUcbOptions{}));
  log.route("old", "q1", 0.25F, "b");
  log.rate("q1", {0.0, 1.0});
  log.rate("q1", {0.75, 1.0});
  log.cost("q1", 0.002);
  log.route("old", "unrated", 0.5F, "a");
  log.route("old", "unsure", 0.5F, "a");
  log.rate("unsure", {1.0, 0.0});
  const auto warm = warm_start_from_log(log.store(), kOld, *log.snapshot("old"), {.samples = 9});
  ASSERT_TRUE(warm) << warm.error().message;
  EXPECT_EQ(warm->effective_samples, 9.0);
  ASSERT_EQ(warm->rows(), 1U);
  EXPECT_EQ(warm->raw, (std::vector<float>{0.25F}));
  EXPECT_TRUE(std::isnan(warm->quality[0]));
  EXPECT_EQ(warm->quality[1], 0.75);
  EXPECT_TRUE(std::isnan(warm->cost_usd[0]));
  EXPECT_EQ(warm->cost_usd[1], 0.002);
}

TEST(WarmStartFromALog, SessionFeedbackReachesItsRowsAndAFailedCallIsABadOne) {
  Log log;
  log.configure("old", config_of({"a"}, LinUcbOptions{}));
  log.route("old", "q1", 0.25F, "", "s");
  log.append(append_session_feedback(
      kOld, log.stamp(), SessionFeedback{"s", "thumb", {0.5, 1.0}, 1.0, "{}"}, Log::print("s")));
  log.route("old", "q2", 0.75F);
  log.rate("q2", {1.0, 1.0});
  log.append(
      append_outcome({"default", ""}, log.stamp(), Outcome{.query_id = "q2", .error = "timeout"}));
  const auto warm = warm_start_from_log(log.store(), kOld, *log.snapshot("old"), {.samples = 9});
  ASSERT_TRUE(warm) << warm.error().message;
  EXPECT_EQ(warm->quality, (std::vector<double>{0.0, 0.5})) << "newest first";
}

TEST(WarmStartFromALog, OfMoreDecisionsThanRowsTheNewestOfEachArmAreTaken) {
  Log log;
  log.configure("old", config_of({"a", "b"}, LinUcbOptions{}));
  for (int i = 0; i < 40; ++i) {
    const std::string id = std::to_string(i);
    log.route("old", id, static_cast<float>(i), i < 10 ? "b" : "a");
    log.rate(id, {0.5, 1.0});
  }
  const auto warm =
      warm_start_from_log(log.store(), kOld, *log.snapshot("old"), {.samples = 9, .rows = 6});
  ASSERT_TRUE(warm);
  EXPECT_EQ(warm->raw, (std::vector<float>{39, 38, 37, 9, 8, 7}));
}

TEST(WarmStartFromALog, AConfidenceOfAThirdKeepsAThirdOfTheDecisions) {
  Log log;
  log.configure("old", config_of({"a"}, LinUcbOptions{}));
  for (int i = 0; i < 600; ++i) {
    log.route("old", std::to_string(i), 0.5F);
    log.rate(std::to_string(i), {1.0, 1.0 / 3.0});
  }
  const auto warm = warm_start_from_log(log.store(), kOld, *log.snapshot("old"), {.samples = 9});
  ASSERT_TRUE(warm);
  EXPECT_NEAR(static_cast<double>(warm->rows()), 200.0, 4.0 * std::sqrt(600.0 * 2.0 / 9.0));
}

/// Mean of u over the rows of arm "a".
double mean_input(const WarmStart& warm) {
  double sum = 0.0;
  double rows = 0.0;
  for (std::size_t row = 0; row < warm.rows(); ++row) {
    if (std::isnan(warm.quality[2 * row])) continue;
    sum += static_cast<double>(warm.raw[row]);
    rows += 1.0;
  }
  return sum / rows;
}

TEST(WarmStartFromALog, InversePropensitiesUndoThatAnArmGotTheRequestsItWasGoodAt) {
  Log log;
  RouterConfig config = config_of({"a", "b"}, LinUcbOptions{});
  config.propensity_floor = 0.2;
  log.configure("old", config);
  for (int i = 0; i < 1500; ++i) {
    const std::string id = std::to_string(i);
    KeyedRandom random(4, id);
    const float u = static_cast<float>(2.0 * random.next_unit() - 1.0);
    const Decision decision = log.route("old", id, u);
    log.rate(id, {(decision.chosen == 0) == (u > 0.0F) ? 1.0 : 0.0, 1.0});
  }
  LogRowsOptions options{.samples = 100, .rows = 4000};
  const auto direct = warm_start_from_log(log.store(), kOld, *log.snapshot("old"), options);
  options.inverse_propensity = true;
  const auto inverse = warm_start_from_log(log.store(), kOld, *log.snapshot("old"), options);
  ASSERT_TRUE(direct && inverse);
  EXPECT_EQ(direct->rows(), 1500U);
  EXPECT_LT(inverse->rows(), 900U);
  EXPECT_GT(inverse->rows(), 400U);
  EXPECT_GE(mean_input(*direct), 0.2);
  // 300 rows of standard deviation .58.
  EXPECT_NEAR(mean_input(*inverse), 0.0, 4.0 * 0.58 / std::sqrt(300.0));
}

TEST(WarmStartFromALog, WithInversePropensitiesDecisionsThatNobodyDrewAreLeftOut) {
  Log log;
  RouterConfig config = config_of({"a"}, LinUcbOptions{});
  config.sticky_sessions = true;
  log.configure("old", config);
  for (const char* id : {"q1", "q2"}) {
    log.route("old", id, 0.5F, "", "s");
    log.rate(id, {1.0, 1.0});
  }
  LogRowsOptions options{.samples = 9};
  EXPECT_EQ(warm_start_from_log(log.store(), kOld, *log.snapshot("old"), options)->rows(), 2U);
  options.inverse_propensity = true;
  EXPECT_EQ(warm_start_from_log(log.store(), kOld, *log.snapshot("old"), options)->rows(), 1U);
}

TEST(WarmStartFromALog, DecisionsOfAnotherLayoutAreLeftOut) {
  Log log;
  fill(log, 20);
  log.configure("old", config_of({"a", "b"}, UniformOptions{}, "v"));
  log.route("old", "late", 0.5F);
  log.rate("late", {1.0, 1.0});
  log.configure("new", config_of({"a", "b"}, LinUcbOptions{}, "v"));
  const auto warm = warm_start_from_log(log.store(), kOld, *log.snapshot("new"), {.samples = 9});
  ASSERT_TRUE(warm);
  EXPECT_EQ(warm->rows(), 1U);
}

TEST(WarmStartFromALog, APrunedLogGivesWhatIsAboveItsMark) {
  Log log;
  RouterConfig config = config_of({"a"}, LinUcbOptions{});
  config.decision_ttl_ms = 1000;
  log.configure("old", config);
  const auto teach = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      log.route("old", std::to_string(i), static_cast<float>(i));
      log.rate(std::to_string(i), {1.0, 1.0});
    }
  };
  teach(0, 1030);
  log.checkpoint();
  const auto pruned =
      prune_log(log.store(), kOld, {.now = log.stamp().time + std::chrono::days(1000)}, {});
  ASSERT_TRUE(pruned) << pruned.error().message;
  ASSERT_GT(pruned->removed, 1000U);
  teach(1030, 1033);
  const auto warm = warm_start_from_log(log.store(), kOld, *log.snapshot("old"), {.samples = 9});
  ASSERT_TRUE(warm) << warm.error().message;
  EXPECT_EQ(warm->raw, (std::vector<float>{1032, 1031, 1030}));
  log.configure("new", config_of({"a"}, LinUcbOptions{}, "v"));
  EXPECT_FALSE(warm_start_from_log(log.store(), kOld, *log.snapshot("new"), {.samples = 9}));
}

TEST(WarmStartFromALog, SaysWhyThereIsNothingToTake) {
  Log log;
  fill(log, 20);
  const auto error = [&](const RouterConfig& config, const Scope& from) {
    log.configure("new", config);
    const auto warm = warm_start_from_log(log.store(), from, *log.snapshot("new"), {.samples = 9});
    return warm ? std::string() : warm.error().message;
  };
  const RouterConfig same = config_of({"a"}, LinUcbOptions{});
  EXPECT_NE(error(same, {"default", "nowhere"}).find("no decision of"), std::string::npos);
  EXPECT_NE(error(config_of({"a"}, LinUcbOptions{}, "w"), kOld).find("other features"),
            std::string::npos);
  EXPECT_NE(error(config_of({"z"}, LinUcbOptions{}), kOld).find("no observation"),
            std::string::npos);
}

}  // namespace
}  // namespace pointsman::lab
