// Several Routers, each over its own connection to one shared store, as several servers have it.

#include <gtest/gtest.h>

#include "engine/routers/routers.h"
#include "tests/engine/routers/replica.h"
#include "tests/stores/postgres/postgres_backend.h"
#include "tests/stores/redis/redis_backend.h"

namespace pointsman {
namespace {

using testing_stores::open_postgres_backend;
using testing_stores::open_redis_backend;
using testing_stores::Replica;
using testing_stores::replica_config;
const Scope& kScope = testing_stores::kReplicaScope;

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
  EXPECT_EQ(first.commit(append_config(kScope, first.stamp(), replica_config())).status,
            AppendStatus::recorded);
  ASSERT_TRUE(second.routers->follow());
  EXPECT_EQ(second.commit(append_config(kScope, second.stamp(), replica_config())).status,
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
  writer.commit(append_config(kScope, writer.stamp(), replica_config()));
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
