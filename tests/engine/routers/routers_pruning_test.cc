#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/routers/log_pruning.h"
#include "tests/engine/routers/losing_store.h"
#include "tests/engine/routers/replica.h"

namespace pointsman::testing_stores {
namespace {

/// Long after the end of all that a Replica has recorded.
const Timestamp kLater{std::chrono::hours(24 * 365)};

PruneReport prune(Store& store, std::size_t step = 100, Timestamp now = kLater) {
  auto report = prune_log(store, kReplicaScope, {.now = now, .step = step});
  EXPECT_TRUE(report) << report.error().message;
  return report ? *report : PruneReport{};
}

/// A log of which the older half may go.
class PrunedLog : public testing::Test {
 protected:
  void SetUp() override {
    replica_.configure();
    replica_.learn(1100, "q");  // The schema is frozen from decision 1,024 on.
    ASSERT_TRUE(replica_.routers->checkpoint_all());
    older_ = replica_.report().position;
    replica_.learn(30, "r");
    ASSERT_TRUE(replica_.routers->checkpoint_all());
    newer_ = replica_.report().position;
    replica_.learn(10, "s");
  }

  Committed in_session(const std::string& query_id, const std::string& session) {
    DecideRequest request;
    request.query_id = query_id;
    request.session_id = session;
    const std::vector<float> raw{0.5F, 0.25F};
    request.raw = raw;
    const RecordStamp now = replica_.stamp();
    request.now = now.time;
    auto decision = decide(*replica_.routers->snapshot(kReplicaScope), request);
    EXPECT_TRUE(decision);
    return replica_.commit(append_decision(kReplicaScope, now, *decision, {}));
  }

  Committed rate_session(const std::string& session) {
    return replica_.commit(
        append_session_feedback(kReplicaScope, replica_.stamp(),
                                SessionFeedback{session, "rating", {1.0, 1.0}, 0.5, "{}"}, {}));
  }

  void drop_checkpoints() {
    const auto kept = store_.load_checkpoints(kReplicaScope);
    for (const Checkpoint& checkpoint : *kept) {
      ASSERT_TRUE(store_.drop_checkpoint(checkpoint));
    }
  }

  LosingStore store_;
  Replica replica_{store_, 1};
  LogPosition older_ = 0;
  LogPosition newer_ = 0;
};

TEST_F(PrunedLog, IsRecoveredToTheSameChecksum) {
  const std::uint64_t whole = fresh_checksum(store_);
  const PruneReport report = prune(store_);
  EXPECT_EQ(report.below, older_) << "The oldest kept checkpoint.";
  EXPECT_GT(report.removed, 2000U);
  EXPECT_GT(report.kept, 0U) << "The configuration and the schema's revisions.";
  EXPECT_EQ(report.removed + report.kept, older_ - 1);
  Replica late(store_, 2);
  EXPECT_EQ(late.report().checksum, whole);
  late.learn(20, "t");
  ASSERT_TRUE(replica_.routers->follow());
  EXPECT_EQ(replica_.report().checksum, late.report().checksum);
  EXPECT_EQ(late.report().forks, 0U);
}

TEST_F(PrunedLog, NothingGoesThatIsNotOver) {
  // A Replica's decisions are open for 30 days, and their keys for seven days at the least.
  const Timestamp first{std::chrono::seconds(1'000'000)};
  EXPECT_EQ(prune(store_, 100, first + std::chrono::days(37)).removed, 0U);
  EXPECT_GT(prune(store_, 100, first + std::chrono::days(37) + std::chrono::minutes(5)).removed,
            0U);
}

TEST_F(PrunedLog, ADamagedCheckpointIsNoneToStandOn) {
  auto kept = store_.load_checkpoints(kReplicaScope);
  Checkpoint damaged = kept->back();
  ASSERT_EQ(damaged.position, older_);
  ASSERT_TRUE(store_.drop_checkpoint(damaged));
  damaged.chunks.front().second.back() ^= 1;
  ASSERT_TRUE(store_.save_checkpoint(damaged));
  EXPECT_EQ(prune(store_).below, newer_);
  EXPECT_EQ(Replica(store_, 2).report().checksum, replica_.report().checksum);
}

TEST_F(PrunedLog, WithoutAUsableCheckpointNothingIsPruned) {
  auto kept = store_.load_checkpoints(kReplicaScope);
  drop_checkpoints();
  Checkpoint foreign = kept->front();
  ++foreign.format;
  ASSERT_TRUE(store_.save_checkpoint(foreign));
  const auto refused = prune_log(store_, kReplicaScope, {.now = kLater});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::conflict);
  EXPECT_NE(refused.error().message.find("\"default\""), std::string::npos);
  EXPECT_EQ(store_.pruned_below(kReplicaScope).value(), 0U);
  EXPECT_EQ(fresh_checksum(store_), replica_.report().checksum);
}

TEST_F(PrunedLog, IsNotOpenedWithoutACheckpointAndTheErrorNamesTheRouter) {
  prune(store_);
  drop_checkpoints();
  const auto opened = Routers::open(store_, {.record_ids = [this] { return replica_.stamp().id; }});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::pruned);
  EXPECT_NE(opened.error().message.find("router \"default\""), std::string::npos);
  replica_.learn(3, "t");
  EXPECT_TRUE(replica_.routers->checkpoint_all());
  EXPECT_EQ(Replica(store_, 2).report().checksum, replica_.report().checksum)
      << "Whoever still has the state saves it for the others.";
}

TEST(RoutersPruning, AReplicaThatIsFarBehindLeapsToACheckpoint) {
  LosingStore store;
  Replica ahead(store, 1);
  ahead.configure();
  Replica behind(store, 2);
  ahead.learn(1100, "q");
  ASSERT_TRUE(ahead.routers->checkpoint_all());
  ahead.learn(5, "r");
  prune(store);
  ASSERT_TRUE(behind.routers->follow());
  EXPECT_EQ(behind.report().position, ahead.report().position);
  EXPECT_EQ(behind.report().checksum, ahead.report().checksum);
  EXPECT_EQ(behind.report().forks, 0U) << "Nothing was lost.";
  behind.learn(5, "s");
  ASSERT_TRUE(ahead.routers->follow());
  EXPECT_EQ(behind.report().checksum, ahead.report().checksum);
}

TEST(RoutersPruning, WhatIsPrunedWhileItsRecordsAreFoldedIsNotFoldedHalf) {
  // Recovery reads the log from the start, before there is a checkpoint; what a session feedback
  // speaks of is asked for later, and is gone by then: just empty, no error.
  for (const bool of_session : {false, true}) {
    LosingStore store;
    Replica ahead(store, 1);
    ahead.configure();
    Replica behind(store, 2);
    ahead.learn(1100, "q");
    if (of_session) {
      RecordStamp now = ahead.stamp();
      Decision decision = ahead.route("plain");
      decision.query_id = "s1";
      decision.session_id = "s";
      ahead.commit(append_decision(kReplicaScope, now, decision, {}));
      now = ahead.stamp();
      ahead.commit(append_session_feedback(
          kReplicaScope, now, SessionFeedback{"s", "rating", {1.0, 1.0}, 0.5, "{}"}, {}));
    }
    ahead.learn(3, "r");
    ASSERT_TRUE(ahead.routers->checkpoint_all());
    store.after_next_scan = [&] { prune(store, 5000); };
    ASSERT_TRUE(behind.routers->follow());
    EXPECT_EQ(behind.report().checksum, ahead.report().checksum) << of_session;
    EXPECT_EQ(behind.report().position, ahead.report().position) << of_session;
  }
}

TEST_F(PrunedLog, AForkGoesBackToACheckpointThatStandsAboveTheMark) {
  prune(store_);
  store_.lose_above(older_ + 5);
  prune(store_);  // What the other server has was pruned there, too.
  ASSERT_TRUE(replica_.routers->follow());
  EXPECT_EQ(replica_.report().forks, 1U);
  EXPECT_EQ(replica_.report().position, older_ + 5);
  EXPECT_EQ(Replica(store_, 2).report().checksum, replica_.report().checksum);
}

TEST_F(PrunedLog, AForkBelowEveryCheckpointIsAnErrorAndThePosteriorStays) {
  prune(store_);
  store_.lose_above(older_ + 5);
  prune(store_);
  drop_checkpoints();
  for (int again = 0; again < 2; ++again) {
    const Status followed = replica_.routers->follow();
    ASSERT_FALSE(followed);
    EXPECT_EQ(followed.error().code, ErrorCode::pruned);
    EXPECT_NE(followed.error().message.find("\"default\""), std::string::npos);
  }
  ASSERT_NE(replica_.routers->snapshot(kReplicaScope), nullptr);
  EXPECT_GT(replica_.routers->snapshot(kReplicaScope)->position, newer_);
}

TEST_F(PrunedLog, AFailoverInTheMiddleOfItEndsIt) {
  const auto begun = prune_log(store_, kReplicaScope, {.now = kLater, .step = 100},
                               [&](double, std::uint64_t) { store_.lose_above(older_ - 500); });
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().code, ErrorCode::conflict);
  EXPECT_EQ(fresh_checksum(store_), Replica(store_, 2).report().checksum)
      << "Of what the other server has, nothing was removed.";
}

TEST_F(PrunedLog, ASessionThatIsOpenStillTakesFeedback) {
  EXPECT_EQ(in_session("in1", "s").status, AppendStatus::recorded);
  replica_.rate("in1", 0.25);
  ASSERT_TRUE(replica_.routers->checkpoint_all());
  replica_.learn(2, "t");
  ASSERT_TRUE(replica_.routers->checkpoint_all());
  EXPECT_EQ(in_session("in2", "s").status, AppendStatus::recorded);
  prune(store_);
  EXPECT_EQ(store_.session_records(kReplicaScope, "s", 1'000'000)->size(), 2U);
  const Committed rated = rate_session("s");
  EXPECT_EQ(rated.status, AppendStatus::recorded) << rated.message;
  EXPECT_EQ(rated.propagated, 2U) << "A record above the mark speaks of the session.";
  EXPECT_EQ(Replica(store_, 2).report().checksum, replica_.report().checksum);
}

TEST_F(PrunedLog, TheIdOfAPrunedDecisionMayComeAgain) {
  prune(store_);
  replica_.learn(3, "q");  // q0 … q2 are still in this replica's cache.
  EXPECT_EQ(Replica(store_, 2).report().checksum, replica_.report().checksum);
  EXPECT_EQ(replica_.routers->state_of(kReplicaScope, "q0")->signals.size(), 1U);
}

TEST_F(PrunedLog, PruningTwiceGoesOnFromTheCheckpointsThatHaveComeSince) {
  const PruneReport first = prune(store_);
  EXPECT_EQ(prune(store_).removed, 0U);
  replica_.learn(10, "t");
  ASSERT_TRUE(replica_.routers->checkpoint_all());
  const PruneReport second = prune(store_);
  EXPECT_EQ(second.below, newer_);
  EXPECT_GT(second.below, first.below);
  EXPECT_GT(second.removed, 0U);
  EXPECT_EQ(Replica(store_, 2).report().checksum, replica_.report().checksum);
}

}  // namespace
}  // namespace pointsman::testing_stores
