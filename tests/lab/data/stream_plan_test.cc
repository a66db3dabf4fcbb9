#include "lab/data/stream_plan.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "tests/lab/data/data_set_fixtures.h"

namespace pointsman::lab {
namespace {

std::vector<std::uint32_t> all_rows(const DataSet& data) {
  std::vector<std::uint32_t> rows(data.rows.size());
  std::iota(rows.begin(), rows.end(), 0U);
  return rows;
}

StreamPlan plan_of(const DataSet& data, const StreamOptions& options) {
  return plan_stream(data, all_rows(data), options);
}

/// Where every event of a round stands, and the round that was being served then.
struct Place {
  std::size_t at = 0;
  std::uint32_t served = 0;
  StreamEvent event;
};

std::map<std::uint32_t, std::vector<Place>> places_of(const StreamPlan& plan) {
  std::map<std::uint32_t, std::vector<Place>> places;
  std::uint32_t served = 0;
  for (std::size_t i = 0; i < plan.events.size(); ++i) {
    if (plan.events[i].act == StreamAct::route) served = plan.events[i].round;
    places[plan.events[i].round].push_back({i, served, plan.events[i]});
  }
  return places;
}

TEST(StreamPlan, WithoutStraysIsRouteOutcomeFeedbackRoundByRound) {
  const DataSet data = task_table(50);
  const StreamPlan plan = plan_of(data, {});
  ASSERT_EQ(plan.events.size(), 150U);
  for (std::size_t i = 0; i < plan.events.size(); ++i) {
    EXPECT_EQ(plan.events[i].round, i / 3);
    EXPECT_EQ(static_cast<std::size_t>(plan.events[i].act), i % 3);
    EXPECT_FALSE(plan.events[i].wrong_value.has_value());
  }
}

TEST(StreamPlan, VisitsEveryRowOnceUnderItsSeedAndLine) {
  const DataSet data = task_table(50);
  const StreamPlan plan = plan_of(data, {.seed_index = 4});
  std::set<std::uint32_t> rows;
  for (const StreamRound& round : plan.rounds) {
    rows.insert(round.row);
    EXPECT_EQ(round.query_id, "5-" + std::to_string(data.rows[round.row].line));
  }
  EXPECT_EQ(rows.size(), 50U);
}

TEST(StreamPlan, IsTheSameTwiceAndAnotherForAnotherSeed) {
  const DataSet data = task_table(200);
  const StreamOptions options{0, 1, 5, {0.3, 0.3, 0.3}};
  const auto order = [&](const StreamOptions& of) {
    std::string text;
    const StreamPlan plan = plan_of(data, of);
    for (const StreamEvent& event : plan.events) {
      text += plan.rounds[event.round].query_id + event.idempotency_key +
              std::to_string(event.wrong_value.value_or(-1.0)) + "\n";
    }
    return text;
  };
  EXPECT_EQ(order(options), order(options));
  StreamOptions other = options;
  other.shuffle_seed = 2;
  EXPECT_NE(order(options), order(other));
}

TEST(StreamPlan, ShowsWarmRowsToEachKnownArmBeforeAnyScoredRound) {
  DataSet data = task_table(20);
  for (std::size_t row = 0; row < 20; ++row) data.quality[row * 2] = kUnknown;
  const StreamPlan plan = plan_of(data, {.warm = 3});
  EXPECT_EQ(plan.warm_rounds, 3U) << "one arm of each row is known";
  for (std::size_t i = 0; i < plan.rounds.size(); ++i) {
    EXPECT_EQ(plan.rounds[i].only_arm.has_value(), i < 3U);
  }
  EXPECT_EQ(plan.rounds[0].only_arm, 1U);
  EXPECT_TRUE(plan.rounds[0].query_id.ends_with("-1"));
}

TEST(StreamPlan, MovesFeedbackByAtMostTwoHundredRoundsAndNeverBeforeItsRoute) {
  const DataSet data = task_table(1000);
  const StreamPlan plan = plan_of(data, {.shares = {.late = 0.5}});
  std::size_t late = 0;
  for (const auto& [round, places] : places_of(plan)) {
    ASSERT_EQ(places.size(), 3U);
    EXPECT_EQ(places[0].event.act, StreamAct::route);
    EXPECT_EQ(places[1].event.act, StreamAct::outcome);
    EXPECT_EQ(places[1].served, round);
    EXPECT_LE(places[2].served, round + 200);
    if (places[2].served > round) ++late;
  }
  EXPECT_GT(late, 420U);
  EXPECT_LT(late, 580U);
}

TEST(StreamPlan, EndsEveryRevisedFeedbackWithTheTruthUnderAKeyOfItsOwn) {
  const DataSet data = task_table(500);
  const StreamPlan plan = plan_of(data, {.shares = {0.4, 0.4, 0.4}});
  std::size_t revised = 0;
  std::size_t twice = 0;
  for (const auto& [round, places] : places_of(plan)) {
    std::map<std::string, std::vector<std::optional<double>>> by_key;
    std::size_t last_new = 0;
    bool last_true = false;
    for (const Place& place : places) {
      if (place.event.act != StreamAct::feedback) continue;
      auto& said = by_key[place.event.idempotency_key];
      if (said.empty()) {
        last_new = place.at;
        last_true = !place.event.wrong_value.has_value();
      }
      said.push_back(place.event.wrong_value);
    }
    EXPECT_GT(last_new, places.front().at);
    EXPECT_TRUE(last_true) << "round " << round;
    if (by_key.size() == 2) ++revised;
    for (const auto& [key, said] : by_key) {
      if (said.size() == 2) ++twice;
      EXPECT_EQ(said.front(), said.back()) << "the same key says the same";
    }
  }
  EXPECT_GT(revised, 150U);
  EXPECT_LT(revised, 250U);
  EXPECT_GT(twice, 150U);
  EXPECT_LT(twice, 250U);
}

TEST(StreamPlan, OneShareDoesNotMoveTheRoundsOfAnother) {
  const DataSet data = task_table(300);
  const auto late_rounds = [&](const StreamShares& shares) {
    std::set<std::uint32_t> late;
    const StreamPlan plan = plan_of(data, {.shares = shares});
    for (const auto& [round, places] : places_of(plan)) {
      if (places[2].served > round) late.insert(round);
    }
    return late;
  };
  EXPECT_EQ(late_rounds({.late = 0.3}), late_rounds({.late = 0.3, .revised = 0.5}));
}

}  // namespace
}  // namespace pointsman::lab
