// Several Routers, each over its own connection to one shared store, as several servers have it.

#include <gtest/gtest.h>

#include <cstring>

#include "engine/keyed_random.h"
#include "engine/routers.h"
#include "tests/stores/postgres_backend.h"
#include "tests/stores/redis_backend.h"

namespace pointsman {
namespace {

using testing_stores::open_postgres_backend;
using testing_stores::open_redis_backend;

const Scope kScope{"default", "default"};

RouterConfig config() {
  RouterConfig made;
  made.source_hash = "first";
  made.policy = LinTsOptions{.alpha = 0.3};
  made.features = FeatureLayout{.text_counters = false, .fields = {{"u", {}}, {"v", {}}}};
  made.arms = {ArmSpec{.id = "a", .model = "m-a"}, ArmSpec{.id = "b", .model = "m-b"}};
  return made;
}

/// One server's share of the work, without the server.
class Replica final {
 public:
  Replica(Result<std::unique_ptr<Store>> store, std::uint64_t number) : number_(number) {
    EXPECT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    Routers::Options options;
    options.record_ids = [this] { return stamp().id; };
    auto opened = Routers::open(*store_, options);
    EXPECT_TRUE(opened) << opened.error().message;
    routers = std::move(*opened);
  }

  RecordStamp stamp() {
    KeyedRandom random(number_, std::to_string(++tick_));
    RecordStamp made;
    const std::uint64_t words[2] = {random.next_u64(), random.next_u64()};
    std::memcpy(made.id.data(), words, sizeof(words));
    made.time = Timestamp(std::chrono::seconds(1'000'000 + tick_));
    return made;
  }

  Committed commit(AppendRequest request) {
    std::vector<AppendRequest> group;
    group.push_back(std::move(request));
    auto committed = routers->commit(std::move(group));
    EXPECT_TRUE(committed) << committed.error().message;
    return committed->front();
  }

  Decision route(const std::string& query_id) {
    KeyedRandom random(7, query_id);
    const std::vector<float> raw{static_cast<float>(random.next_unit()),
                                 static_cast<float>(random.next_unit())};
    DecideRequest request;
    request.query_id = query_id;
    request.raw = raw;
    const RecordStamp now = stamp();
    request.now = now.time;
    auto decision = decide(*routers->snapshot(kScope), request);
    EXPECT_TRUE(decision);
    EXPECT_EQ(commit(append_decision(kScope, now, *decision, {})).status, AppendStatus::recorded);
    return *decision;
  }

  Committed rate(const std::string& query_id, double reward) {
    Fingerprint payload{};
    std::memcpy(payload.data(), &reward, sizeof(reward));
    return commit(append_feedback(Scope{"default", ""}, stamp(),
                                  Feedback{query_id, "rating", {reward, 1.0}, "{}"}, payload));
  }

  std::unique_ptr<Routers> routers;

 private:
  std::unique_ptr<Store> store_;
  std::uint64_t number_;
  std::uint64_t tick_ = 0;
};

using OpenBackend = Result<std::unique_ptr<Store>> (*)(const std::string&, std::size_t);

class Replicas : public testing::TestWithParam<std::pair<const char*, OpenBackend>> {
 protected:
  Replica replica(std::uint64_t number) {
    const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    return Replica(GetParam().second(name, std::size_t{1} << 20), number);
  }
};

TEST_P(Replicas, FoldOneLogToTheSameBitsWhoeverTakesTheFeedback) {
  Replica first = replica(1);
  Replica second = replica(2);
  EXPECT_EQ(first.commit(append_config(kScope, first.stamp(), config())).status,
            AppendStatus::recorded);
  ASSERT_TRUE(second.routers->follow());
  EXPECT_EQ(second.commit(append_config(kScope, second.stamp(), config())).status,
            AppendStatus::duplicate);
  for (int i = 0; i < 90; ++i) {
    Replica& decides = i % 2 == 0 ? first : second;
    Replica& hears = i % 3 == 0 ? first : second;
    const std::string id = "q" + std::to_string(i);
    const Decision decision = decides.route(id);
    EXPECT_EQ(hears.rate(id, decision.chosen == 0 ? 0.75 : 0.25).status, AppendStatus::recorded);
    if (i % 5 == 0) {
      EXPECT_EQ(decides.rate(id, 0.5).status, AppendStatus::revised);
      EXPECT_EQ(hears.rate(id, 0.5).status, AppendStatus::duplicate);
    }
  }
  Replica late = replica(3);
  ASSERT_TRUE(first.routers->follow());
  ASSERT_TRUE(second.routers->follow());
  const RouterReport one = first.routers->report(kScope);
  for (const Replica* other : {&second, &late}) {
    const RouterReport report = other->routers->report(kScope);
    EXPECT_EQ(report.position, one.position);
    EXPECT_EQ(report.checksum, one.checksum);
    EXPECT_EQ(report.decisions, 90U);
    EXPECT_EQ(report.schema_version, 2U) << "each moment is revised once, by whoever came first";
  }
}

TEST_P(Replicas, AReplicaThatOnlyFollowsPublishesWhatOthersLearnt) {
  Replica writer = replica(1);
  Replica reader = replica(2);
  writer.commit(append_config(kScope, writer.stamp(), config()));
  EXPECT_EQ(reader.routers->snapshot(kScope), nullptr);
  ASSERT_TRUE(reader.routers->follow());
  const auto before = reader.routers->snapshot(kScope);
  ASSERT_NE(before, nullptr) << "a router that came later is found";
  ASSERT_TRUE(reader.routers->follow());
  EXPECT_EQ(reader.routers->snapshot(kScope), before) << "nothing new, nothing published";
  writer.route("q1");
  writer.rate("q1", 1.0);
  ASSERT_TRUE(reader.routers->follow());
  EXPECT_EQ(reader.routers->snapshot(kScope)->position, writer.routers->report(kScope).position);
  EXPECT_EQ(reader.routers->report(kScope).checksum, writer.routers->report(kScope).checksum);
}

INSTANTIATE_TEST_SUITE_P(SharedStores, Replicas,
                         testing::Values(std::pair{"Postgres", OpenBackend{open_postgres_backend}},
                                         std::pair{"Redis", OpenBackend{open_redis_backend}}),
                         [](const auto& tested) { return std::string(tested.param.first); });

}  // namespace
}  // namespace pointsman
