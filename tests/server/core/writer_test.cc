// The writer on its own: order, bounds, late answers, failures, the end. Tests that TSan also runs.

#include "server/core/writer.h"

#include <gtest/gtest.h>

#include <latch>
#include <numeric>
#include <thread>

#include "tests/server/services/service_world.h"

namespace pointsman::testing_server {
namespace {

using namespace std::chrono_literals;
using Fault = FaultStore::Fault;

World::Ask route(const std::string& query_id, const Json& more = Json::object()) {
  Json body = {{"query_id", query_id}, {"features", {{"u", 0.5}}}};
  body.update(more);
  return {"POST", "/route", body.dump()};
}

World::Ask thumb(const std::string& query_id, const char* value = "up") {
  const Json body = {{"query_id", query_id}, {"payload", {{"value", value}}}};
  return {"POST", "/feedback", body.dump()};
}

TEST(Writer, RequestsThatCameWhileACommitWasInFlightGoTogetherInTheirOrder) {
  World world;
  const std::size_t before = world.faults().groups().size();
  world.faults().hold();
  std::vector<std::future<http::Response>> answers;
  answers.push_back(world.send(route("q0")));
  world.faults().await_held();
  for (int i = 1; i < 12; ++i) answers.push_back(world.send(route("q" + std::to_string(i))));
  world.faults().release();
  for (auto& answer : answers) EXPECT_EQ(World::wait(std::move(answer)).status, 200);
  std::vector<std::size_t> groups = world.faults().groups();
  groups.erase(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(before));
  EXPECT_EQ(groups, (std::vector<std::size_t>{1, 11}));
  const Reply log = world.get("/log?after=2");
  std::istringstream lines(log.text);
  std::string line;
  for (int i = 0; i < 12; ++i) {
    ASSERT_TRUE(std::getline(lines, line));
    EXPECT_EQ(Json::parse(line)["query_id"], "q" + std::to_string(i));
  }
}

TEST(Writer, AGroupHoldsAtMostSoManyRecordsButNeverSplitsAJob) {
  World world({.writer = {.max_group = 4, .route_commit = 20s}});
  const std::size_t before = world.faults().groups().size();
  world.faults().hold();
  std::vector<std::future<http::Response>> answers;
  answers.push_back(world.send(route("first")));
  world.faults().await_held();
  Json events = Json::array();
  for (int i = 0; i < 6; ++i) {
    events.push_back({{"query_id", "first"}, {"payload", {{"value", i % 2 ? "up" : "down"}}}});
  }
  for (int i = 0; i < 5; ++i) answers.push_back(world.send(route("q" + std::to_string(i))));
  answers.push_back(world.send({"POST", "/feedback/batch", Json{{"events", events}}.dump()}));
  world.faults().release();
  for (auto& answer : answers) EXPECT_EQ(World::wait(std::move(answer)).status, 200);
  std::vector<std::size_t> groups = world.faults().groups();
  groups.erase(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(before));
  EXPECT_EQ(groups, (std::vector<std::size_t>{1, 4, 1, 6}));
}

TEST(Writer, OverItsBoundOfRequestsItRefusesAndTheClientIsToldToTryAgain) {
  World world({.writer = {.max_queued = 3, .route_commit = 20s}});
  world.route({{"query_id", "q"}});
  world.faults().hold();
  auto in_flight = world.send(thumb("q"));
  world.faults().await_held();
  std::vector<std::future<http::Response>> queued;
  for (int i = 0; i < 3; ++i) queued.push_back(world.send(thumb("q", i % 2 ? "up" : "down")));
  const Reply refused = world.call(thumb("q"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  const Reply route_refused = world.call(route("other"));
  EXPECT_EQ(route_refused.status, 503);
  EXPECT_TRUE(route_refused.at("/fallback/arm").is_string()) << route_refused.text;
  EXPECT_EQ(world.writer().counters().refused, 2U);
  world.faults().release();
  EXPECT_EQ(World::wait(std::move(in_flight)).status, 200);
  for (auto& answer : queued) EXPECT_EQ(World::wait(std::move(answer)).status, 200);
  EXPECT_EQ(world.call(thumb("q")).status, 200) << "it takes requests again";
}

TEST(Writer, OverItsBoundOfBytesItRefuses) {
  World world({.writer = {.max_queued_bytes = 20'000, .route_commit = 20s}});
  world.route({{"query_id", "q"}});
  const Json body = {
      {"query_id", "big"}, {"features", {{"u", 0.5}}}, {"metadata", std::string(30'000, 'x')}};
  EXPECT_EQ(world.call({"POST", "/route", body.dump()}).status, 503);
  EXPECT_EQ(world.call(thumb("q")).status, 200);
}

TEST(Writer, WhatIsBeingCommittedCountsInTheBoundOfBytesToo) {
  World world({.writer = {.max_queued_bytes = 60'000, .route_commit = 20s}});
  const auto large = [](const std::string& id) {
    const Json body = {
        {"query_id", id}, {"features", {{"u", 0.5}}}, {"metadata", std::string(15'000, 'x')}};
    return World::Ask{"POST", "/route", body.dump()};
  };
  world.faults().hold();
  auto in_flight = world.send(large("q1"));
  world.faults().await_held();
  int taken = 0;
  std::vector<std::future<http::Response>> answers;
  for (int i = 0; i < 10; ++i) {
    answers.push_back(world.send(large("r" + std::to_string(i))));
    if (answers.back().wait_for(0s) != std::future_status::ready) ++taken;
  }
  const auto refused = world.writer().counters().refused;
  world.faults().release();
  EXPECT_EQ(World::wait(std::move(in_flight)).status, 200);
  int ok = 0;
  for (auto& answer : answers) ok += World::wait(std::move(answer)).status == 200 ? 1 : 0;
  EXPECT_EQ(static_cast<std::uint64_t>(ok), 10 - refused);
  EXPECT_LE(ok, 2) << "three of them, the one in flight included, fill the bound";
  EXPECT_EQ(world.call(large("last")).status, 200) << "it takes requests again";
}

TEST(Writer, TasksThatWaitForAStoreAreBounded) {
  World world({.writer = {.route_commit = 20s}});
  world.faults().hold();
  auto in_flight = world.send(route("q1"));
  world.faults().await_held();
  std::atomic<std::size_t> run{0};
  for (std::size_t i = 0; i < Writer::kMostTasks; ++i) {
    ASSERT_TRUE(world.writer().run([&run] { ++run; }));
  }
  EXPECT_FALSE(world.writer().run([&run] { ++run; }));
  world.faults().release();
  EXPECT_EQ(World::wait(std::move(in_flight)).status, 200);
  world.report();  // Behind the tasks.
  EXPECT_EQ(run, Writer::kMostTasks);
}

TEST(Writer, AnswersThatWereGivenInTimeDoNotPileUpBehindALongDeadline) {
  World world({.writer = {.max_queued = 8, .max_group = 4, .route_commit = 20s}});
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(world.call(route("q" + std::to_string(i))).status, 200);
    ASSERT_LE(world.writer().counters().watched, 2U * (8 + 4));
  }
}

TEST(Writer, ALateCommitIsAnsweredWithAFallbackArmAndTheQueryIdCanBeAskedAgain) {
  World world({.writer = {.route_commit = 30ms}});
  world.faults().hold();
  const Reply late = world.call(route("q1"));
  EXPECT_EQ(late.status, 503);
  EXPECT_EQ(late.header("Retry-After"), "1");
  EXPECT_EQ(late.content_type, "application/problem+json");
  EXPECT_TRUE(late.at("/fallback/arm").is_string()) << late.text;
  EXPECT_EQ(late.at("/fallback/model"), "m-" + late.at("/fallback/arm").get<std::string>());
  EXPECT_FALSE(late.body.contains("query_id"));
  EXPECT_EQ(world.writer().counters().late, 1U);
  world.faults().release();
  // The commit went through after all: the same body gets the decision that it made.
  const Reply again = world.call(route("q1"));
  EXPECT_EQ(again.status, 200) << again.text;
  EXPECT_EQ(world.report().decisions, 1U);
}

TEST(Writer, FeedbackWaitsForItsCommitHoweverLongThatTakes) {
  World world({.writer = {.route_commit = 20ms}});
  auto decided = world.send(route("q1"));
  ASSERT_EQ(World::wait(std::move(decided)).status, 200);
  world.faults().hold();
  auto answer = world.send(thumb("q1"));
  EXPECT_EQ(answer.wait_for(80ms), std::future_status::timeout);
  world.faults().release();
  EXPECT_EQ(World::wait(std::move(answer)).at("/status"), "recorded");
}

TEST(Writer, AStoreThatIsAwayIs503AndUnreadyUntilItIsBack) {
  World world;
  world.route({{"query_id", "q1"}});
  world.faults().set(Fault::unavailable);
  EXPECT_EQ(world.call(thumb("q1")).status, 503);
  const Reply refused = world.call(route("q2"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(refused.at("/fallback/arm").is_string());
  EXPECT_EQ(world.get("/readyz").status, 503);
  EXPECT_EQ(world.get("/healthz").status, 200);
  EXPECT_EQ(world.writer().counters().failures, 2U);
  world.faults().set(Fault::none);
  EXPECT_EQ(world.call(thumb("q1")).at("/status"), "recorded");
  EXPECT_EQ(world.get("/readyz").status, 200);
  EXPECT_EQ(world.call(route("q2")).status, 200);
  EXPECT_EQ(world.report().checksum, world.fresh_checksum());
}

TEST(Writer, WhatACommitInDoubtHasWrittenIsFoldedBeforeAnythingAboveIt) {
  World world;
  world.route({{"query_id", "q1"}});
  world.faults().set(Fault::in_doubt);
  EXPECT_EQ(world.call(thumb("q1")).status, 503);
  EXPECT_EQ(world.call(route("q2")).status, 503);
  world.faults().set(Fault::none);
  EXPECT_EQ(world.call(route("q3")).status, 200) << "a record above those in doubt";
  EXPECT_EQ(world.report().decisions, 3U);
  EXPECT_EQ(world.report().checksum, world.fresh_checksum());
  const Reply again = world.call(thumb("q1"));
  EXPECT_EQ(again.at("/status"), "duplicate");
  EXPECT_EQ(again.at("/observation/weight"), 1.0);
}

TEST(Writer, ARepeatAfterACommitInDoubtIsADuplicateThatTheRouterHasLearntOf) {
  World world;
  world.route({{"query_id", "q1"}});
  world.faults().set(Fault::in_doubt);
  EXPECT_EQ(world.call(thumb("q1")).status, 503);
  world.faults().set(Fault::none);
  EXPECT_EQ(world.call(thumb("q1")).at("/status"), "duplicate");
  EXPECT_EQ(world.report().checksum, world.fresh_checksum());
  double weight = 0.0;
  for (const auto& arm : world.report().arms) weight += arm.stats.observation_weight;
  EXPECT_EQ(weight, 1.0);
}

TEST(Writer, AnAnswerThatCannotBeReadLosesNothingOfItsGroup) {
  World world;
  world.route({{"query_id", "q1"}});
  world.thumb("q1", "up");
  world.faults().hold();
  auto first = world.send(route("q2"));
  world.faults().await_held();
  // One group: a duplicate, whose answer is read from the store, and records of both routers.
  auto repeat = world.send(thumb("q1"));
  auto third = world.send(route("q3"));
  auto fourth = world.send(route("q4", {{"router", "drafts"}}));
  world.faults().fail_find(true);
  world.faults().release();
  EXPECT_EQ(World::wait(std::move(first)).status, 200);
  EXPECT_EQ(World::wait(std::move(repeat)).status, 503);
  EXPECT_EQ(World::wait(std::move(third)).status, 503);
  EXPECT_EQ(World::wait(std::move(fourth)).status, 503);
  world.faults().fail_find(false);
  for (const std::string router : {"default", "drafts"}) {
    world.route({{"router", router}});
    EXPECT_EQ(world.report(router).checksum, world.fresh_checksum(router)) << router;
  }
  EXPECT_EQ(world.report("drafts").decisions, 2U);
}

TEST(Writer, StoppingCommitsAllThatIsQueuedAndRefusesTheRest) {
  World world;
  world.faults().hold();
  std::vector<std::future<http::Response>> answers;
  answers.push_back(world.send(route("q0")));
  world.faults().await_held();
  for (int i = 1; i < 50; ++i) answers.push_back(world.send(route("q" + std::to_string(i))));
  std::thread stopper([&] { world.writer().stop(); });
  // Once it has stopped taking jobs, a further one is refused at once.
  Reply refused;
  for (int i = 0; refused.status != 503; ++i) {
    auto answer = world.send(route("late" + std::to_string(i)));
    if (answer.wait_for(1ms) == std::future_status::ready) {
      refused = reply_of(answer.get());
    } else {
      answers.push_back(std::move(answer));
    }
  }
  world.faults().release();
  stopper.join();
  for (auto& answer : answers) EXPECT_EQ(World::wait(std::move(answer)).status, 200);
  EXPECT_EQ(world.routers().report({"default", "default"}).decisions, answers.size());
}

TEST(Writer, ReadersWritersArmChangesAndReloadsAtOnceLeaveOneStateBehind) {
  ScratchFolder folder;
  World world({.url = folder.sqlite()});
  constexpr int kThreads = 4;
  constexpr int kRounds = 60;
  std::latch start(kThreads + 3);
  std::atomic<int> failures{0};
  const auto expect = [&](const Reply& reply, std::initializer_list<int> statuses) {
    if (std::find(statuses.begin(), statuses.end(), reply.status) == statuses.end()) {
      ++failures;
      ADD_FAILURE() << reply.status << " " << reply.text;
    }
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      start.arrive_and_wait();
      for (int i = 0; i < kRounds && failures == 0; ++i) {
        const std::string id = std::to_string(t) + "-" + std::to_string(i);
        const std::string router = i % 3 == 0 ? "drafts" : "default";
        expect(world.call(route(id, {{"router", router}, {"session_id", "s"}})), {200});
        expect(world.call(thumb(id)), {200});
        expect(world.call(thumb(id, i % 2 ? "up" : "down")), {200});
      }
    });
  }
  threads.emplace_back([&] {
    start.arrive_and_wait();
    for (int i = 0; i < kRounds && failures == 0; ++i) {
      expect(world.put("/routers/default/arms/d", {{"expected_cost_usd", 0.001 * i}}), {200});
      if (i % 4 == 3) expect(world.remove("/routers/default/arms/d"), {200});
    }
  });
  threads.emplace_back([&] {
    start.arrive_and_wait();
    for (int i = 0; i < kRounds && failures == 0; ++i) {
      RouterConfig config = small_config();
      config.source_hash = "reload " + std::to_string(i);
      config.utility.value_usd = 0.01 * i;
      std::promise<bool> done;
      world.writer().run([&] {
        std::vector<AppendRequest> group;
        group.push_back(append_config({"default", "drafts"}, stamp(world.clock), config));
        done.set_value(world.routers().commit(std::move(group)).ok());
      });
      if (!done.get_future().get()) ++failures;
    }
  });
  threads.emplace_back([&] {
    start.arrive_and_wait();
    for (int i = 0; i < kRounds && failures == 0; ++i) {
      for (const char* target : {"/stats", "/routers", "/routers/default", "/feedback?limit=5",
                                 "/log?limit=10", "/metrics", "/readyz"}) {
        expect(world.get(target), {200});
      }
      expect(world.post("/feedback/session",
                        {{"session_id", "s"}, {"payload", {{"value", i % 2 ? "up" : "down"}}}}),
             {200, 404});
    }
  });
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(failures, 0);
  for (const char* router : {"default", "drafts"}) {
    EXPECT_EQ(world.report(router).checksum, world.fresh_checksum(router));
  }
  EXPECT_EQ(world.report().decisions + world.report("drafts").decisions,
            static_cast<std::uint64_t>(kThreads * kRounds));
}

}  // namespace
}  // namespace pointsman::testing_server
