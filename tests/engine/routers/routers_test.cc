// Routers over real stores: what was acknowledged is folded, and recovery gives the same bits.

#include "engine/routers/routers.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <random>

#include "engine/policies/keyed_random.h"
#include "stores/open_store.h"
#include "tests/engine/routers/replica.h"

namespace pointsman {
namespace {

using testing_stores::replica_config;

const Scope kScope{"default", "default"};

/// A file that goes with the test.
class ScratchFile final {
 public:
  ScratchFile() {
    std::string name = (std::filesystem::temp_directory_path() / "pointsman-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~ScratchFile() { std::filesystem::remove_all(folder_); }
  std::string url() const { return "sqlite:" + folder_ + "/log.db"; }

 private:
  std::string folder_;
};

/// Drives Routers as a server does: ids, times and fingerprints from a counter.
class Driver final {
 public:
  explicit Driver(Store& store, Routers::Options options = {}) : store_(store) {
    options.record_ids = [this] { return next_stamp().id; };
    auto opened = Routers::open(store, options);
    EXPECT_TRUE(opened) << opened.error().message;
    routers = std::move(*opened);
  }

  RecordStamp next_stamp() {
    ++tick_;
    RecordStamp stamp;
    KeyedRandom random(tick_, "stamp");
    const std::uint64_t bits = random.next_u64();
    std::memcpy(stamp.id.data(), &bits, sizeof(bits));
    stamp.time = Timestamp(std::chrono::seconds(1'000'000 + tick_));
    return stamp;
  }

  Committed commit(AppendRequest request) {
    std::vector<AppendRequest> group;
    group.push_back(std::move(request));
    auto committed = routers->commit(std::move(group));
    EXPECT_TRUE(committed) << committed.error().message;
    return committed->front();
  }

  Committed configure(RouterConfig config) {
    return commit(append_config(kScope, next_stamp(), std::move(config)));
  }

  Decision route(const std::string& query_id, const std::string& session = {},
                 std::vector<std::string> arms = {}) {
    KeyedRandom random(77, query_id);
    const std::vector<float> raw{static_cast<float>(random.next_unit()),
                                 static_cast<float>(10.0 * random.next_unit())};
    DecideRequest request;
    request.query_id = query_id;
    request.session_id = session;
    request.raw = raw;
    request.arms = std::move(arms);
    const RecordStamp stamp = next_stamp();
    request.now = stamp.time;
    auto decision = decide(*routers->snapshot(kScope), request);
    EXPECT_TRUE(decision) << decision.error().message;
    EXPECT_EQ(commit(append_decision(kScope, stamp, *decision, print(query_id))).status,
              AppendStatus::recorded);
    return *decision;
  }

  Committed rate(const std::string& query_id, double reward, const std::string& type = "rating") {
    return commit(append_feedback(Scope{"default", ""}, next_stamp(),
                                  Feedback{query_id, type, {reward, 1.0}, "{}"},
                                  print(std::to_string(reward))));
  }

  Committed rate_session(const std::string& session, double reward) {
    return commit(append_session_feedback(
        kScope, next_stamp(), SessionFeedback{session, "rating", {reward, 1.0}, 0.5, "{}"},
        print(std::to_string(reward))));
  }

  /// `n` decisions with feedback on most of them, some of it revised.
  void learn(int n, int from = 0) {
    for (int i = from; i < from + n; ++i) {
      const std::string id = "q" + std::to_string(i);
      const Decision decision = route(id, i % 7 == 0 ? "s" + std::to_string(i / 70) : "");
      if (i % 5 != 0) rate(id, decision.chosen == 0 ? 0.8 : 0.3);
      if (i % 11 == 10) rate("q" + std::to_string(i - 9), 0.5);
      if (i % 13 == 12) {
        commit(append_outcome(Scope{"default", ""}, next_stamp(),
                              Outcome{.query_id = id, .cost_usd = 0.001 * i}));
      }
      if (i % 70 == 69) rate_session("s" + std::to_string(i / 70), 0.25);
    }
  }

  RouterReport report() const { return routers->report(kScope); }

  static Fingerprint print(const std::string& text) {
    Fingerprint made{};
    std::memcpy(made.data(), text.data(), std::min(text.size(), made.size()));
    return made;
  }

  std::unique_ptr<Routers> routers;

 private:
  Store& store_;
  std::uint64_t tick_ = 0;
};

std::unique_ptr<Store> open(const std::string& url) {
  StoreOptions options;
  options.url = url;
  // What is tested here is the fold; durability has its own tests, and a sync a record is slow.
  options.sqlite.synchronous = SqliteSynchronous::normal;
  auto store = open_store(options);
  EXPECT_TRUE(store) << store.error().message;
  return std::move(*store);
}

TEST(Routers, DecideWithFeedbackThatWasAcknowledged) {
  auto store = open("memory:");
  Driver driver(*store);
  driver.configure(replica_config());
  driver.route("q1", "", {"a"});
  const auto before = driver.routers->snapshot(kScope);
  const Committed committed = driver.rate("q1", 1.0);
  EXPECT_EQ(committed.status, AppendStatus::recorded);
  EXPECT_EQ(committed.observation, (Observation{1.0, 1.0}));
  const auto after = driver.routers->snapshot(kScope);
  EXPECT_EQ(after->position, committed.position);
  EXPECT_NE(after->arms[0]->mirror, before->arms[0]->mirror);
  EXPECT_EQ(after->arms[1], before->arms[1]) << "an arm that did not change is shared";
}

TEST(Routers, ADuplicateAnswersWithTheFirstOnesReward) {
  auto store = open("memory:");
  Driver driver(*store);
  driver.configure(replica_config());
  driver.route("q1");
  const Committed first = driver.rate("q1", 1.0);
  EXPECT_EQ(driver.rate("q1", 0.0).status, AppendStatus::revised);
  EXPECT_EQ(driver.rate("q1", 1.0).status, AppendStatus::revised) << "up, down, up";
  const Committed again = driver.rate("q1", 1.0);
  EXPECT_EQ(again.status, AppendStatus::duplicate);
  EXPECT_EQ(again.reward, first.reward);
  EXPECT_EQ(again.observation, (Observation{1.0, 1.0}));
}

TEST(Routers, ARevisedLogFoldsToTheStateOfItsFinalValues) {
  auto revised_store = open("memory:");
  auto plain_store = open("memory:");
  Driver revised(*revised_store);
  Driver plain(*plain_store);
  for (Driver* driver : {&revised, &plain}) {
    driver->configure(replica_config());
    for (int i = 0; i < 40; ++i) {
      driver->route("q" + std::to_string(i), "", {i % 2 == 0 ? "a" : "b"});
    }
  }
  for (int i = 0; i < 40; ++i) {
    const std::string id = "q" + std::to_string(i);
    revised.rate(id, 1.0);
    revised.rate(id, 0.0, "thumbs");
    revised.rate(id, 0.125 * (i % 8), "thumbs");
    plain.rate(id, 1.0);
    plain.rate(id, 0.125 * (i % 8), "thumbs");
  }
  for (std::size_t a = 0; a < 2; ++a) {
    const auto left = revised.report().arms[a].theta;
    const auto right = plain.report().arms[a].theta;
    for (std::size_t i = 0; i < left.size(); ++i) EXPECT_NEAR(left[i], right[i], 1e-9);
  }
}

TEST(Routers, RecoveryFromTheLogAloneGivesTheSameBits) {
  const ScratchFile file;
  std::uint64_t checksum = 0;
  {
    auto store = open(file.url());
    Driver driver(*store, {.checkpoint_every = 0});
    driver.configure(replica_config());
    driver.learn(300);
    checksum = driver.report().checksum;
    EXPECT_EQ(driver.report().schema_version, 3U);
  }
  auto store = open(file.url());
  const Driver driver(*store);
  EXPECT_EQ(driver.report().checksum, checksum);
}

TEST(Routers, RecoveryFromCheckpointAndTailEqualsAFullFoldToTheBit) {
  const ScratchFile file;
  std::uint64_t checksum = 0;
  LogPosition position = 0;
  {
    auto store = open(file.url());
    Driver driver(*store, {.checkpoint_every = 700});
    driver.configure(replica_config());
    driver.learn(1300);
    checksum = driver.report().checksum;
    position = driver.report().position;
  }
  auto store = open(file.url());
  const auto checkpoints = store->load_checkpoints(kScope);
  ASSERT_TRUE(checkpoints);
  ASSERT_FALSE(checkpoints->empty()) << "nothing would be tested";
  EXPECT_LT(checkpoints->front().position, position) << "there is no tail to fold";
  {
    const Driver recovered(*store);
    EXPECT_EQ(recovered.report().checksum, checksum);
    EXPECT_EQ(recovered.report().position, position);
  }
  RouterFold full(kScope, {});
  const auto records = store->scan(kScope, 0, 1'000'000);
  ASSERT_TRUE(records);
  for (const StoredRecord& stored : *records) ASSERT_TRUE(full.apply(stored, *store));
  EXPECT_EQ(full.checksum(), checksum);
}

TEST(Routers, ADamagedCheckpointFallsBackToTheOneBefore) {
  auto store = open("memory:");
  Driver driver(*store, {.checkpoint_every = 0});
  driver.configure(replica_config());
  driver.learn(1100);
  ASSERT_TRUE(driver.routers->checkpoint_all());
  driver.learn(20, 1100);
  ASSERT_TRUE(driver.routers->checkpoint_all());
  const auto saved = store->load_checkpoints(kScope);
  ASSERT_EQ(saved->size(), 2U);
  for (std::size_t chunk = 0; chunk < saved->front().chunks.size(); ++chunk) {
    Checkpoint damaged = saved->front();
    std::string& bytes = damaged.chunks[chunk].second;
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10);
    EXPECT_FALSE(RouterFold(kScope, {}).restore(damaged)) << "chunk " << chunk;
    damaged = saved->front();
    damaged.chunks[chunk].second.resize(damaged.chunks[chunk].second.size() / 2);
    EXPECT_FALSE(RouterFold(kScope, {}).restore(damaged)) << "chunk " << chunk;
  }
  RouterFold older(kScope, {});
  EXPECT_TRUE(older.restore(saved->back()));
}

TEST(Routers, ADecisionThatLeftTheCacheIsRebuiltToTheSameBits) {
  // The cache holds 2,048 decisions: with 2,600 the first ones must come from the store.
  auto small_store = open("memory:");
  auto large_store = open("memory:");
  Driver small(*small_store, {.fold = {.cached_decisions = 2048}});
  Driver large(*large_store, {.fold = {.cached_decisions = 100'000}});
  for (Driver* driver : {&small, &large}) {
    driver->configure(replica_config());
    driver->learn(2600);
    for (int i = 0; i < 300; i += 2) driver->rate("q" + std::to_string(i), 0.9);
    driver->rate_session("s0", 1.0);
  }
  EXPECT_EQ(small.report().checksum, large.report().checksum);
}

TEST(Routers, SessionFeedbackReachesEarlierDecisionsAndRevisesThemLater) {
  auto store = open("memory:");
  Driver driver(*store);
  driver.configure(replica_config());
  driver.route("q1", "s");
  driver.route("q2", "s");
  driver.route("q3", "other");
  driver.rate("q1", 1.0);
  EXPECT_EQ(driver.rate_session("s", 0.0).propagated, 2U);
  EXPECT_DOUBLE_EQ(combine(*driver.routers->state_of(kScope, "q1")).reward, 1.0 / 1.5);
  EXPECT_EQ(combine(*driver.routers->state_of(kScope, "q2")), (Observation{0.0, 0.5}));
  driver.route("q4", "s");
  EXPECT_EQ(combine(*driver.routers->state_of(kScope, "q4")).weight, 0.0);
  const Committed revised = driver.rate_session("s", 1.0);
  EXPECT_EQ(revised.status, AppendStatus::revised);
  EXPECT_EQ(revised.propagated, 3U);
  EXPECT_EQ(combine(*driver.routers->state_of(kScope, "q4")), (Observation{1.0, 0.5}));
  EXPECT_EQ(combine(*driver.routers->state_of(kScope, "q3")).weight, 0.0);
  EXPECT_EQ(driver.rate_session("s", 1.0).status, AppendStatus::duplicate);
}

TEST(Routers, AnArmThatWasRemovedTakesItsFeedbackWithIt) {
  auto store = open("memory:");
  Driver driver(*store);
  driver.configure(replica_config());
  driver.route("q1", "", {"a"});
  driver.commit(append_arm_removed(kScope, driver.next_stamp(), ArmRemoved{"a"}));
  EXPECT_EQ(driver.rate("q1", 1.0).status, AppendStatus::recorded);
  driver.commit(append_arm(kScope, driver.next_stamp(), ArmPut{ArmSpec{.id = "a", .model = "n"}}));
  driver.rate("q1", 0.5);
  const RouterReport report = driver.report();
  ASSERT_EQ(report.arms.size(), 2U);
  EXPECT_EQ(report.arms[1].spec.id, "a");
  EXPECT_EQ(report.arms[1].stats.observation_weight, 0.0) << "the new arm starts from the prior";
}

TEST(Routers, TheSameConfigurationIsAppliedOnceAndAnotherKeepsMatchingArms) {
  auto store = open("memory:");
  Driver driver(*store);
  driver.configure(replica_config());
  driver.learn(50);
  const auto before = driver.report();
  EXPECT_EQ(driver.configure(replica_config()).status, AppendStatus::duplicate);
  RouterConfig other = replica_config();
  other.source_hash = "second";
  other.policy = LinUcbOptions{};
  other.arms.push_back(ArmSpec{.id = "c", .model = "m-c"});
  EXPECT_EQ(driver.configure(other).status, AppendStatus::recorded);
  const auto after = driver.report();
  ASSERT_EQ(after.arms.size(), 3U);
  EXPECT_EQ(after.arms[0].theta, before.arms[0].theta);
  EXPECT_EQ(after.policy, "linucb");
  // A rolling restart with the first file does not flip back.
  EXPECT_EQ(driver.configure(replica_config()).status, AppendStatus::duplicate);
  EXPECT_EQ(driver.report().policy, "linucb");
}

TEST(Routers, AnotherFeatureLayoutStartsFromThePriorAndKeepsTheArms) {
  auto store = open("memory:");
  Driver driver(*store);
  driver.configure(replica_config());
  driver.learn(50);
  RouterConfig other = replica_config();
  other.source_hash = "wider";
  other.features.fields.push_back({"w", {}});
  driver.configure(other);
  driver.rate("q1", 0.125);
  const auto report = driver.report();
  EXPECT_EQ(report.schema_version, 0U);
  EXPECT_EQ(report.arms[0].theta, (std::vector<double>{1.0, 0.0, 0.0, 0.0}));
}

TEST(Routers, ForgettingWeighsAnObservationByItsDecisionWheneverItArrives) {
  // Early and late feedback on the same decisions must end in the same posterior.
  auto early_store = open("memory:");
  auto late_store = open("memory:");
  Driver early(*early_store);
  Driver late(*late_store);
  RouterConfig forgetful = replica_config();
  forgetful.policy = UniformOptions{};
  forgetful.posterior.gamma = 0.99;
  for (Driver* driver : {&early, &late}) {
    driver->configure(forgetful);
    for (int i = 0; i < 200; ++i) {
      driver->route("q" + std::to_string(i));
      if (driver == &early) driver->rate("q" + std::to_string(i), (i % 4) * 0.25);
    }
  }
  for (int i = 0; i < 200; ++i) late.rate("q" + std::to_string(i), (i % 4) * 0.25);
  for (std::size_t a = 0; a < 2; ++a) {
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(early.report().arms[a].theta[i], late.report().arms[a].theta[i], 1e-9);
    }
  }
}

TEST(Routers, AStickySessionKeepsItsArmAndSaysWhichDecisionDrewIt) {
  const ScratchFile file;
  RouterConfig sticky = replica_config();
  sticky.policy = UniformOptions{};
  sticky.sticky_sessions = true;
  std::string arm;
  {
    auto store = open(file.url());
    Driver driver(*store);
    driver.configure(sticky);
    const Decision first = driver.route("q1", "s");
    arm = first.arms[first.chosen].arm;
    EXPECT_EQ(first.arms[first.chosen].propensity, 0.5);
    const Decision second = driver.route("q2", "s");
    EXPECT_EQ(second.reason, Reason::sticky);
    EXPECT_EQ(second.session_decision, "q1");
    EXPECT_EQ(second.arms[second.chosen].arm, arm);
    EXPECT_EQ(second.arms[second.chosen].propensity, 1.0);
    const Decision limited = driver.route("q3", "s", {arm == "a" ? "b" : "a"});
    EXPECT_EQ(limited.reason, Reason::only_eligible) << "a filtered arm is drawn again";
  }
  auto store = open(file.url());
  Driver driver(*store);
  EXPECT_EQ(driver.route("q4", "s").session_decision, "q3");
}

TEST(Routers, ALateArmIsTriedByTheNurseryAndThenStandsOnItsOwn) {
  auto store = open("memory:");
  Driver driver(*store);
  RouterConfig greedy = replica_config();
  greedy.policy = LinUcbOptions{.alpha = 0.0};
  driver.configure(greedy);
  driver.learn(120);
  driver.commit(append_arm(kScope, driver.next_stamp(), ArmPut{ArmSpec{.id = "c", .model = "m"}}));
  int tries = 0;
  for (int i = 0; i < 200; ++i) {
    const Decision decision = driver.route("n" + std::to_string(i));
    const ArmView& late = decision.arms[2];
    if (tries < 10) {
      EXPECT_DOUBLE_EQ(late.propensity, 0.2);
    }
    if (decision.chosen == 2 && tries < 10) {
      EXPECT_EQ(decision.reason, Reason::nursery);
    }
    if (decision.chosen == 2) ++tries;
    driver.rate("n" + std::to_string(i), decision.chosen == 2 ? 0.0 : 0.8);
  }
  EXPECT_GE(tries, 10);
  EXPECT_LT(tries, 30);
}

}  // namespace
}  // namespace pointsman
