// What Routers does when the log has lost records that it had folded: a fork.

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/engine/routers/losing_store.h"
#include "tests/engine/routers/replica.h"

namespace pointsman::testing_stores {
namespace {

TEST(RoutersForks, ALogThatLostItsTailIsFoldedAfreshAndCounted) {
  LosingStore store;
  Replica replica(store, 1);
  replica.configure();
  replica.learn(40, "q");
  const LogPosition kept = replica.report().position - 20;
  const auto before = replica.routers->snapshot(kReplicaScope);
  store.lose_above(kept);
  ASSERT_TRUE(replica.routers->follow());
  EXPECT_EQ(replica.report().forks, 1U);
  EXPECT_EQ(replica.report().position, kept);
  EXPECT_EQ(replica.report().checksum, fresh_checksum(store));
  EXPECT_EQ(replica.routers->snapshot(kReplicaScope)->position, kept) << "readers see it too";
  EXPECT_GT(before->position, kept) << "nothing would be tested";
  ASSERT_TRUE(replica.routers->follow());
  EXPECT_EQ(replica.report().forks, 1U) << "a fork is counted once";
}

TEST(RoutersForks, ALogThatGrewAgainToTheSamePositionIsToldByItsRecordsId) {
  LosingStore store;
  Replica replica(store, 1);
  replica.configure();
  replica.learn(40, "q");
  const LogPosition position = replica.report().position;
  store.lose_above(position - 20, /*noticed=*/false);
  Replica other(store, 2);
  other.learn(10, "other");
  ASSERT_EQ(other.report().position, position) << "nothing would be tested";
  ASSERT_NE(other.report().checksum, replica.report().checksum);
  ASSERT_TRUE(replica.routers->follow());
  EXPECT_EQ(replica.report().forks, 1U);
  EXPECT_EQ(replica.report().checksum, other.report().checksum);
  EXPECT_EQ(replica.report().checksum, fresh_checksum(store));
}

TEST(RoutersForks, ACommitFindsAForkByItselfEvenBelowWhatItHadFolded) {
  LosingStore store;
  Replica replica(store, 1);
  replica.configure();
  replica.learn(40, "q");
  const LogPosition kept = replica.report().position - 30;
  store.lose_above(kept, /*noticed=*/false);
  const Committed revised = replica.rate("q3", 1.0);
  EXPECT_EQ(revised.status, AppendStatus::revised);
  EXPECT_EQ(revised.position, kept + 1);
  EXPECT_EQ(revised.observation, (Observation{1.0, 1.0}));
  EXPECT_EQ(replica.report().forks, 1U);
  EXPECT_EQ(replica.report().checksum, fresh_checksum(store));
  EXPECT_EQ(replica.rate("q39", 1.0).status, AppendStatus::unknown) << "its decision is lost";
  replica.learn(5, "again");
  EXPECT_EQ(replica.report().checksum, fresh_checksum(store));
}

TEST(RoutersForks, TheAnswersOfAGroupDoNotSpeakOfWhatOthersWroteBetweenItsRecords) {
  LosingStore store;
  Replica replica(store, 1);
  Replica other(store, 2);
  replica.configure();
  replica.route("q1");
  other.rate("q1", 0.0);
  std::vector<AppendRequest> group;
  for (const double reward : {0.25, 0.5, 1.0}) {
    Fingerprint payload{};
    std::memcpy(payload.data(), &reward, sizeof(reward));
    group.push_back(append_feedback(Scope{"default", ""}, replica.stamp(),
                                    Feedback{"q1", "rating", {reward, 1.0}, "{}"}, payload));
  }
  const std::size_t scans = store.scans;
  const auto committed = replica.routers->commit(std::move(group));
  ASSERT_TRUE(committed);
  EXPECT_EQ((*committed)[0].observation, (Observation{0.25, 1.0}));
  EXPECT_EQ((*committed)[1].observation, (Observation{0.5, 1.0}));
  EXPECT_EQ((*committed)[2].observation, (Observation{1.0, 1.0}));
  EXPECT_EQ(store.scans - scans, 1U) << "one scan a router and group";
}

class ForksWithCheckpoints : public testing::Test {
 protected:
  void SetUp() override {
    replica_.configure();
    replica_.learn(1100, "q");  // The schema is frozen from decision 1,024 on.
    ASSERT_TRUE(replica_.routers->checkpoint_all());
    older_ = replica_.report().position;
    replica_.learn(30, "r");
    ASSERT_TRUE(replica_.routers->checkpoint_all());
    newer_ = replica_.report().position;
    ASSERT_EQ(store_.load_checkpoints(kReplicaScope)->size(), 2U);
  }

  LosingStore store_;
  Replica replica_{store_, 1};
  LogPosition older_ = 0;
  LogPosition newer_ = 0;
};

TEST_F(ForksWithCheckpoints, TheNewestOneThatTheLogBearsOutIsWhereTheFoldGoesOn) {
  store_.lose_above(older_ + 5);
  store_.scanned = 0;
  ASSERT_TRUE(replica_.routers->follow());
  EXPECT_EQ(replica_.report().forks, 1U);
  EXPECT_EQ(replica_.report().position, older_ + 5);
  EXPECT_LT(store_.scanned, 20U) << "it did not fold from the start";
  EXPECT_EQ(replica_.report().checksum, fresh_checksum(store_));
  const auto kept = store_.load_checkpoints(kReplicaScope);
  ASSERT_EQ(kept->size(), 1U) << "the one of lost records is gone";
  EXPECT_EQ(kept->front().position, older_);
}

TEST_F(ForksWithCheckpoints, APositionThatIsReachedAgainTakesANewCheckpoint) {
  store_.lose_above(older_ + 6);
  replica_.learn(27, "anew");
  ASSERT_EQ(replica_.report().position, newer_);
  ASSERT_TRUE(replica_.routers->checkpoint_all());
  EXPECT_EQ(replica_.report().divergences, 0U);
  const auto kept = store_.load_checkpoints(kReplicaScope);
  ASSERT_EQ(kept->size(), 2U);
  EXPECT_EQ(kept->front().position, newer_);
  EXPECT_EQ(kept->front().checksum, fresh_checksum(store_));
}

TEST_F(ForksWithCheckpoints, ACheckpointOfALostStateIsNotSaved) {
  replica_.learn(10, "s");
  store_.lose_above(older_ + 5, /*noticed=*/false);
  ASSERT_TRUE(replica_.routers->checkpoint_all());
  EXPECT_EQ(replica_.report().forks, 1U);
  EXPECT_EQ(replica_.report().checksum, fresh_checksum(store_));
  const auto saved = store_.load_checkpoints(kReplicaScope);
  for (const Checkpoint& checkpoint : *saved) {
    EXPECT_LE(checkpoint.position, older_ + 5);
  }
}

TEST_F(ForksWithCheckpoints, WhoStartsAfterTheFailoverTrustsNoCheckpointOfLostRecords) {
  store_.lose_above(older_ - 10);
  Replica late(store_, 2);
  EXPECT_EQ(late.report().forks, 1U);
  EXPECT_EQ(late.report().checksum, fresh_checksum(store_));
  EXPECT_TRUE(store_.load_checkpoints(kReplicaScope)->empty());
  const Replica later(store_, 3);
  EXPECT_EQ(later.report().forks, 0U);
}

TEST_F(ForksWithCheckpoints, AnotherChecksumUnderTheSameKeyIsCountedAsADivergence) {
  replica_.learn(5, "s");
  RouterFold fold(kReplicaScope, {});
  const auto records = store_.scan(kReplicaScope, 0, 1'000'000);
  for (const StoredRecord& stored : *records) ASSERT_TRUE(fold.apply(stored, store_));
  Checkpoint forged = *fold.checkpoint();
  ++forged.checksum;
  ASSERT_TRUE(store_.save_checkpoint(forged));
  EXPECT_TRUE(replica_.routers->checkpoint_all()) << "the records are sound: it serves on";
  EXPECT_EQ(replica_.report().divergences, 1U);
  EXPECT_EQ(replica_.report().forks, 0U);
}

TEST(RoutersForks, ALogThatIsGoneAltogetherLeavesNoRouterToDecideWith) {
  LosingStore store;
  Replica replica(store, 1);
  replica.configure();
  replica.learn(3, "q");
  store.lose_above(0);
  ASSERT_TRUE(replica.routers->follow());
  EXPECT_EQ(replica.routers->snapshot(kReplicaScope), nullptr);
  EXPECT_EQ(replica.report().forks, 1U);
  EXPECT_EQ(replica.configure().status, AppendStatus::recorded);
  replica.learn(3, "q");
  EXPECT_EQ(replica.report().checksum, fresh_checksum(store));
}

TEST(RoutersForks, ANewConnectionMakesEveryRouterBeLookedAtWithinAFewFollows) {
  constexpr int kRouters = 200;
  LosingStore store;
  Replica replica(store, 1);
  const auto scope = [](int i) { return Scope{"default", "r" + std::to_string(1000 + i)}; };
  for (int i = 0; i < kRouters; ++i) replica.configure(scope(i));
  const auto forks = [&](const Replica& of) {
    std::uint64_t sum = 0;
    for (int i = 0; i < kRouters; ++i) sum += of.report(scope(i)).forks;
    return sum;
  };
  store.lose_above(0, /*noticed=*/false);
  {
    Replica other(store, 2);  // Its records come to stand at the same positions.
    for (int i = 0; i < kRouters; ++i) other.configure(scope(i));
  }
  ASSERT_TRUE(replica.routers->follow());
  EXPECT_EQ(forks(replica), 1U) << "unnoticed, one router in turn";
  store.lose_above(kRouters, /*noticed=*/true);  // Nothing but the connection.
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(replica.routers->follow());
  EXPECT_EQ(forks(replica), static_cast<std::uint64_t>(kRouters));
}

// ---- Many routers ------------------------------------------------------------------------------

struct Work {
  std::uint64_t routers = 0;
  std::size_t scans = 0;
  bool operator==(const Work&) const = default;
};

/// What a few commits and a follow() cost among `n` routers.
std::pair<Work, Work> work_among(int n) {
  LosingStore store;
  Replica replica(store, 1);
  std::vector<AppendRequest> group;
  for (int i = 0; i < n; ++i) {
    group.push_back(
        append_config({"default", "r" + std::to_string(i)}, replica.stamp(), replica_config()));
  }
  EXPECT_TRUE(replica.routers->commit(std::move(group)));
  Replica other(store, 2);
  const Scope scope{"default", "r1"};
  const auto since = [&](const Replica& of, const Work& before) {
    return Work{of.routers->routers_gone_through() - before.routers, store.scans - before.scans};
  };
  Work before{replica.routers->routers_gone_through(), store.scans};
  replica.learn(5, "q", scope);
  const Work commits = since(replica, before);
  before = {other.routers->routers_gone_through(), store.scans};
  store.heads_asked = 0;
  EXPECT_TRUE(other.routers->follow());
  EXPECT_EQ(store.heads_asked, 1U);
  EXPECT_EQ(other.report(scope).checksum, replica.report(scope).checksum);
  return {commits, since(other, before)};
}

TEST(ManyRouters, ACommitAndAFollowCostNoMoreAmongTenThousandThanAmongTen) {
  const auto [few_commits, few_follow] = work_among(10);
  const auto [many_commits, many_follow] = work_among(10'000);
  EXPECT_EQ(many_commits, few_commits);
  EXPECT_EQ(many_follow, few_follow);
  EXPECT_GT(few_commits.routers, 0U) << "nothing would be counted";
  EXPECT_LT(few_commits.routers, 60U);
  EXPECT_LE(few_follow.scans, 3U);
}

}  // namespace
}  // namespace pointsman::testing_stores
