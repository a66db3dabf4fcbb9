// What is only read: queries, stats, the log, health, metrics; and who may read it.

#include <gtest/gtest.h>

#include <sstream>
#include <thread>

#include "server/http/admission.h"
#include "tests/server/services/service_world.h"

namespace pointsman::testing_server {
namespace {

using namespace std::chrono_literals;

std::vector<Json> lines_of(const std::string& text) {
  std::vector<Json> records;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) records.push_back(Json::parse(line));
  return records;
}

TEST(QueriesService, ShowsTheDecisionItsSignalsItsObservationAndItsOutcome) {
  World world;
  const std::string id = world.route({{"metadata", {{"order", 7}}}});
  world.thumb(id, "up");
  world.thumb(id, "down");
  world.post("/outcome", {{"query_id", id}, {"cost_usd", 0.5}});
  world.post("/outcome", {{"query_id", id}, {"latency_ms", 80}});
  const Reply reply = world.get("/queries/" + id);
  EXPECT_EQ(reply.at("/query_id"), id);
  EXPECT_EQ(reply.at("/decision/metadata/order"), 7);
  EXPECT_EQ(reply.at("/signals").size(), 1U) << "the current one of each type";
  EXPECT_EQ(reply.at("/signals/0/reward"), 0.0);
  EXPECT_EQ(reply.at("/observation"), (Json{{"reward", 0.0}, {"weight", 1.0}}));
  EXPECT_EQ(reply.at("/outcome"), (Json{{"cost_usd", 0.5}, {"latency_ms", 80.0}}));
  EXPECT_EQ(reply.at("/events").size(), 4U) << "all that came";
  EXPECT_EQ(world.get("/queries/nobody").status, 404);
  EXPECT_TRUE(world.get("/queries/" + world.route()).at("/outcome").is_null());
}

TEST(StatsService, CountsWhatIsOpenAndWhatEachArmHasSeen) {
  World world;
  const std::string id = world.route({{"arms", {"b"}}});
  world.route({{"router", "drafts"}, {"session_id", "s"}});
  world.thumb(id, "up");
  world.post("/feedback/session", {{"session_id", "s"}, {"payload", {{"value", "up"}}}});
  const Reply stats = world.get("/stats");
  EXPECT_EQ(stats.at("/pending_count"), 2);
  EXPECT_EQ(stats.at("/decisions"), 2);
  EXPECT_EQ(stats.at("/feedback"), (Json{{"thumbs", 1}}));
  EXPECT_EQ(stats.at("/session_feedback"), 1);
  EXPECT_EQ(stats.at("/routers/default/arms/b/pulls"), 1);
  EXPECT_EQ(stats.at("/routers/default/arms/b/mean_reward"), 1.0);
  EXPECT_TRUE(stats.at("/routers/default/arms/a/mean_reward").is_null());
  EXPECT_EQ(stats.at("/routers/default/position"), world.position());
  EXPECT_EQ(stats.at("/routers/default/checksum").get<std::string>().size(), 16U);
  EXPECT_EQ(stats.at("/store/kind"), "memory");
  EXPECT_TRUE(stats.at("/adapters/thumbs").is_string());
  world.clock.advance(std::chrono::hours(24 * 31));
  EXPECT_EQ(world.get("/stats").at("/pending_count"), 0);
}

TEST(LogService, GivesTheRecordsAboveAPositionOneALine) {
  World world;
  const std::string id = world.route();
  world.thumb(id, "up");
  const Reply all = world.get("/log");
  EXPECT_EQ(all.content_type, "application/x-ndjson");
  const std::vector<Json> records = lines_of(all.text);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0]["kind"], "router_config");
  EXPECT_EQ(records[1]["kind"], "decision");
  EXPECT_EQ(records[2]["kind"], "feedback");
  const auto second = std::to_string(records[1]["position"].get<std::uint64_t>());
  EXPECT_EQ(lines_of(world.get("/log?after=" + second).text), (std::vector<Json>{records[2]}));
  EXPECT_EQ(lines_of(world.get("/log?limit=1").text), (std::vector<Json>{records[0]}));
  EXPECT_EQ(lines_of(world.get("/log?router=drafts").text).size(), 1U);
  EXPECT_EQ(world.get("/log?router=nowhere").status, 404);
  for (const char* query : {"after=-1", "after=x", "limit=10001", "wait_s=61", "from=1"}) {
    EXPECT_EQ(world.get("/log?" + std::string(query)).status, 422) << query;
  }
}

TEST(LogService, OfAPrunedLogSaysWhereItBegins) {
  World world;
  const std::string old = world.route();
  world.thumb(old, "up");
  world.clock.advance(std::chrono::hours(24 * 40));
  const std::string recent = world.route();
  const LogPosition below = world.position();
  PruneStep step{.scope = {"default", "default"}, .below = below, .now = world.clock.now()};
  const auto pruned = world.faults().prune(step);
  ASSERT_TRUE(pruned);
  ASSERT_EQ(pruned->removed, 2U);
  const Reply gone = world.get("/log");
  EXPECT_EQ(gone.status, 410);
  EXPECT_EQ(gone.content_type, "application/problem+json");
  EXPECT_EQ(gone.at("/first_position"), below);
  EXPECT_EQ(gone.at("/title"), "Gone");
  const auto rest = lines_of(world.get("/log?after=" + std::to_string(below - 1)).text);
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0]["query_id"], recent);
  EXPECT_EQ(world.get("/queries/" + old).status, 404) << "As one that never was.";
  EXPECT_EQ(world.get("/queries/" + recent).status, 200);
  EXPECT_EQ(lines_of(world.get("/log?router=drafts").text).size(), 1U) << "Whole as it was.";
}

TEST(LogService, WaitsForTheFirstRecordAndNoLonger) {
  World world;
  const std::string after = std::to_string(world.position());
  auto answer = world.send({"GET", "/log?wait_s=60&after=" + after});
  EXPECT_EQ(answer.wait_for(60ms), std::future_status::timeout);
  const std::string id = world.route();
  const std::vector<Json> records = lines_of(World::wait(std::move(answer)).text);
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0]["query_id"], id);
}

TEST(LogService, DoesNotKeepAServerThatGoesDownWaiting) {
  World world;
  auto answer = world.send({"GET", "/log?wait_s=60&after=" + std::to_string(world.position())});
  world.draining = true;
  const Reply reply = World::wait(std::move(answer));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.text, "");
}

TEST(HealthService, IsReadyUntilTheServerGoesDown) {
  World world;
  EXPECT_EQ(world.get("/healthz").text, R"({"status":"ok"})");
  EXPECT_EQ(world.get("/readyz").text, R"({"status":"ready"})");
  world.draining = true;
  EXPECT_EQ(world.get("/healthz").status, 200);
  EXPECT_EQ(world.get("/readyz").status, 503);
  World empty({.routers = {}});
  EXPECT_EQ(empty.get("/readyz").status, 503) << "without a router there is nothing to decide";
}

TEST(MetricsService, WritesThePrometheusTextFormat) {
  World world;
  const std::string id = world.route({{"arms", {"a"}}});
  world.thumb(id, "up");
  const Reply reply = world.get("/metrics");
  EXPECT_EQ(reply.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_NE(reply.text.find("pointsman_decisions_total{router=\"default\"} 1\n"), std::string::npos)
      << reply.text;
  EXPECT_NE(reply.text.find("pointsman_store_healthy 1\n"), std::string::npos);
  EXPECT_NE(reply.text.find("pointsman_arm_pulls_total{arm=\"a\",router=\"default\"} 1\n"),
            std::string::npos);
}

TEST(Auth, AsksForAKeyWhereKeysAreConfigured) {
  World world({.keys = {{"one", sha256("right"), "default"}}});
  for (const World::HeaderList& headers :
       {World::HeaderList{}, {{"X-API-Key", "wrong"}}, {{"Authorization", "Basic right"}}}) {
    const Reply refused = world.get("/stats", headers);
    EXPECT_EQ(refused.status, 401);
    EXPECT_EQ(refused.header("WWW-Authenticate"), "Bearer");
    EXPECT_EQ(refused.text.find("right"), std::string::npos);
  }
  EXPECT_EQ(world.get("/stats", {{"X-API-Key", "right"}}).status, 200);
  EXPECT_EQ(world.get("/stats", {{"Authorization", "Bearer right"}}).status, 200);
  EXPECT_EQ(world.get("/healthz").status, 200);
  EXPECT_EQ(world.get("/readyz").status, 200);
}

TEST(Auth, ATenantSeesNothingOfAnother) {
  World world({.keys = {{"one", sha256("k1"), "default"}, {"two", sha256("k2"), "acme"}},
               .routers = {{"default", "default", small_config()},
                           {"default", "secret", small_config()},
                           {"acme", "default", small_config()}}});
  const World::HeaderList mine = {{"X-API-Key", "k1"}};
  const World::HeaderList theirs = {{"X-API-Key", "k2"}};
  const Json body = {{"features", {{"u", 0.5}}}, {"session_id", "s"}};
  const std::string id = world.post("/route", body, mine).at("/query_id");
  const Json thumb = {{"query_id", id}, {"payload", {{"value", "up"}}}};
  ASSERT_EQ(world.post("/feedback", thumb, mine).status, 200);

  EXPECT_EQ(world.get("/queries/" + id, theirs).status, 404);
  EXPECT_EQ(world.post("/feedback", thumb, theirs).status, 404);
  EXPECT_EQ(world.post("/outcome", {{"query_id", id}, {"cost_usd", 1}}, theirs).status, 404);
  EXPECT_EQ(world.post("/route", {{"fallback_of", id}}, theirs).status, 404);
  EXPECT_EQ(
      world.post("/feedback/session", {{"session_id", "s"}, {"payload", {{"value", "up"}}}}, theirs)
          .status,
      404);
  EXPECT_EQ(world.get("/feedback", theirs).at("/feedback").size(), 0U);
  EXPECT_EQ(world.get("/stats", theirs).at("/decisions"), 0);
  EXPECT_EQ(world.get("/routers", theirs).at("/routers").size(), 1U);
  EXPECT_EQ(world.get("/routers/secret", theirs).status, 404);
  EXPECT_EQ(world.get("/log?router=secret", theirs).status, 404);
  EXPECT_EQ(world.call({"DELETE", "/routers/secret/arms/a", "", theirs}).status, 404);
  EXPECT_EQ(world.get("/metrics", theirs).text.find("secret"), std::string::npos);
  EXPECT_EQ(world.get("/queries/" + id, mine).status, 200);
}

TEST(Auth, WithoutKeysOnlyThisMachineIsServedAndBodiesAreJson) {
  World world;
  const auto ask = [&](std::string_view host, std::string_view type, const std::string& body) {
    http::Request request;
    request.method = body.empty() ? "GET" : "POST";
    request.target = request.path = body.empty() ? "/stats" : "/route";
    request.headers.add({"Host", host});
    if (!type.empty()) request.headers.add({"Content-Type", type});
    request.body = body;
    const auto admitted = http::admit(Keys({}), request);
    const auto* refused = std::get_if<http::Response>(&admitted);
    return refused == nullptr ? 200 : refused->status;
  };
  for (const char* host : {"localhost", "127.0.0.1:8080", "[::1]:8080"}) {
    EXPECT_EQ(ask(host, "", ""), 200) << host;
  }
  for (const char* host : {"evil.example", "127.0.0.1.evil.example", "[::1].evil.example"}) {
    EXPECT_EQ(ask(host, "", ""), 403) << host;
  }
  EXPECT_EQ(ask("localhost", "text/plain", "{}"), 415);
  EXPECT_EQ(ask("localhost", "", "{}"), 415);
  EXPECT_EQ(ask("localhost", "Application/JSON; charset=utf-8", "{}"), 200);
}

TEST(App, UnknownPathsAndMethodsAreSaidToBeThat) {
  World world;
  EXPECT_EQ(world.get("/nowhere").status, 404);
  const Reply method = world.call({"DELETE", "/route"});
  EXPECT_EQ(method.status, 405);
  EXPECT_NE(method.header("Allow").find("POST"), std::string::npos);
}

}  // namespace
}  // namespace pointsman::testing_server
