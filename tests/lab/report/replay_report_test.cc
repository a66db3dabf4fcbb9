#include "lab/report/replay_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "lab/report/replay_charts.h"

namespace pointsman::lab {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// A replay of two arms, "small" at .0001 USD and "acme/large" at .01 USD a call.
ReplayResult result_with(Interval against_best_fixed) {
  ReplayResult result;
  result.dataset = "made_up";
  result.policy.text = "linucb";
  result.arms = {"small", "acme/large"};
  result.fixed = {{0.6, 0.0001}, {0.9, 0.01}};
  result.best_arm = 1;
  result.rounds = 3;
  result.runs.resize(1);
  result.runs[0].scores = {0.5F, 1.0F, 0.9F};
  result.runs[0].decisions = 3;
  result.reward = {0.8, 0.0, 0.0};
  result.mean_cost_usd = 0.001;
  result.random = 0.75;
  result.oracle = 0.95;
  result.best_mix = 0.65;
  result.against_best_fixed = against_best_fixed;
  return result;
}

TEST(ReplayVerdict, SaysThatAFixedArmIsTheBetterChoiceWhereThePolicyLosesToIt) {
  const std::string verdict = verdict_of(result_with({-0.003, -0.004, -0.002}));
  EXPECT_THAT(verdict, StartsWith("linucb earned 0.0030 less a round than the best fixed arm"));
  EXPECT_THAT(verdict, HasSubstr("the best fixed arm, acme/large is the better choice"));
  EXPECT_THAT(verdict, HasSubstr("A call cost 0.001000 USD with linucb and 0.010000 USD"));
}

TEST(ReplayVerdict, SaysHowMuchMoreThePolicyEarnedWhereTheIntervalExcludesZero) {
  EXPECT_THAT(verdict_of(result_with({0.003, 0.002, 0.004})),
              StartsWith("linucb earned 0.0030 more a round than the best fixed arm, acme/large "
                         "(95%: +0.0020 to +0.0040)."));
}

TEST(ReplayVerdict, ClaimsNothingWhereTheIntervalHoldsZeroOrThereIsOneSeed) {
  EXPECT_THAT(verdict_of(result_with({0.003, -0.001, 0.007})),
              HasSubstr("no difference is certain"));
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  EXPECT_THAT(verdict_of(result_with({0.003, -kInfinite, kInfinite})),
              HasSubstr("+0.0030 a round (one seed gives no interval)"));
}

TEST(ReplayVerdict, ComparesWithTheBestMixWhereThereIsABudget) {
  ReplayResult result = result_with({-0.1, -0.2, -0.05});
  result.paced = {.target_usd = 0.001, .dearest_seed_usd = 0.001, .against_mix = {}};
  EXPECT_THAT(verdict_of(result), HasSubstr("has no mix of two fixed arms beside it"));
  result.paced->against_mix = Interval{0.15, 0.14, 0.16};
  EXPECT_THAT(verdict_of(result),
              testing::StrEq("With 0.001000 USD a request to spend, linucb earned 0.1500 more a "
                             "round than the best mix of two fixed arms (95%: +0.1400 to +0.1600). "
                             "linucb spent 100.0% of the budget."));
}

TEST(ReplayCharts, DrawCostOnlyWhereEveryArmsCostHasALogarithm) {
  ReplayResult result = result_with({0.0, 0.0, 0.0});
  EXPECT_THAT(cost_chart(result), HasSubstr("class=\"frontier\""));
  EXPECT_THAT(cost_chart(result), HasSubstr(">large</text>")) << "without its provider";
  result.fixed[0].cost_usd = 0.0;
  EXPECT_EQ(cost_chart(result), "");
  result.fixed[0].cost_usd = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(cost_chart(result), "");
}

TEST(ReplayCharts, KeepEveryPointInsideThePictureAndEveryNameEscaped) {
  ReplayResult result = result_with({0.0, 0.0, 0.0});
  result.policy.text = "<linucb>";
  for (const std::string& chart : {cost_chart(result), learning_chart(result)}) {
    EXPECT_THAT(chart, Not(HasSubstr("nan")));
    EXPECT_THAT(chart, Not(HasSubstr("=\"-")));
    EXPECT_THAT(chart, Not(HasSubstr("<linucb>")));
  }
}

TEST(ReplayHtml, HoldsTheVerdictAndNothingFromElsewhere) {
  const ReplayResult result = result_with({-0.003, -0.004, -0.002});
  const std::string page = render_html({result});
  EXPECT_THAT(page, HasSubstr(verdict_of(result)));
  EXPECT_THAT(page, Not(HasSubstr("http")));
  EXPECT_THAT(page, HasSubstr("always acme/large"));
}

}  // namespace
}  // namespace pointsman::lab
