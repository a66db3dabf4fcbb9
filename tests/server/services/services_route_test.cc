// POST /route through the whole table of routes: what is decided, what is refused, what is kept.

#include <gtest/gtest.h>

#include "tests/server/services/service_world.h"

namespace pointsman::testing_server {
namespace {

const Json kPlain = {{"features", {{"u", 0.5}}}};

Json with(const Json& more) {
  Json body = kPlain;
  body.update(more);
  return body;
}

const Json* arm_of(const Reply& reply, const std::string& id) {
  for (const Json& arm : reply.body["arms"]) {
    if (arm["arm"] == id) return &arm;
  }
  return nullptr;
}

TEST(RouteService, AnswersWithTheArmItsPropensityAndTheWholeDistribution) {
  World world;
  const Reply reply = world.post("/route", kPlain);
  ASSERT_EQ(reply.status, 200) << reply.text;
  double sum = 0.0;
  for (const Json& arm : reply.body["arms"]) sum += arm["propensity"].get<double>();
  EXPECT_NEAR(sum, 1.0, 1e-12);
  EXPECT_EQ(reply.at("/router"), "default");
  EXPECT_EQ(reply.at("/model"), "m-" + reply.at("/arm").get<std::string>());
  EXPECT_EQ(reply.at("/propensity"), (*arm_of(reply, reply.at("/arm")))["propensity"]);
  EXPECT_EQ(reply.at("/stored"), true);
  EXPECT_EQ(reply.at("/fallbacks").size(), 2U);
  EXPECT_EQ(reply.at("/query_id").get<std::string>().size(), 28U);
  EXPECT_EQ(world.get("/queries/" + reply.at("/query_id").get<std::string>()).status, 200);
}

TEST(RouteService, ADryRunDecidesAndRecordsNothing) {
  World world;
  const std::uint64_t before = world.position();
  const Reply reply = world.post("/route", with({{"dry_run", true}, {"query_id", "q"}}));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.at("/stored"), false);
  EXPECT_TRUE(reply.at("/query_id").is_null());
  EXPECT_EQ(world.position(), before);
  EXPECT_EQ(world.get("/queries/q").status, 404);
}

TEST(RouteService, HardLimitsFilterTheArmsAndAMissingCostNeverCountsAsFree) {
  World world;
  const Reply cheap = world.post("/route", with({{"constraints", {{"max_cost_usd", 0.0015}}}}));
  EXPECT_EQ(cheap.at("/arm"), "a");
  EXPECT_EQ(cheap.at("/reason"), "only_eligible");
  EXPECT_EQ((*arm_of(cheap, "b"))["excluded"], "max_cost_usd");
  EXPECT_EQ((*arm_of(cheap, "c"))["excluded"], "cost_unknown");
  const Reply sees = world.post("/route", with({{"constraints", {{"require", {"vision"}}}}}));
  EXPECT_EQ(sees.at("/arm"), "c");
  const Reply named = world.post("/route", with({{"arms", {"b"}}}));
  EXPECT_EQ(named.at("/arm"), "b");
  EXPECT_EQ((*arm_of(named, "a"))["excluded"], "not_requested");
}

TEST(RouteService, WhereNoArmIsLeftTheErrorSaysWhichLimitLeftNone) {
  World world;
  const Reply none = world.post("/route", with({{"constraints", {{"max_cost_usd", 0.0}}}}));
  EXPECT_EQ(none.status, 422);
  EXPECT_EQ(none.at("/pointer"), "/constraints/max_cost_usd");
  EXPECT_EQ(none.content_type, "application/problem+json");
  const Reply unknown = world.post("/route", with({{"arms", {"a", "z"}}}));
  EXPECT_EQ(unknown.status, 422);
  EXPECT_EQ(unknown.at("/pointer"), "/arms/1");
}

TEST(RouteService, APreferenceActsOnTheVeryNextRequest) {
  World::Options options;
  for (RouterEntry& entry : options.routers) {
    entry.config.policy = LinUcbOptions{.alpha = 0.0};
    entry.config.arms = {ArmSpec{.id = "dear", .model = "d", .expected_cost_usd = 0.005},
                         ArmSpec{.id = "cheap", .model = "c", .expected_cost_usd = 0.0001}};
  }
  World world(options);
  for (int i = 0; i < 30; ++i) {
    const std::string arm = i % 2 == 0 ? "dear" : "cheap";
    const std::string id = world.route({{"arms", {arm}}});
    world.post("/feedback", {{"query_id", id},
                             {"signal_type", "quality_score"},
                             {"payload", {{"score", arm == "dear" ? 0.9 : 0.7}}}});
  }
  EXPECT_EQ(world.post("/route", with({{"preference", "quality"}})).at("/arm"), "dear");
  EXPECT_EQ(world.post("/route", with({{"preference", "cost"}})).at("/arm"), "cheap");
  EXPECT_EQ(world.post("/route", with({{"preference", {{"value_usd", 1.0}}}})).at("/arm"), "dear");
  EXPECT_EQ(world.post("/route", with({{"preference", {{"value_usd", 0.001}}}})).at("/arm"),
            "cheap");
}

TEST(RouteService, RefusesWhatIsNotJsonWithFourHundredAndWhatBreaksTheSchemaWithThePointer) {
  World world;
  struct Row {
    std::string body;
    int status;
    Json pointer;
  };
  const Row rows[] = {
      {"{", 400, nullptr},
      {R"({"features":{"u":NaN}})", 400, nullptr},
      {R"({"features":{"u":1e999}})", 422, "/features/u"},
      {R"({})", 422, "/text"},
      {R"([])", 422, "/"},
      {R"({"features":{"u":1},"colour":"red"})", 422, "/colour"},
      {R"({"features":{"u":1},"router":"nowhere"})", 404, "/router"},
      {R"({"features":{"u":1},"fallback_of":7})", 422, "/fallback_of"},
  };
  for (const Row& row : rows) {
    const Reply reply = world.call({"POST", "/route", row.body});
    EXPECT_EQ(reply.status, row.status) << row.body << reply.text;
    EXPECT_EQ(reply.at("/pointer"), row.pointer) << row.body << reply.text;
    EXPECT_TRUE(reply.at("/detail").is_string());
  }
}

TEST(RouteService, EachRouterHasItsOwnArmsAndFeatures) {
  World::Options options;
  options.routers[1].config.features.fields = {{"v", {"x", "y"}}};
  options.routers[1].config.arms = {ArmSpec{.id = "only", .model = "o"}};
  World world(options);
  const Reply reply = world.post("/route", {{"router", "drafts"}, {"features", {{"v", "x"}}}});
  EXPECT_EQ(reply.at("/arm"), "only");
  EXPECT_EQ(world.post("/route", kPlain).at("/arms").size(), 3U);
}

TEST(RouteService, QueuedDurabilityAnswersAtOnceAndSaysSo) {
  World world({.durability = DecisionDurability::queued});
  world.faults().hold();
  const Reply reply = world.post("/route", kPlain);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.at("/stored"), false);
  world.faults().release();
  EXPECT_EQ(world.thumb(reply.at("/query_id"), "up").status, 200) << "feedback queues behind it";
}

TEST(RouteService, WithQueuedDurabilityARepeatStillGetsTheFirstAnswer) {
  World world({.durability = DecisionDurability::queued});
  const Json named = with({{"query_id", "q1"}});
  const Reply first = world.post("/route", named);
  EXPECT_EQ(first.at("/stored"), true);
  for (int i = 0; i < 8; ++i) {
    const Reply other = world.post("/route", with({{"query_id", "o" + std::to_string(i)}}));
    EXPECT_EQ(world.thumb("o" + std::to_string(i), i % 2 == 0 ? "up" : "down").status, 200);
  }
  EXPECT_EQ(world.post("/route", named).body, first.body);
  EXPECT_EQ(world.post("/route", with({{"query_id", "q1"}, {"session_id", "s"}})).status, 409);
  world.faults().set(FaultStore::Fault::unavailable);
  const Reply away = world.post("/route", with({{"query_id", "q2"}}));
  EXPECT_EQ(away.status, 200);
  EXPECT_EQ(away.at("/stored"), false);
}

TEST(RouteService, ARepeatGetsTheFirstAnswerThoughItCouldNotBeDecidedAnyMore) {
  World world;
  const Json named = with({{"query_id", "q1"}, {"arms", {"c"}}});
  const Reply first = world.post("/route", named);
  ASSERT_EQ(first.status, 200);
  const Json failed = {{"query_id", "q2"}, {"fallback_of", "q1"}, {"arms", {"b"}}};
  const Reply fallback = world.post("/route", failed);
  ASSERT_EQ(fallback.status, 200) << fallback.text;
  for (const char* const arm : {"b", "c"}) {
    ASSERT_EQ(world.remove(std::string("/routers/default/arms/") + arm).status, 200);
  }
  EXPECT_EQ(world.post("/route", named).body, first.body);
  EXPECT_EQ(world.post("/route", failed).body, fallback.body);
  const std::uint64_t before = world.position();
  // Another body, and a new id, hear what is wrong with them.
  EXPECT_EQ(world.post("/route", with({{"query_id", "q1"}, {"arms", {"b"}}})).status, 422);
  EXPECT_EQ(world.post("/route", with({{"query_id", "q3"}, {"arms", {"c"}}})).status, 422);
  EXPECT_EQ(world.position(), before);
}

TEST(RouteService, ASessionStaysWithItsArmAndTheLogSaysThatItWasNotDrawn) {
  World::Options options;
  options.routers[0].config.sticky_sessions = true;
  options.routers[0].config.policy = UniformOptions{};
  World world(options);
  const Reply first = world.post("/route", with({{"session_id", "s"}, {"query_id", "q1"}}));
  EXPECT_NEAR(first.at("/propensity").get<double>(), 1.0 / 3.0, 1e-12);
  for (int i = 0; i < 8; ++i) {
    const Reply next = world.post("/route", with({{"session_id", "s"}}));
    EXPECT_EQ(next.at("/arm"), first.at("/arm"));
    EXPECT_EQ(next.at("/reason"), "sticky");
    EXPECT_EQ(next.at("/propensity"), 1.0);
    const Reply query = world.get("/queries/" + next.at("/query_id").get<std::string>());
    EXPECT_EQ(query.at("/decision/session_decision"), "q1");
  }
  EXPECT_NE(world.post("/route", with({{"session_id", "other"}})).at("/reason"), "sticky");
  Json others = Json::array();
  for (const char* arm : {"a", "b", "c"}) {
    if (first.at("/arm") != arm) others.push_back(arm);
  }
  const Reply drawn = world.post("/route", with({{"session_id", "s"}, {"arms", others}}));
  EXPECT_NE(drawn.at("/reason"), "sticky") << "a filtered arm is drawn again";
  EXPECT_NEAR(drawn.at("/propensity").get<double>(), 0.5, 1e-12);
}

TEST(Fallback, IsADecisionOfItsOwnForTheNextArmOfTheChain) {
  World world;
  const Reply first = world.post("/route", with({{"session_id", "s"}}));
  const Json chain = first.at("/fallbacks");
  const Reply second = world.post("/route", {{"fallback_of", first.at("/query_id")}});
  ASSERT_EQ(second.status, 200) << second.text;
  EXPECT_EQ(second.at("/arm"), chain[0]);
  EXPECT_EQ(second.at("/reason"), "fallback");
  EXPECT_EQ(second.at("/propensity"), 1.0);
  EXPECT_EQ(second.at("/fallbacks"), (Json{chain[1]}));
  const Reply third = world.post("/route", {{"fallback_of", second.at("/query_id")}});
  EXPECT_EQ(third.at("/arm"), chain[1]);
  EXPECT_EQ(third.at("/fallbacks"), Json::array());
  const Reply none = world.post("/route", {{"fallback_of", third.at("/query_id")}});
  EXPECT_EQ(none.status, 422);
  EXPECT_EQ(none.at("/pointer"), "/fallback_of");

  const Reply logged = world.get("/queries/" + third.at("/query_id").get<std::string>());
  EXPECT_EQ(logged.at("/decision/parent"), second.at("/query_id"));
  EXPECT_EQ(logged.at("/decision/session_id"), "s");
  EXPECT_EQ(logged.at("/decision/raw"),
            world.get("/queries/" + first.at("/query_id").get<std::string>()).at("/decision/raw"));
  // Feedback goes to the decision whose arm produced the text.
  EXPECT_EQ(world.thumb(third.at("/query_id"), "up").at("/status"), "recorded");
  for (const auto& arm : world.report().arms) {
    EXPECT_EQ(arm.stats.observation_weight, Json(arm.spec.id) == third.at("/arm") ? 1.0 : 0.0);
  }
}

TEST(Fallback, TakesTheArmThatIsNamedAndPassesOverThoseThatAreGoneOrOverALimit) {
  World world;
  const std::string parent = world.route({{"arms", {"a"}}});
  EXPECT_EQ(world.post("/route", {{"fallback_of", parent}}).status, 422)
      << "nothing else was eligible";
  const Reply named = world.post("/route", {{"fallback_of", parent}, {"arms", {"a"}}});
  EXPECT_EQ(named.at("/arm"), "a") << named.text;
  EXPECT_EQ(named.at("/reason"), "fallback");
  const Reply chosen = world.post("/route", {{"fallback_of", parent}, {"arms", {"a", "c"}}});
  EXPECT_EQ(chosen.at("/arm"), "c") << "a was tried";

  const Reply open = world.post("/route", with({{"constraints", {{"max_cost_usd", 0.0015}}}}));
  EXPECT_EQ(open.at("/arm"), "a");
  const Reply wide = world.post("/route", kPlain);
  const std::string gone = wide.at("/fallbacks/0");
  ASSERT_EQ(world.remove("/routers/default/arms/" + gone).status, 200);
  const Reply next = world.post("/route", {{"fallback_of", wide.at("/query_id")}});
  EXPECT_EQ(next.at("/arm"), wide.at("/fallbacks/1")) << next.text;
}

TEST(Fallback, RefusesAParentThatIsUnknownExpiredOrOfAnotherRouter) {
  World world;
  EXPECT_EQ(world.post("/route", {{"fallback_of", "nobody"}}).status, 404);
  const std::string parent = world.route();
  const Reply other = world.post("/route", {{"fallback_of", parent}, {"router", "drafts"}});
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(other.at("/pointer"), "/router");
  EXPECT_EQ(world.post("/route", {{"fallback_of", parent}, {"router", "default"}}).status, 200);
  world.clock.advance(std::chrono::hours(24 * 31));
  EXPECT_EQ(world.post("/route", {{"fallback_of", parent}}).status, 404);
}

TEST(Fallback, IsIdempotentByQueryIdAndCanBeADryRun) {
  World world;
  const std::string parent = world.route();
  const Json body = {{"fallback_of", parent}, {"query_id", "f1"}};
  const Reply first = world.post("/route", body);
  ASSERT_EQ(first.status, 200) << first.text;
  EXPECT_EQ(world.post("/route", body).text, first.text);
  EXPECT_EQ(world.post("/route", {{"fallback_of", parent}, {"query_id", parent}}).status, 409);
  const std::uint64_t before = world.position();
  const Reply dry = world.post("/route", {{"fallback_of", parent}, {"dry_run", true}});
  EXPECT_EQ(dry.at("/stored"), false);
  EXPECT_EQ(world.position(), before);
}

}  // namespace
}  // namespace pointsman::testing_server
