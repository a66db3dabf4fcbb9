// A failover of Redis that loses acknowledged writes, as the clients of a running server see it.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/redis_replication.h"
#include "tests/server_process.h"
#include "tests/traffic.h"

namespace pointsman::testing {
namespace {

using examples::HttpRequest;
using nlohmann::json;
using testing_redis::RedisServer;

constexpr int kKept = 1'100;  ///< Checkpoints begin at 1,024 decisions.
constexpr int kLost = 40;

class RedisFailoverUnderAServer : public ::testing::Test {
 protected:
  void SetUp() override {
    testing_redis::follow(standby_, primary_);
    ASSERT_NO_FATAL_FAILURE(server_.start());
    decide_and_like("kept", kKept);
    kept_ = router();
    testing_redis::await_copied(primary_, standby_);
    // From here on the primary acknowledges what the standby never gets.
    ASSERT_EQ(standby_.command("REPLICAOF NO ONE"), "+OK");
    decide_and_like("lost", kLost);
    ASSERT_GT(router()["position"], kept_["position"]);
  }

  void TearDown() override {
    EXPECT_EQ(server_.stop(), 0) << server_.log();
    // A SIGTERM while it rewrites its log after a full synchronisation is refused, and forgotten.
    primary_.kill_nine();
    standby_.kill_nine();
  }

  /// What stands at the primary's address has the standby's history.
  void fail_over() {
    testing_redis::follow(primary_, standby_);
    ASSERT_EQ(primary_.command("REPLICAOF NO ONE"), "+OK");
  }

  int post(const std::string& target, const json& body) {
    const HttpRequest request{
        .method = "POST", .target = target, .body = body.dump(), .headers = {}};
    const auto answer = client_.ask(request);
    return answer.ok() ? answer->status : 0;
  }
  int decide(const std::string& query_id) {
    return post("/route",
                {{"query_id", query_id}, {"features", {{"task", "code"}, {"tokens", 5}}}});
  }
  int like(const std::string& query_id, const char* value = "up") {
    return post("/feedback", {{"query_id", query_id}, {"payload", {{"value", value}}}});
  }
  void decide_and_like(const std::string& prefix, int n) {
    for (int i = 0; i < n; ++i) {
      ASSERT_EQ(decide(prefix + std::to_string(i)), 200);
      if (i % 3 == 0) {
        ASSERT_EQ(like(prefix + std::to_string(i)), 200);
      }
    }
  }

  json router() { return server_.get("/stats")["routers"]["default"]; }
  void await_fork() {
    testing_redis::await([this] { return router()["log_forks"] == 1; }, "the fork goes unnoticed");
  }

  // What is tested is the replication, and a sync a record is slow.
  RedisServer primary_{{"--appendfsync", "no", "--repl-diskless-sync-delay", "0"}};
  RedisServer standby_{{"--appendfsync", "no", "--repl-diskless-sync-delay", "0"}};
  ServerProcess server_{crash_config(), primary_.url()};
  examples::HttpClient client_ = server_.client();
  json kept_;
};

TEST_F(RedisFailoverUnderAServer, IsCountedAsAForkAndTheServerGoesOnFromWhatTheLogHolds) {
  fail_over();
  await_fork();
  EXPECT_EQ(router()["position"], kept_["position"]);
  EXPECT_EQ(router()["checksum"], kept_["checksum"]) << "as before the lost ones were learnt";

  EXPECT_EQ(like("lost3"), 404) << "what was lost is lost, and said so";
  EXPECT_EQ(like("kept3", "down"), 200);
  EXPECT_EQ(decide("lost3"), 200) << "its id is free again";
  EXPECT_EQ(like("lost3"), 200);

  const json live = router();
  EXPECT_EQ(live["log_forks"], 1);
  const json folded = inspect_store(primary_.url());
  ASSERT_EQ(folded.size(), 1U);
  EXPECT_EQ(folded[0]["position"], live["position"]);
  EXPECT_EQ(folded[0]["checksum"], live["checksum"]);
}

}  // namespace
}  // namespace pointsman::testing
