// kill -9 of Redis, of PostgreSQL and of the server before them, under load through HTTP.

#include <gtest/gtest.h>

#include "tests/faults/shared_server_fixture.h"

namespace pointsman::testing {
namespace {

using KillStore = SharedServers;

TEST_P(KillStore, UnderLoadLosesNothingAcknowledgedAndCountsNothingTwice) {
  // Checkpoints begin when the feature schema is frozen, at 1,024 decisions.
  constexpr std::size_t kLeastDecisions = 1'100;
  const std::size_t kills = is_long() ? 40 : 4;
  const auto server = make_server();
  ASSERT_NO_FATAL_FAILURE(server->start());
  Traffic traffic({server.get()});
  for (std::size_t kill = 0; kill < kills; ++kill) {
    ASSERT_NO_FATAL_FAILURE(traffic.wait_for_routes(traffic.routes() + kLeastDecisions / kills));
    // Every second time the server dies too, while its store is away.
    store_->kill_nine();
    if (kill % 2 == 1) server->kill();
    store_->start();
    if (kill % 2 == 1) {
      ASSERT_NO_FATAL_FAILURE(server->start());
    }
  }
  ASSERT_NO_FATAL_FAILURE(traffic.wait_for_routes(kLeastDecisions));
  ASSERT_NO_FATAL_FAILURE(traffic.wait_for_routes(traffic.routes() + 50));
  EXPECT_GE(traffic.retried(), kills) << "the kills did not fall into the traffic";
  const std::vector<Story> stories = traffic.finish();
  expect_log_holds(*server, stories);
  expect_arms_match(*server, stories);

  // What the server learnt through all this is what one fold of the whole log learns.
  const nlohmann::json live = router_of(*server);
  EXPECT_EQ(server->stop(), 0) << server->log();
  for (const char* how : {"from the newest checkpoint", "from the first record"}) {
    const nlohmann::json folded = inspect_store(store_->url());
    ASSERT_EQ(folded.size(), 1U);
    EXPECT_EQ(folded[0]["position"], live["position"]) << how;
    EXPECT_EQ(folded[0]["checksum"], live["checksum"]) << how;
    if (std::string(how) == "from the newest checkpoint") store_->drop_checkpoints();
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, KillStore, ::testing::Values("redis", "postgres"),
                         [](const auto& suite) { return std::string(suite.param); });

}  // namespace
}  // namespace pointsman::testing
