// Several servers over one store: one log, one state.

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/faults/shared_server_fixture.h"
#include "tests/faults/tcp_proxy.h"

namespace pointsman::testing {
namespace {

using examples::HttpRequest;
using nlohmann::json;

/// Checkpoints begin at 1,024 decisions.
constexpr std::size_t kDecisions = 1'100;

using Replicas = SharedServers;

TEST_P(Replicas, AreAskedInTurnAndComeToOneStateTheLateAndTheStoppedOneToo) {
  const auto first = make_server();
  const auto second = make_server();
  const auto third = make_server();
  ASSERT_NO_FATAL_FAILURE(first->start());
  ASSERT_NO_FATAL_FAILURE(second->start());
  std::vector<Story> stories;
  {
    // Each request of a client goes to the other replica: feedback to one that did not decide.
    Traffic traffic({first.get(), second.get()});
    ASSERT_NO_FATAL_FAILURE(traffic.wait_for_routes(kDecisions));
    // Starts over a checkpoint and a tail that still grows.
    ASSERT_NO_FATAL_FAILURE(third->start());
    stories = traffic.finish();
  }
  expect_one_state({first.get(), second.get(), third.get()});

  third->pause();
  {
    Traffic traffic({first.get(), second.get()}, Traffic::kClients);
    ASSERT_NO_FATAL_FAILURE(traffic.wait_for_routes(100));
    const std::vector<Story> more = traffic.finish();
    stories.insert(stories.end(), more.begin(), more.end());
  }
  third->resume();
  expect_one_state({first.get(), second.get(), third.get()});
  expect_log_holds(*third, stories);
  for (const ServerProcess* server : {first.get(), second.get(), third.get()}) {
    expect_arms_match(*server, stories);
  }
  EXPECT_EQ(first->stop(), 0) << first->log();
  EXPECT_EQ(second->stop(), 0) << second->log();
  EXPECT_EQ(third->stop(), 0) << third->log();
}

TEST_P(Replicas, TheOneThatIsCutOffRefusesAndCatchesUpWhenItIsNotAnyMore) {
  TcpProxy proxy(store_->port());
  const auto near = make_server();
  ServerProcess cut_off(crash_config(), store_->url_through(proxy.port()));
  ASSERT_NO_FATAL_FAILURE(near->start());
  ASSERT_NO_FATAL_FAILURE(cut_off.start());
  std::vector<Story> stories;
  {
    Traffic traffic({near.get(), &cut_off});
    ASSERT_NO_FATAL_FAILURE(traffic.wait_for_routes(60));
    stories = traffic.finish();
  }
  proxy.cut();
  auto client = cut_off.client();
  const auto refused = client.try_once({.method = "POST",
                                        .target = "/route",
                                        .body = R"({"features":{"task":"chat"}})",
                                        .headers = {}});
  ASSERT_TRUE(refused.ok()) << refused.error().message;
  EXPECT_EQ(refused->status, 503) << refused->body;
  {
    Traffic traffic({near.get()}, Traffic::kClients);
    ASSERT_NO_FATAL_FAILURE(traffic.wait_for_routes(60));
    const std::vector<Story> more = traffic.finish();
    stories.insert(stories.end(), more.begin(), more.end());
  }
  proxy.mend();
  expect_one_state({near.get(), &cut_off});
  expect_log_holds(cut_off, stories);
  expect_arms_match(cut_off, stories);
}

TEST_P(Replicas, ThatGetTheSameFeedbackAtOnceCountItOnce) {
  constexpr int kRounds = 25;
  std::vector<std::unique_ptr<ServerProcess>> servers;
  for (int i = 0; i < 3; ++i) {
    servers.push_back(make_server());
    ASSERT_NO_FATAL_FAILURE(servers.back()->start());
  }
  const auto ask = [](const ServerProcess& server, const char* target, const json& body) {
    const auto answer = server.client().ask(
        {.method = "POST", .target = target, .body = body.dump(), .headers = {}});
    EXPECT_TRUE(answer.ok() && answer->status == 200) << (answer.ok() ? answer->body : "broken");
    return answer.ok() ? json::parse(answer->body) : json();
  };
  for (int round = 0; round < kRounds; ++round) {
    const std::string id = "q" + std::to_string(round);
    const json routed = {{"query_id", id}, {"features", {{"task", "math"}, {"tokens", 3}}}};
    const json liked = {
        {"query_id", id}, {"payload", {{"value", "up"}}}, {"idempotency_key", "k" + id}};
    std::vector<json> decided(servers.size());
    std::vector<json> told(servers.size());
    for (auto [target, body, answers] :
         {std::tuple{"/route", &routed, &decided}, std::tuple{"/feedback", &liked, &told}}) {
      std::vector<std::thread> threads;
      for (std::size_t i = 0; i < servers.size(); ++i) {
        threads.emplace_back([&, i, target = target, body = body, answers = answers] {
          (*answers)[i] = ask(*servers[i], target, *body);
        });
      }
      for (std::thread& thread : threads) thread.join();
    }
    std::map<std::string, int> statuses;
    for (std::size_t i = 0; i < servers.size(); ++i) {
      EXPECT_EQ(decided[i]["arm"], decided[0]["arm"]) << "one decision, one answer";
      EXPECT_EQ(decided[i]["propensity"], decided[0]["propensity"]);
      EXPECT_EQ(told[i]["observation"], told[0]["observation"]);
      ++statuses[told[i]["status"]];
    }
    EXPECT_EQ(statuses, (std::map<std::string, int>{{"recorded", 1}, {"duplicate", 2}}));
  }
  expect_one_state({servers[0].get(), servers[1].get(), servers[2].get()});
  for (const auto& server : servers) {
    const json stats = server->get("/stats");
    EXPECT_EQ(stats["decisions"], kRounds);
    EXPECT_EQ(stats["feedback"]["thumbs"], kRounds);
  }
}

INSTANTIATE_TEST_SUITE_P(Faults, Replicas, ::testing::Values("redis", "postgres"),
                         [](const auto& suite) { return std::string(suite.param); });

}  // namespace
}  // namespace pointsman::testing
