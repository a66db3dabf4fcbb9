#include "engine/fold/observation.h"

#include <gtest/gtest.h>

namespace pointsman {
namespace {

Decision decision() {
  Decision made;
  made.query_id = "q";
  made.arms = {ArmView{.arm = "a"}, ArmView{.arm = "b"}};
  made.chosen = 1;
  return made;
}

TEST(Observation, IsAbsentWithoutASignal) {
  EXPECT_EQ(combine(start_state(decision(), 1)), Observation{});
}

TEST(Observation, WeighsSignalsByTheirConfidence) {
  DecisionState state = start_state(decision(), 1);
  put_signal(state, "regeneration", Reward{0.0, 0.8}, 2);
  EXPECT_EQ(combine(state), (Observation{0.0, 0.8}));
  put_signal(state, "completion_time", Reward{0.8, 0.5}, 3);
  const Observation both = combine(state);
  EXPECT_DOUBLE_EQ(both.reward, 0.4 / 1.3);
  EXPECT_EQ(both.weight, 1.0);
}

TEST(Observation, TakesTheLatestSignalOfAType) {
  DecisionState state = start_state(decision(), 1);
  put_signal(state, "thumbs", Reward{1.0, 1.0}, 2);
  put_signal(state, "thumbs", Reward{0.0, 1.0}, 3);
  EXPECT_EQ(combine(state), (Observation{0.0, 1.0}));
  ASSERT_EQ(state.signals.size(), 1U);
  EXPECT_EQ(state.signals[0].position, 3U);
}

TEST(Observation, ASignalWithoutConfidenceSaysNothing) {
  DecisionState state = start_state(decision(), 1);
  put_signal(state, "action", Reward{1.0, 0.0}, 2);
  EXPECT_EQ(combine(state), Observation{});
}

TEST(Observation, AnOutcomeErrorIsFinal) {
  DecisionState state = start_state(decision(), 1);
  put_outcome(state, Outcome{.query_id = "q", .error = "timeout"});
  put_signal(state, "thumbs", Reward{1.0, 1.0}, 3);
  put_outcome(state, Outcome{.query_id = "q", .cost_usd = 0.5});
  EXPECT_EQ(combine(state), (Observation{0.0, 1.0}));
}

TEST(Observation, TheLastValueOfAnOutcomeFieldWins) {
  DecisionState state = start_state(decision(), 1);
  put_outcome(state, Outcome{.query_id = "q", .cost_usd = 0.5, .latency_ms = 10.0});
  put_outcome(state, Outcome{.query_id = "q", .cost_usd = 0.25});
  EXPECT_EQ(state.outcome.cost_usd, 0.25);
  EXPECT_EQ(state.outcome.latency_ms, 10.0);
}

TEST(Observation, SessionFeedbackIsASignalOfItsOwnAtPropagatedConfidence) {
  DecisionState state = start_state(decision(), 1);
  put_signal(state, "rating", Reward{1.0, 1.0}, 2);
  put_session_signal(
      state,
      SessionFeedback{.signal_type = "rating", .reward = {0.0, 1.0}, .propagation_weight = 0.5}, 3);
  EXPECT_DOUBLE_EQ(combine(state).reward, 1.0 / 1.5);
  EXPECT_EQ(state.signals.size(), 2U);
}

TEST(Observation, IsRebuiltFromRecordsUpToAPosition) {
  const auto stored = [](LogPosition position, RecordBody body) {
    StoredRecord record;
    record.position = position;
    record.record.body = std::move(body);
    return record;
  };
  const std::vector<StoredRecord> own = {stored(5, decision()),
                                         stored(6, Feedback{"q", "thumbs", {1.0, 1.0}, ""}),
                                         stored(9, Feedback{"q", "thumbs", {0.0, 1.0}, ""})};
  const std::vector<StoredRecord> session = {
      stored(4, SessionFeedback{"s", "rating", {0.0, 1.0}, 0.5, ""}),
      stored(8, SessionFeedback{"s", "rating", {0.5, 1.0}, 0.5, ""})};
  const auto early = rebuild_state(own, session, 8);
  ASSERT_TRUE(early);
  EXPECT_EQ(early->folded, (Observation{1.0, 1.0}));
  const auto late = rebuild_state(own, session, 10);
  EXPECT_DOUBLE_EQ(late->folded.reward, 0.25 / 1.5);
  EXPECT_EQ(late->arm, "b");
  EXPECT_FALSE(rebuild_state(own, session, 5));
}

}  // namespace
}  // namespace pointsman
