// What Routers' law of rest says, one rule a test.

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "engine/routers/log_pruning.h"
#include "stores/memory/memory_store.h"
#include "tests/engine/routers/losing_store.h"
#include "tests/engine/routers/replica.h"

namespace pointsman::testing_stores {
namespace {

constexpr std::size_t kOneByte = 1;  ///< Nobody stays awake longer than he is needed.

Scope scope_of(int i) { return {"default", "r" + std::to_string(100 + i)}; }

Replica resting_replica(Store& store, std::uint64_t number, std::size_t awake_bytes = kOneByte) {
  return Replica(store, number,
                 {.checkpoint_every = 0, .awake_bytes = awake_bytes, .monotonic = [] {
                    static std::chrono::nanoseconds now{0};
                    return now += std::chrono::nanoseconds(1);
                  }});
}

/// One that is awake while it learns and then rests: with a checkpoint, and with none yet.
class OldAndYoung : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Decisions, OldAndYoung, testing::Values(1'100, 40),
                         [](const auto& one) { return one.param > 1'000 ? "Old" : "Young"; });

/// Fills a store with a router of so many decisions.
void fill(Store& store, int decisions) {
  Replica before(store, 1, {.checkpoint_every = 0});
  before.configure();
  before.learn(decisions, "q");
}

TEST_P(OldAndYoung, ARouterThatRestsKeepsItsReportAndWakesToTheSameBits) {
  LosingStore store;
  fill(store, GetParam());
  Replica replica = resting_replica(store, 2);
  EXPECT_EQ(replica.routers->snapshot(kReplicaScope), nullptr);
  const RouterView view = replica.routers->view(kReplicaScope);
  ASSERT_NE(view.resting, nullptr);
  const RouterReport rested = replica.report();
  EXPECT_TRUE(rested.resting);
  EXPECT_EQ(rested.checksum, fresh_checksum(store));
  EXPECT_EQ(rested.decisions, static_cast<std::uint64_t>(GetParam()));
  EXPECT_EQ(rested.policy, "lints");
  ASSERT_EQ(rested.arms.size(), 2U);
  EXPECT_EQ(rested.arms[0].stats.pulls + rested.arms[1].stats.pulls, rested.decisions);
  EXPECT_FALSE(rested.arms[0].theta.empty());
  const RestCounters before = replica.routers->rest_counters();
  EXPECT_EQ(before.awake, 0U);
  EXPECT_EQ(before.resting, 1U);
  EXPECT_EQ(before.awake_bytes, 0U);

  const auto snapshot = replica.routers->wake(kReplicaScope);
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_EQ((*snapshot)->position, rested.position);
  EXPECT_EQ((*snapshot)->decisions, rested.decisions);
  EXPECT_EQ(replica.report().checksum, rested.checksum);
  const RestCounters after = replica.routers->rest_counters();
  EXPECT_EQ(after.wakes, 1U);
  EXPECT_EQ(after.rests, 2U) << "a bound of one byte lets nobody be awake";
  EXPECT_GT(after.waking.count(), 0);
}

TEST_P(OldAndYoung, ACommitWakesWhomItTouchesAndNobodyElse) {
  LosingStore store;
  fill(store, GetParam());
  Replica replica = resting_replica(store, 2);
  replica.configure(scope_of(1));
  replica.configure(scope_of(2));
  const std::uint64_t wakes = replica.routers->rest_counters().wakes;
  const Committed rated = replica.rate("q7", 0.5);
  EXPECT_EQ(rated.status, AppendStatus::revised);
  EXPECT_EQ(rated.observation.reward, 0.5);
  EXPECT_EQ(replica.routers->rest_counters().wakes, wakes + 1);
  EXPECT_EQ(replica.report().checksum, fresh_checksum(store));
  EXPECT_EQ(replica.rate("q7", 0.5).status, AppendStatus::duplicate);
  EXPECT_EQ(replica.routers->rest_counters().wakes, wakes + 1)
      << "a duplicate's answer is in the store";
  EXPECT_EQ(replica.routers->state_of(kReplicaScope, "q7")->folded.reward, 0.5);
}

TEST_P(OldAndYoung, AForkBehindARestingRoutersBackIsFoundWhenItWakes) {
  LosingStore store;
  fill(store, GetParam());
  Replica replica = resting_replica(store, 2);
  replica.rate("q3", 0.5);
  replica.rate("q4", 0.5);
  const RouterReport rested = replica.report();
  ASSERT_TRUE(rested.resting);
  store.lose_above(rested.position - 1);
  ASSERT_TRUE(replica.routers->follow());
  EXPECT_EQ(replica.report().forks, 0U) << "nobody has asked for it";
  ASSERT_TRUE(replica.routers->wake(kReplicaScope));
  EXPECT_EQ(replica.report().forks, 1U);
  EXPECT_EQ(replica.report().position, rested.position - 1);
  EXPECT_EQ(replica.report().checksum, fresh_checksum(store));
  ASSERT_TRUE(replica.routers->wake(kReplicaScope));
  EXPECT_EQ(replica.report().forks, 1U) << "once is enough";
}

TEST(Rest, AnOldRouterRestsOnACheckpointAndWritesNoneForAFewRecordsMore) {
  LosingStore store;
  fill(store, 1'100);
  ASSERT_TRUE(store.load_checkpoints(kReplicaScope)->empty());
  Replica replica = resting_replica(store, 2);
  auto saved = store.load_checkpoints(kReplicaScope);
  ASSERT_EQ(saved->size(), 1U);
  const LogPosition first = saved->front().position;
  EXPECT_EQ(first, replica.report().position);
  const std::size_t scanned = store.scanned;
  replica.learn(100, "more");
  EXPECT_EQ(store.load_checkpoints(kReplicaScope)->size(), 1U) << "200 records more";
  EXPECT_GT(store.scanned - scanned, 100U * 100U) << "they are folded again at every visit";
  replica.learn(40, "still");
  saved = store.load_checkpoints(kReplicaScope);
  ASSERT_EQ(saved->size(), 2U) << "280 records are too many to fold at every wake";
  EXPECT_GT(saved->front().position, first);
  EXPECT_EQ(replica.report().checksum, fresh_checksum(store));
}

TEST(Rest, WhereTheCheckpointCannotBeSavedTheRouterStaysAwakeUntilItCan) {
  LosingStore store;
  fill(store, 1'100);
  store.checkpoints_fail = true;
  Replica replica = resting_replica(store, 2);
  EXPECT_NE(replica.routers->snapshot(kReplicaScope), nullptr);
  EXPECT_EQ(replica.routers->rest_counters().awake, 1U);
  EXPECT_EQ(replica.rate("q1", 0.5).status, AppendStatus::revised);
  EXPECT_NE(replica.routers->snapshot(kReplicaScope), nullptr);
  store.checkpoints_fail = false;
  EXPECT_EQ(replica.rate("q2", 0.5).status, AppendStatus::revised);
  EXPECT_EQ(replica.routers->snapshot(kReplicaScope), nullptr);
  EXPECT_EQ(replica.report().checksum, fresh_checksum(store));
}

TEST(Rest, ACheckpointThatIsRefusedIsNotRestedOnAndCountsOneDivergence) {
  LosingStore store;
  fill(store, 1'100);
  {
    RouterFold fold(kReplicaScope, {});
    const auto records = store.scan(kReplicaScope, 0, 1'000'000);
    for (const StoredRecord& stored : *records) {
      ASSERT_TRUE(fold.apply(stored, store));
    }
    auto other = *fold.checkpoint();
    ++other.checksum;  // Another replica, and it folded this log to something else.
    other.chunks.back().second.front() ^= 1;
    ASSERT_TRUE(store.save_checkpoint(other));
  }
  Replica replica = resting_replica(store, 2);
  EXPECT_NE(replica.routers->snapshot(kReplicaScope), nullptr);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(replica.routers->follow());
  EXPECT_EQ(replica.report().divergences, 1U) << "it is not tried again at the same position";
  EXPECT_FALSE(replica.report().resting);
  replica.rate("q1", 0.5);
  EXPECT_TRUE(replica.report().resting) << "a later one is its own";
}

TEST(Rest, AWakeThatFailsLeavesTheRouterAtRestAndTheNextOneSucceeds) {
  LosingStore store;
  fill(store, 1'100);
  Replica replica = resting_replica(store, 2);
  const RouterReport rested = replica.report();
  store.loads_fail = true;
  const auto woken = replica.routers->wake(kReplicaScope);
  ASSERT_FALSE(woken);
  EXPECT_EQ(woken.error().code, ErrorCode::unavailable);
  std::vector<AppendRequest> group;
  group.push_back(append_feedback(Scope{"default", ""}, replica.stamp(),
                                  Feedback{"q5", "rating", {1.0, 1.0}, "{}"}, {9}));
  const auto committed = replica.routers->commit(group);
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, ErrorCode::in_doubt) << "it is in the log, but not folded";
  EXPECT_TRUE(replica.report().resting);
  EXPECT_EQ(replica.report().checksum, rested.checksum);
  EXPECT_EQ(replica.routers->rest_counters().resting, 1U);
  store.loads_fail = false;
  const auto again = replica.routers->commit(group);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->front().status, AppendStatus::duplicate);
  ASSERT_TRUE(replica.routers->wake(kReplicaScope));
  EXPECT_EQ(replica.report().checksum, fresh_checksum(store));
  EXPECT_GT(replica.report().position, rested.position);
}

TEST(Rest, AStoreThatEvictsIsNeverAskedForARecordAgain) {
  MemoryStore store(MemoryStoreOptions{.max_records = 2'500});
  Replica replica = resting_replica(store, 1);
  replica.configure();
  replica.learn(1'000, "young");
  EXPECT_FALSE(replica.report().resting) << "its log may lose its beginning any time";
  replica.learn(30, "old");
  EXPECT_TRUE(replica.report().resting);
  replica.learn(700, "older");  // By now the first records are gone.
  EXPECT_TRUE(replica.report().resting);
  const auto saved = store.load_checkpoints(kReplicaScope);
  ASSERT_FALSE(saved->empty());
  EXPECT_EQ(saved->front().position, replica.report().position);

  MemoryStore plain;
  Replica twin(plain, 1);
  twin.configure();
  twin.learn(1'000, "young");
  twin.learn(30, "old");
  twin.learn(700, "older");
  EXPECT_EQ(replica.report().checksum, twin.report().checksum);
}

TEST(Rest, APrunedLogWakesFromTheCheckpointThatItRestsOn) {
  MemoryStore store;
  Replica replica(store, 1, {.checkpoint_every = 0, .awake_bytes = kOneByte});
  replica.configure();
  replica.learn(1'100, "q");
  const RouterReport rested = replica.report();
  ASSERT_TRUE(rested.resting);
  PruneOptions prune;
  prune.now = Timestamp(std::chrono::days(20'000));
  const auto pruned = prune_log(store, kReplicaScope, prune);
  ASSERT_TRUE(pruned) << pruned.error().message;
  EXPECT_GT(pruned->removed, 1'000U);
  ASSERT_TRUE(replica.routers->wake(kReplicaScope));
  EXPECT_EQ(replica.report().checksum, rested.checksum);
}

TEST(Rest, TheMapOfThePolicyDefaultComesBackAsItWas) {
  LosingStore store;
  RouterConfig config = replica_config();
  config.policy = DefaultOptions{};
  {
    Replica plain(store, 1, {.checkpoint_every = 0});
    plain.commit(append_config(kReplicaScope, plain.stamp(), config));
    plain.learn(1'040, "q");
  }
  Replica replica = resting_replica(store, 2);
  ASSERT_TRUE(replica.report().resting);
  ASSERT_EQ(replica.report().arms[0].theta.size(), 3 + LandmarkMap::kWidth);
  replica.learn(1, "more");
  EXPECT_EQ(replica.report().checksum, fresh_checksum(store));
}

TEST(Rest, AReplicaDoesNotWakeARouterBecauseItsLogMoves) {
  LosingStore store;
  Replica writer(store, 1);
  writer.configure();
  writer.configure(scope_of(1));
  Replica replica = resting_replica(store, 2);
  const RouterReport rested = replica.report();
  ASSERT_TRUE(rested.resting);
  writer.learn(20, "q");
  const std::size_t scans = store.scans;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(replica.routers->follow());
  EXPECT_EQ(store.scans, scans);
  EXPECT_EQ(replica.report().position, rested.position);
  EXPECT_EQ(replica.routers->rest_counters().wakes, 0U);
  const auto snapshot = replica.routers->wake(kReplicaScope);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ((*snapshot)->position, writer.report().position) << "who asks gets the newest";
  EXPECT_EQ(replica.report().checksum, writer.report().checksum);
  EXPECT_EQ(replica.report().forks, 0U);
}

TEST(Rest, TwoReplicasThatRestAndOneThatDoesNotFoldOneLogToTheSameBits) {
  LosingStore store;
  Replica plain(store, 1);
  for (int i = 0; i < 6; ++i) plain.configure(scope_of(i));
  plain.learn(1'040, "old", scope_of(0));
  Replica first = resting_replica(store, 2, 40'000);
  Replica second = resting_replica(store, 3, 40'000);
  KeyedRandom random(5, "replicas");
  for (int i = 0; i < 300; ++i) {
    Replica& decides = i % 2 == 0 ? first : second;
    Replica& hears = i % 3 == 0 ? first : second;
    const std::string id = "q" + std::to_string(i);
    const int router = random.next_unit() < 0.75 ? 0 : static_cast<int>(random.next_u64() % 6);
    hears.rate(id, decides.route(id, scope_of(router)).chosen == 0 ? 0.75 : 0.25);
    if (i % 7 == 0) {
      ASSERT_TRUE(first.routers->follow());
    }
    if (i % 11 == 0) {
      ASSERT_TRUE(second.routers->follow());
    }
  }
  ASSERT_TRUE(plain.routers->follow());
  for (int i = 0; i < 6; ++i) {
    for (Replica* replica : {&first, &second}) {
      ASSERT_TRUE(replica->routers->wake(scope_of(i)));
      EXPECT_EQ(replica->report(scope_of(i)).checksum, plain.report(scope_of(i)).checksum);
      EXPECT_EQ(replica->report(scope_of(i)).position, plain.report(scope_of(i)).position);
      EXPECT_EQ(replica->report(scope_of(i)).forks, 0U);
      EXPECT_EQ(replica->report(scope_of(i)).divergences, 0U);
    }
  }
  EXPECT_GT(first.routers->rest_counters().wakes, 50U);
}

TEST(Rest, AGroupOfMoreRoutersThanMayBeAwakeIsFoldedAndAnsweredAllTheSame) {
  LosingStore store;
  constexpr int kRouters = 30;
  Replica plain(store, 1);
  for (int i = 0; i < kRouters; ++i) {
    plain.configure(scope_of(i));
    plain.learn(15, "r" + std::to_string(i) + "-", scope_of(i));  // The 16th is a schema's moment.
  }
  Replica replica = resting_replica(store, 2, 60'000);
  std::vector<AppendRequest> group;
  for (int twice = 0; twice < 2; ++twice) {
    for (int i = 0; i < kRouters; ++i) {
      const std::string id = "r" + std::to_string(i) + "-" + std::to_string(3 + twice);
      group.push_back(append_feedback(Scope{"default", ""}, replica.stamp(),
                                      Feedback{id, "thumbs", {1.0, 1.0}, "{}"}, {7}));
    }
  }
  for (int i = 0; i < kRouters; ++i) {
    Decision sixteenth;
    sixteenth.query_id = "r" + std::to_string(i) + "-15";
    sixteenth.raw = {0.5F, 0.25F};
    sixteenth.arms = {ArmView{.arm = "a", .propensity = 1.0}};
    sixteenth.expires_at = Timestamp(std::chrono::days(30'000));
    group.push_back(append_decision(scope_of(i), replica.stamp(), sixteenth, {}));
  }
  const auto committed = replica.routers->commit(group);
  ASSERT_TRUE(committed) << committed.error().message;
  for (std::size_t at = 0; at < 2 * kRouters; ++at) {
    EXPECT_EQ((*committed)[at].status, AppendStatus::recorded);
    EXPECT_EQ((*committed)[at].observation.weight, 1.0);
  }
  EXPECT_LE(replica.routers->rest_counters().awake_bytes, 60'000U);
  ASSERT_TRUE(plain.routers->follow());
  for (int i = 0; i < kRouters; ++i) {
    EXPECT_EQ(replica.report(scope_of(i)).checksum, plain.report(scope_of(i)).checksum);
    EXPECT_EQ(replica.report(scope_of(i)).schema_version, 1U);
  }
}

TEST(Rest, OpeningManyRoutersKeepsToTheBoundAllTheWay) {
  LosingStore store;
  Replica plain(store, 1);
  for (int i = 0; i < 300; ++i) plain.configure(scope_of(i));
  Routers::Options options{.awake_bytes = 100'000};
  options.record_ids = [&plain] { return plain.stamp().id; };
  auto opened = Routers::open(store, options);
  ASSERT_TRUE(opened);
  EXPECT_LE((*opened)->rest_counters().awake_bytes, 100'000U);
  EXPECT_GT((*opened)->rest_counters().awake, 3U);
  EXPECT_EQ((*opened)->rest_counters().awake + (*opened)->rest_counters().resting, 300U);
  EXPECT_GT((*opened)->rest_counters().rests, 200U) << "as it went, not at the end";
  EXPECT_EQ((*opened)->scopes().size(), 300U);
}

TEST(Rest, WhoIsUsedStaysAwakeWhileOthersComeAndGo) {
  LosingStore store;
  Replica replica(store, 1, {.checkpoint_every = 0, .awake_bytes = 120'000});
  for (int i = 0; i < 60; ++i) replica.configure(scope_of(i));
  ASSERT_TRUE(replica.routers->wake(scope_of(0)));
  for (int i = 1; i < 60; ++i) {
    ASSERT_NE(replica.routers->snapshot(scope_of(0)), nullptr) << i;
    ASSERT_TRUE(replica.routers->wake(scope_of(i)));
  }
  EXPECT_GT(replica.routers->rest_counters().rests, 60U);
}

/// Routers that ten commits, each to a router that rests, go through among `n`.
std::uint64_t work_among(int n) {
  LosingStore store;
  Replica replica(store, 1, {.checkpoint_every = 0, .awake_bytes = 300'000});
  for (int i = 0; i < n; ++i) replica.configure(scope_of(i));
  const std::uint64_t before = replica.routers->routers_gone_through();
  for (int i = 0; i < 10; ++i) {
    const std::uint64_t wakes = replica.routers->rest_counters().wakes;
    replica.route("q" + std::to_string(i), scope_of(i));
    EXPECT_EQ(replica.routers->rest_counters().wakes, wakes + 1);
  }
  return replica.routers->routers_gone_through() - before;
}

TEST(Rest, ACommitToARestingRouterCostsNoMoreAmongThousandsThanAmongAHundred) {
  const std::uint64_t few = work_among(100);
  const std::uint64_t many = work_among(2'000);
  EXPECT_LT(many, few + 10) << "which router's turn it is may differ";
  EXPECT_LT(few, 10U * 24U);
}

TEST(Rest, ReadersDecideWhileTheWriterRestsAndWakes) {
  LosingStore store;
  constexpr int kRouters = 12;
  Replica replica(store, 1, {.checkpoint_every = 0, .awake_bytes = 50'000});
  for (int i = 0; i < kRouters; ++i) replica.configure(scope_of(i));
  std::atomic<bool> done{false};
  std::atomic<int> decided{0};
  std::atomic<int> rested{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&, t] {
      const std::vector<float> raw{0.5F, 0.25F};
      for (int i = t; !done.load(); ++i) {
        const Scope scope = scope_of(i % kRouters);
        const auto snapshot = replica.routers->snapshot(scope);
        if (snapshot) {
          DecideRequest request;
          request.query_id = std::to_string(i);
          request.raw = raw;
          EXPECT_TRUE(decide(*snapshot, request));
          ++decided;
          continue;
        }
        const RouterView view = replica.routers->view(scope);
        EXPECT_TRUE(view.snapshot || view.resting);
        EXPECT_EQ(view.resting ? view.resting->scope : scope, scope);
        ++rested;
        (void)replica.routers->rest_counters();
      }
    });
  }
  for (int i = 0; i < 400 || decided.load() == 0 || rested.load() == 0; ++i) {
    replica.rate(
        "q" + std::to_string(i),
        replica.route("q" + std::to_string(i), scope_of(i % kRouters)).chosen == 0 ? 1 : 0);
  }
  done.store(true);
  for (std::thread& reader : readers) reader.join();
  for (int i = 0; i < kRouters; ++i) {
    EXPECT_EQ(replica.report(scope_of(i)).checksum, fresh_checksum(store, scope_of(i)));
  }
  EXPECT_GT(replica.routers->rest_counters().wakes, 100U);
}

}  // namespace
}  // namespace pointsman::testing_stores
