// A server whose store is away: what it answers, what it holds, and how it comes back.

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/faults/shared_server_fixture.h"

namespace pointsman::testing {
namespace {

using examples::HttpAnswer;
using examples::HttpRequest;
using nlohmann::json;

#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t kMostGrowth = std::size_t{384} << 20;  // Freed memory waits in quarantine.
#else
constexpr std::size_t kMostGrowth = std::size_t{16} << 20;
#endif

HttpRequest route(const std::string& query_id) {
  const json body = {{"query_id", query_id}, {"features", {{"task", "code"}, {"tokens", 5}}}};
  return {.method = "POST", .target = "/route", .body = body.dump(), .headers = {}};
}

HttpRequest like(const std::string& query_id) {
  const json body = {{"query_id", query_id}, {"payload", {{"value", "up"}}}};
  return {.method = "POST", .target = "/feedback", .body = body.dump(), .headers = {}};
}

class Outage : public SharedServers {
 protected:
  static HttpAnswer answered(const Result<HttpAnswer>& answer) {
    EXPECT_TRUE(answer.ok()) << answer.error().message;
    return answer.ok() ? *answer : HttpAnswer{};
  }
  /// One try, which must be answered.
  static HttpAnswer once(examples::HttpClient& client, const HttpRequest& request) {
    return answered(client.try_once(request));
  }

  static int readiness(const ServerProcess& server) {
    auto client = server.client();
    return once(client, {.method = "GET", .target = "/readyz"}).status;
  }

  /// So many requests from each of four clients, all of which must be refused with 503.
  static void expect_refusals(const ServerProcess& server, int requests) {
    std::atomic<int> others{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        auto client = server.client();
        for (int i = 0; i < requests; ++i) {
          const bool routes = i % 2 == 0;
          const std::string id = "away-" + std::to_string(t) + "-" + std::to_string(i);
          const auto answer = client.try_once(routes ? route(id) : like("before"));
          others += !answer.ok() || answer->status != 503;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(others, 0) << "answers that were no 503";
  }
};

TEST_P(Outage, RoutesWithAFallbackRefusesFeedbackHoldsNoMemoryAndEndsByItself) {
  const auto server = make_server();
  ASSERT_NO_FATAL_FAILURE(server->start());
  auto client = server->client();
  ASSERT_EQ(answered(client.ask(route("before"))).status, 200);
  ASSERT_EQ(readiness(*server), 200);

  store_->kill_nine();
  const HttpAnswer refused = once(client, route("away"));
  EXPECT_EQ(refused.status, 503) << refused.body;
  EXPECT_TRUE(refused.header("retry-after").has_value());
  const json problem = json::parse(refused.body);
  EXPECT_EQ(problem["fallback"]["model"], problem["fallback"]["arm"]);
  EXPECT_TRUE(problem["fallback"]["arm"] == "small" || problem["fallback"]["arm"] == "medium" ||
              problem["fallback"]["arm"] == "large")
      << refused.body;
  const HttpAnswer no_feedback = once(client, like("before"));
  EXPECT_EQ(no_feedback.status, 503) << no_feedback.body;
  EXPECT_TRUE(no_feedback.header("retry-after").has_value());
  EXPECT_EQ(readiness(*server), 503);

  const int refusals = is_long() ? 20'000 : 1'000;
  expect_refusals(*server, 250);  // Buffers and pools come to their size.
  const std::size_t before = server->resident_bytes();
  expect_refusals(*server, refusals);
  EXPECT_LT(server->resident_bytes(), before + kMostGrowth);

  store_->start();
  // ask() repeats what is answered 503, with its Retry-After.
  const auto back = client.ask(like("before"));
  ASSERT_TRUE(back.ok()) << back.error().message;
  EXPECT_EQ(back->status, 200) << back->body;
  EXPECT_EQ(json::parse(back->body)["status"], "recorded") << "no refused one was recorded";
  EXPECT_EQ(readiness(*server), 200);
  EXPECT_EQ(once(client, {.method = "GET", .target = "/queries/away"}).status, 404)
      << "a fallback is not recorded";
  EXPECT_EQ(once(client, like("away")).status, 404) << "and takes no feedback";
  EXPECT_EQ(router_of(*server)["decisions"], 1);
  EXPECT_EQ(server->stop(), 0) << server->log();
}

TEST_P(Outage, OfAStoreWithQueuedDecisionsIsNotSeenByRouteAndLosesThoseDecisions) {
  std::string config = crash_config();
  config.replace(config.find("checkpoint_every"), 0, "decision_durability = \"queued\"\n");
  const auto server = make_server(config);
  ASSERT_NO_FATAL_FAILURE(server->start());
  auto client = server->client();
  const auto decide = [&client] {
    const HttpAnswer answer = once(client, {.method = "POST",
                                            .target = "/route",
                                            .body = R"({"features":{"task":"code","tokens":5}})",
                                            .headers = {}});
    EXPECT_EQ(answer.status, 200) << answer.body;
    const json body = json::parse(answer.body, nullptr, false);
    EXPECT_EQ(body["stored"], false);
    return body["query_id"].get<std::string>();
  };
  const std::string before = decide();
  // It is stored soon after.
  const auto deadline = generous();
  int status = 0;
  while (status != 200 && std::chrono::steady_clock::now() < deadline) {
    rest();
    status = once(client, like(before)).status;
  }
  EXPECT_EQ(status, 200);

  store_->kill_nine();
  std::string away;
  for (int i = 0; i < 20; ++i) away = decide();
  EXPECT_EQ(once(client, like(away)).status, 503);
  // One that names its query_id waits for the store, as it may be a repeat, but not in vain.
  const HttpAnswer named = once(client, route("own"));
  EXPECT_EQ(named.status, 200) << named.body;
  EXPECT_EQ(json::parse(named.body)["stored"], false);
  store_->start();
  const auto late = client.ask(like(away));
  ASSERT_TRUE(late.ok()) << late.error().message;
  EXPECT_EQ(late->status, 404) << "docs/OPERATIONS.md: an outage loses what was queued";
  decide();
  EXPECT_EQ(server->stop(), 0) << server->log();
  EXPECT_EQ(inspect_store(store_->url())[0]["decisions"], 2) << "before and after";
}

INSTANTIATE_TEST_SUITE_P(Faults, Outage, ::testing::Values("redis", "postgres"),
                         [](const auto& suite) { return std::string(suite.param); });

}  // namespace
}  // namespace pointsman::testing
