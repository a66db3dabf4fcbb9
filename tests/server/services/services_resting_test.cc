// What a client sees of a router that rests: nothing, but for the time that its waking takes.

#include <gtest/gtest.h>

#include "tests/server/services/service_world.h"

namespace pointsman::testing_server {
namespace {

using namespace std::chrono_literals;

const Json kPlain = {{"features", {{"u", 0.5}}}};

/// The bound lets no router stay awake after a call to it.
World::Options one_byte(const ScratchFolder& folder) {
  World::Options options;
  options.url = folder.sqlite();
  options.awake_bytes = 1;
  return options;
}

bool rests(World& world, const std::string& router = "default") {
  return world.routers().view({"default", router}).resting != nullptr;
}

double metric(World& world, const std::string& name) {
  const std::string text = world.get("/metrics").text;
  const std::size_t at = text.find("\n" + name + " ");
  EXPECT_NE(at, text.npos) << name;
  return at == text.npos ? -1.0 : std::stod(text.substr(at + name.size() + 2));
}

/// Waits for the writer to end the group that it has answered: routers rest behind it.
void settle(World& world) { world.report(); }

TEST(RestingServer, RouteFeedbackAndOutcomeWakeTheRouterAndAnswerAsEver) {
  ScratchFolder folder;
  World world(one_byte(folder));
  settle(world);
  ASSERT_TRUE(rests(world));
  for (int i = 0; i < 30; ++i) {
    const Reply made = world.post("/route", kPlain);
    ASSERT_EQ(made.status, 200) << made.text;
    EXPECT_EQ(made.at("/stored"), true);
    EXPECT_EQ(made.at("/arms").size(), 3U);
    EXPECT_EQ(world.thumb(made.at("/query_id"), i % 3 == 0 ? "up" : "down").at("/status"),
              "recorded");
    EXPECT_EQ(world.post("/outcome", {{"query_id", made.at("/query_id")}, {"cost_usd", 0.01}})
                  .at("/status"),
              "recorded");
    settle(world);
    ASSERT_TRUE(rests(world));
  }
  EXPECT_EQ(world.report().decisions, 30U);
  EXPECT_EQ(world.report().checksum, world.fresh_checksum());
  EXPECT_GE(metric(world, "pointsman_router_wakes_total"), 90.0);
}

TEST(RestingServer, ItsRefusalsRepeatsAndDryRunsAreThoseOfOneThatIsAwake) {
  ScratchFolder folder;
  World world(one_byte(folder));
  World awake;
  const Json rows[] = {
      {{"features", {{"u", 0.5}}}, {"arms", {"nobody"}}},
      {{"features", {{"w", 0.5}}}},
      {{"features", {{"u", 0.5}}}, {"constraints", {{"max_cost_usd", 1e-9}}}},
      {{"features", {{"u", 0.5}}}, {"query_id", "mine"}, {"constraints", {{"require", {"no"}}}}},
      {{"features", {{"u", 0.5}}}, {"router", "nowhere"}},
  };
  for (const Json& row : rows) {
    settle(world);
    ASSERT_TRUE(rests(world));
    const Reply mine = world.post("/route", row);
    const Reply other = awake.post("/route", row);
    EXPECT_EQ(mine.status, other.status) << row;
    EXPECT_EQ(mine.text, other.text) << row;
  }
  settle(world);
  Json dry = kPlain;
  dry["dry_run"] = true;
  const Reply tried = world.post("/route", dry);
  EXPECT_EQ(tried.status, 200) << tried.text;
  EXPECT_EQ(tried.at("/stored"), false);
  EXPECT_EQ(world.report().decisions, 0U);

  Json named = kPlain;
  named["query_id"] = "q1";
  settle(world);
  const Reply first = world.post("/route", named);
  settle(world);
  EXPECT_EQ(world.post("/route", named).text, first.text);
  settle(world);
  named["features"]["u"] = 0.25;
  EXPECT_EQ(world.post("/route", named).status, 409);
  settle(world);
  const Reply next = world.post("/route", {{"fallback_of", "q1"}});
  EXPECT_EQ(next.status, 200) << next.text;
  EXPECT_EQ(next.at("/reason"), "fallback");
  EXPECT_NE(next.at("/arm"), first.at("/arm"));
}

TEST(RestingServer, StatsMetricsAndTheListOfRoutersWakeNobody) {
  ScratchFolder folder;
  World world(one_byte(folder));
  const std::string id = world.route();
  world.thumb(id, "up");
  settle(world);
  const double wakes = metric(world, "pointsman_router_wakes_total");
  const Reply stats = world.get("/stats");
  EXPECT_EQ(stats.at("/routers/default/resting"), true);
  EXPECT_EQ(stats.at("/routers/default/decisions"), 1U);
  EXPECT_TRUE(stats.at("/routers/default/log_lag_records").is_null());
  const Reply list = world.get("/routers");
  ASSERT_EQ(list.at("/routers").size(), 2U);
  World awake;
  awake.route();
  for (Json& row : awake.get("/routers").at("/routers")) {
    for (const Json& mine : list.at("/routers")) {
      if (mine["router"] != row["router"]) continue;
      EXPECT_EQ(mine["arms"], row["arms"]);
      EXPECT_EQ(mine["policy"], row["policy"]);
      EXPECT_EQ(mine["mode"], row["mode"]);
      EXPECT_EQ(mine["decisions"], row["decisions"]);
    }
  }
  EXPECT_EQ(metric(world, "pointsman_routers{state=\"resting\"}"), 2.0);
  EXPECT_EQ(metric(world, "pointsman_routers{state=\"awake\"}"), 0.0);
  EXPECT_EQ(metric(world, "pointsman_awake_bytes"), 0.0);
  EXPECT_EQ(metric(world, "pointsman_router_wakes_total"), wakes);
  EXPECT_GT(metric(world, "pointsman_router_wake_seconds_total"), 0.0);
  const std::string text = world.get("/metrics").text;
  EXPECT_EQ(text.find("pointsman_log_lag_records"), text.npos);
}

TEST(RestingServer, ItsArmsAndItselfAreReadAndChanged) {
  ScratchFolder folder;
  World world(one_byte(folder));
  settle(world);
  EXPECT_EQ(world.get("/routers/default").at("/arms").size(), 3U);
  settle(world);
  EXPECT_EQ(world.get("/routers/default/arms/b").at("/model"), "m-b");
  settle(world);
  EXPECT_EQ(world.get("/routers/default/arms/x").status, 404);
  EXPECT_EQ(world.get("/routers/none/arms/x").status, 404);
  settle(world);
  ASSERT_TRUE(rests(world));
  EXPECT_EQ(world.put("/routers/default/arms/d", {{"model", "m-d"}}).at("/status"), "recorded");
  settle(world);
  EXPECT_EQ(world.remove("/routers/default/arms/a").at("/status"), "recorded");
  settle(world);
  EXPECT_EQ(world.get("/routers/default").at("/arms").size(), 3U);
  EXPECT_EQ(world.report().checksum, world.fresh_checksum());
}

TEST(RestingServer, WhereItCannotWakeTheAnswerIsThatOfAStoreThatIsAway) {
  ScratchFolder folder;
  World world(one_byte(folder));
  for (int i = 0; i < 5; ++i) world.route({{"arms", {"b"}}});
  const std::string id = world.route({{"arms", {"c"}}});
  settle(world);
  ASSERT_TRUE(rests(world));
  world.faults().fail_loads(true);
  const Reply routed = world.post("/route", kPlain);
  EXPECT_EQ(routed.status, 503) << routed.text;
  EXPECT_EQ(routed.header("Retry-After"), "1");
  EXPECT_EQ(routed.at("/fallback/arm"), "b") << "the arm that it chose most often";
  EXPECT_EQ(routed.at("/fallback/model"), "m-b");
  EXPECT_EQ(
      world.post("/route", {{"features", {{"u", 1}}}, {"constraints", {{"require", {"vision"}}}}})
          .at("/fallback/arm"),
      "c");
  EXPECT_TRUE(
      world.post("/route", {{"features", {{"u", 1}}}, {"constraints", {{"max_cost_usd", 0}}}})
          .at("/fallback")
          .is_null());
  EXPECT_EQ(world.post("/route", {{"fallback_of", id}}).status, 503);
  EXPECT_EQ(world.thumb(id, "up").status, 503);
  EXPECT_EQ(world.get("/routers/default").status, 503);
  EXPECT_EQ(world.put("/routers/default/arms/d", {{"model", "m-d"}}).status, 503);
  EXPECT_EQ(world.get("/stats").at("/routers/default/decisions"), 6U);
  world.faults().fail_loads(false);
  EXPECT_EQ(world.thumb(id, "up").at("/status"), "duplicate") << "it is in the log";
  EXPECT_EQ(world.post("/route", kPlain).status, 200);
  settle(world);
  EXPECT_EQ(world.report().checksum, world.fresh_checksum());
}

TEST(RestingServer, AWakeThatTakesTooLongIsAnsweredWithTheFallback) {
  ScratchFolder folder;
  World::Options options = one_byte(folder);
  options.writer.route_commit = 30ms;
  World world(options);
  settle(world);
  ASSERT_TRUE(rests(world, "drafts"));
  world.faults().hold();
  auto first = world.send({"POST", "/route", kPlain.dump()});
  world.faults().await_held();
  Json other = kPlain;
  other["router"] = "drafts";
  const Reply late = world.post("/route", other);
  EXPECT_EQ(late.status, 503);
  EXPECT_TRUE(late.at("/fallback/arm").is_string());
  EXPECT_EQ(World::wait(std::move(first)).status, 503);
  world.faults().release();
  settle(world);
  EXPECT_EQ(world.report("drafts").decisions, 0U) << "what is answered is not decided any more";
}

TEST(RestingServer, ManyAskTheSameRestingRouterAtOnceAndItWakesOnce) {
  ScratchFolder folder;
  World::Options options = one_byte(folder);
  options.awake_bytes = World().routers().rest_counters().awake_bytes * 3 / 4;  // One of the two.
  World world(options);
  world.route({{"router", "drafts"}});
  settle(world);
  ASSERT_TRUE(rests(world));
  const double wakes = metric(world, "pointsman_router_wakes_total");
  world.faults().hold();
  Json other = kPlain;
  other["router"] = "drafts";
  auto block = world.send({"POST", "/route", other.dump()});
  world.faults().await_held();
  std::vector<std::future<http::Response>> answers;
  for (std::size_t i = 0; i < Writer::kMostPrepared; ++i) {
    answers.push_back(world.send({"POST", "/route", kPlain.dump()}));
  }
  world.faults().release();
  for (auto& answer : answers) EXPECT_EQ(World::wait(std::move(answer)).status, 200);
  EXPECT_EQ(World::wait(std::move(block)).status, 200);
  settle(world);
  EXPECT_EQ(world.report().decisions, Writer::kMostPrepared);
  EXPECT_LE(metric(world, "pointsman_router_wakes_total") - wakes, 2.0) << "and \"drafts\", maybe";
}

TEST(RestingServer, AReaderOfTheLogHearsOfTheNextRecord) {
  ScratchFolder folder;
  World world(one_byte(folder));
  settle(world);
  const LogPosition position = world.report().position;
  auto waiting = world.send({"GET", "/log?wait_s=20&after=" + std::to_string(position)});
  const std::string id = world.route();
  EXPECT_NE(World::wait(std::move(waiting)).text.find(id), std::string::npos);
  EXPECT_EQ(world.get("/log?router=nowhere").status, 404);
}

}  // namespace
}  // namespace pointsman::testing_server
