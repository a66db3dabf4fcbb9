// POST /feedback, /outcome, /feedback/session and /feedback/batch, and GET /feedback.

#include <gtest/gtest.h>

#include "tests/server/services/service_world.h"

namespace pointsman::testing_server {
namespace {

TEST(FeedbackService, TakesEveryRowOfTheContractsTable) {
  struct Row {
    std::string type;
    Json payload;
    double reward;
    double confidence;
  };
  const Row rows[] = {
      {"thumbs", {{"value", "UP"}}, 1.0, 1.0},
      {"thumbs", {{"value", "down"}}, 0.0, 1.0},
      {"rating", {{"rating", 4}}, 0.75, 1.0},
      {"rating", {{"rating", 7}, {"min", 0}, {"max", 10}}, 0.7, 1.0},
      {"task_success", {{"success", true}}, 1.0, 1.0},
      {"regeneration", {{"regenerated", true}}, 0.0, 0.8},
      {"regeneration", {{"regenerated", true}, {"accepted_after", true}}, 0.3, 0.8},
      {"regeneration", {{"regenerated", false}}, 1.0, 0.8},
      {"quality_score", {{"score", 0.25}}, 0.25, 1.0},
      {"completion_time", {{"seconds", 75}}, 0.75, 0.5},
      {"completion_time", {{"seconds", 900}}, 0.0, 0.5},
      {"edit",
       {{"draft", "Your refund takes 14 days."}, {"final", "Your refund takes 30 days."}},
       0.425,
       0.9},
      {"suggestion", {{"feedback", "not_helpful"}}, 0.2, 1.0},
  };
  World world;
  for (const Row& row : rows) {
    const std::string id = world.route();
    const Reply reply = world.post(
        "/feedback", {{"query_id", id}, {"signal_type", row.type}, {"payload", row.payload}});
    ASSERT_EQ(reply.status, 200) << row.type << reply.text;
    EXPECT_EQ(reply.at("/status"), "recorded");
    EXPECT_EQ(reply.at("/query_id"), id);
    EXPECT_NEAR(reply.at("/reward").get<double>(), row.reward, 1e-9) << row.type;
    EXPECT_NEAR(reply.at("/confidence").get<double>(), row.confidence, 1e-12) << row.type;
    EXPECT_NEAR(reply.at("/observation/weight").get<double>(), row.confidence, 1e-12);
  }
  const std::string id = world.route();
  const Reply action = world.post(
      "/feedback",
      {{"query_id", id}, {"signal_type", "action"}, {"payload", {{"action", "approve"}}}});
  EXPECT_EQ(action.status, 200) << action.text;
}

TEST(FeedbackService, RefusesMalformedPayloadsAndLeavesTheDecisionOpen) {
  struct Row {
    Json body;
    std::string pointer;
  };
  const Row rows[] = {
      {{{"payload", {{"value", "up"}}}}, "/query_id"},
      {{{"query_id", "q"}}, "/payload"},
      {{{"query_id", "q"}, {"payload", "up"}}, "/payload"},
      {{{"query_id", "q"}, {"payload", Json::object()}}, "/payload/value"},
      {{{"query_id", "q"}, {"payload", {{"value", true}}}}, "/payload/value"},
      {{{"query_id", "q"}, {"signal_type", "applause"}, {"payload", Json::object()}},
       "/signal_type"},
      {{{"query_id", "q"}, {"signal_type", "outcome_error"}, {"payload", Json::object()}},
       "/signal_type"},
      {{{"query_id", "q"}, {"signal_type", "rating"}, {"payload", {{"rating", 6}}}},
       "/payload/rating"},
      {{{"query_id", "q"}, {"payload", {{"value", "up"}}}, {"weight", 2}}, "/weight"},
  };
  World world;
  world.route({{"query_id", "q"}});
  for (const Row& row : rows) {
    const Reply reply = world.post("/feedback", row.body);
    EXPECT_EQ(reply.status, 422) << row.body << reply.text;
    EXPECT_EQ(reply.at("/pointer"), row.pointer) << row.body << reply.text;
  }
  EXPECT_EQ(world.thumb("q", "up").at("/status"), "recorded");
}

TEST(OutcomeService, TokensTimesTheArmsPricesGiveAnAbsentCost) {
  World world;
  world.put("/routers/default/arms/a",
            {{"input_usd_per_million_tokens", 2.0}, {"output_usd_per_million_tokens", 10.0}});
  const std::string id = world.route({{"arms", {"a"}}});
  const Reply reply =
      world.post("/outcome", {{"query_id", id}, {"input_tokens", 1000}, {"output_tokens", 100}});
  EXPECT_EQ(reply.at("/status"), "recorded") << reply.text;
  EXPECT_NEAR(world.get("/stats").at("/routers/default/arms/a/mean_cost_usd").get<double>(), 0.003,
              1e-12);
}

TEST(OutcomeService, AnErrorIsRewardZeroAndFinal) {
  World world;
  const std::string id = world.route();
  world.thumb(id, "up");
  EXPECT_EQ(world.post("/outcome", {{"query_id", id}, {"error", "timeout"}}).at("/status"),
            "recorded");
  const Reply later = world.post(
      "/feedback", {{"query_id", id}, {"signal_type", "rating"}, {"payload", {{"rating", 5}}}});
  EXPECT_EQ(later.at("/observation"), (Json{{"reward", 0.0}, {"weight", 1.0}}));
  EXPECT_EQ(world.get("/queries/" + id).at("/outcome/error"), "timeout");
}

TEST(OutcomeService, AnEmptyOneIsRefused) {
  World world;
  const std::string id = world.route();
  EXPECT_EQ(world.post("/outcome", {{"query_id", id}}).status, 422);
  EXPECT_EQ(world.post("/outcome", {{"query_id", id}, {"cost_usd", -1}}).at("/pointer"),
            "/cost_usd");
  EXPECT_EQ(world.post("/outcome", {{"query_id", "nobody"}, {"cost_usd", 1}}).status, 404);
}

TEST(SessionFeedback, ReachesTheSessionsDecisionsOfEveryRouterWithItsWeight) {
  World world;
  const std::string one = world.route({{"session_id", "s"}});
  const std::string two = world.route({{"session_id", "s"}, {"router", "drafts"}});
  const std::string apart = world.route({{"session_id", "t"}});
  const Reply reply = world.post("/feedback/session", {{"session_id", "s"},
                                                       {"signal_type", "rating"},
                                                       {"payload", {{"rating", 5}}},
                                                       {"propagation_weight", 0.25}});
  EXPECT_EQ(reply.body, (Json{{"status", "recorded"}, {"reward", 1.0}, {"propagated", 2}}));
  for (const std::string& id : {one, two}) {
    const Reply query = world.get("/queries/" + id);
    EXPECT_EQ(query.at("/observation"), (Json{{"reward", 1.0}, {"weight", 0.25}}));
    EXPECT_EQ(query.at("/signals/0/signal_type"), "session:rating");
  }
  EXPECT_EQ(world.get("/queries/" + apart).at("/observation/weight"), 0.0);
  const std::string later = world.route({{"session_id", "s"}});
  EXPECT_EQ(world.get("/queries/" + later).at("/observation/weight"), 0.0);
}

TEST(SessionFeedback, ARevisionTakesTheFirstOneBackExactly) {
  World world;
  World plain;
  for (World* each : {&world, &plain}) {
    for (int i = 0; i < 3; ++i) {
      each->route({{"session_id", "s"}, {"query_id", "q" + std::to_string(i)}, {"arms", {"b"}}});
    }
  }
  const auto rate = [](World& each, int stars) {
    return each.post(
        "/feedback/session",
        {{"session_id", "s"}, {"signal_type", "rating"}, {"payload", {{"rating", stars}}}});
  };
  EXPECT_EQ(rate(world, 1).at("/status"), "recorded");
  EXPECT_EQ(rate(world, 4).at("/status"), "revised");
  EXPECT_EQ(rate(plain, 4).at("/status"), "recorded");
  const auto theta = world.report().arms[1].theta;
  const auto expected = plain.report().arms[1].theta;
  for (std::size_t i = 0; i < theta.size(); ++i) EXPECT_NEAR(theta[i], expected[i], 1e-9);
}

TEST(SessionFeedback, ARetryUnderItsKeyCompletesTheRoutersThatAreMissing) {
  World world;
  world.route({{"session_id", "s"}});
  const Json body = {{"session_id", "s"}, {"payload", {{"value", "up"}}}, {"idempotency_key", "k"}};
  EXPECT_EQ(world.post("/feedback/session", body).at("/propagated"), 1);
  world.route({{"session_id", "s"}, {"router", "drafts"}});
  const std::uint64_t before = world.position();
  const Reply again = world.post("/feedback/session", body);
  EXPECT_EQ(again.at("/status"), "recorded") << "in the router that it had not reached";
  EXPECT_EQ(again.at("/propagated"), 2);
  EXPECT_EQ(world.position(), before) << "and nothing twice";
  EXPECT_EQ(world.post("/feedback/session", body).at("/status"), "duplicate");
}

TEST(SessionFeedback, AnotherWeightOfTheSamePayloadIsARevision) {
  World world;
  const std::string id = world.route({{"session_id", "s"}});
  Json body = {{"session_id", "s"}, {"payload", {{"value", "up"}}}};
  EXPECT_EQ(world.post("/feedback/session", body).at("/status"), "recorded");
  body["propagation_weight"] = 1.0;
  EXPECT_EQ(world.post("/feedback/session", body).at("/status"), "revised");
  EXPECT_EQ(world.get("/queries/" + id).at("/observation/weight"), 1.0);
}

TEST(SessionFeedback, RefusesWhatItDoesNotKnow) {
  World world;
  world.route({{"session_id", "s"}});
  const Json payload = {{"value", "up"}};
  const Reply nobody = world.post("/feedback/session", {{"session_id", "x"}, {"payload", payload}});
  EXPECT_EQ(nobody.status, 404);
  EXPECT_EQ(nobody.at("/pointer"), "/session_id");
  const Reply elsewhere = world.post(
      "/feedback/session", {{"session_id", "s"}, {"router", "drafts"}, {"payload", payload}});
  EXPECT_EQ(elsewhere.status, 404);
  EXPECT_EQ(elsewhere.at("/pointer"), "/router");
  EXPECT_EQ(world
                .post("/feedback/session",
                      {{"session_id", "s"}, {"payload", payload}, {"propagation_weight", 1.5}})
                .at("/pointer"),
            "/propagation_weight");
  EXPECT_EQ(
      world.post("/feedback/session", {{"session_id", "x"}, {"payload", {{"value", 1}}}}).status,
      422)
      << "schema before existence";
  EXPECT_EQ(world
                .post("/feedback/session",
                      {{"session_id", "s"}, {"payload", payload}, {"idempotency_key", "a"}},
                      {{"Idempotency-Key", "b"}})
                .status,
            422);
}

TEST(BatchFeedback, GivesEachEventItsOwnAnswerInOrderAndWritesTheGoodOnesTogether) {
  World world;
  const std::string one = world.route();
  const std::string two = world.route();
  const std::size_t groups = world.faults().groups().size();
  const auto event = [](const std::string& id, const Json& value) {
    return Json{{"query_id", id}, {"payload", {{"value", value}}}};
  };
  Json keyed = event(two, "up");
  keyed["idempotency_key"] = "k";
  Json other = event(two, "down");
  other["idempotency_key"] = "k";
  const Reply reply = world.post("/feedback/batch",
                                 {{"events",
                                   {event(one, "up"), event(one, 7), "nonsense", event("x", "up"),
                                    event(one, "up"), keyed, other, event(one, "down")}}});
  ASSERT_EQ(reply.status, 200) << reply.text;
  std::vector<int> codes;
  for (const Json& entry : reply.body) codes.push_back(entry["status"]);
  EXPECT_EQ(codes, (std::vector<int>{200, 422, 422, 404, 200, 200, 409, 200}));
  EXPECT_EQ(reply.at("/0/body/status"), "recorded");
  EXPECT_EQ(reply.at("/0/body/query_id"), one);
  EXPECT_EQ(reply.at("/1/body/pointer"), "/payload/value");
  EXPECT_EQ(reply.at("/4/body/status"), "duplicate") << "of an event of the same batch";
  EXPECT_EQ(reply.at("/7/body/status"), "revised");
  EXPECT_EQ(world.faults().groups().size(), groups + 1);
}

TEST(BatchFeedback, TakesAThousandEventsAndNotOneMore) {
  World world;
  const std::string id = world.route();
  Json events = Json::array();
  for (int i = 0; i < 1000; ++i) {
    events.push_back({{"query_id", id}, {"payload", {{"value", i % 2 ? "up" : "down"}}}});
  }
  const Reply full = world.post("/feedback/batch", {{"events", events}});
  EXPECT_EQ(full.status, 200);
  EXPECT_EQ(full.body.size(), 1000U);
  EXPECT_EQ(full.at("/999/body/status"), "revised");
  events.push_back(events[0]);
  const Reply over = world.post("/feedback/batch", {{"events", events}});
  EXPECT_EQ(over.status, 422);
  EXPECT_EQ(over.at("/pointer"), "/events");
  EXPECT_EQ(world.post("/feedback/batch", {{"events", Json::array()}}).text, "[]");
}

TEST(BatchFeedback, WithTheStoreAwayTheWholeBatchIsToBeTriedAgain) {
  World world;
  const std::string id = world.route();
  const Json body = {{"events", {{{"query_id", id}, {"payload", {{"value", "up"}}}}}}};
  world.faults().set(FaultStore::Fault::unavailable);
  const Reply away = world.post("/feedback/batch", body);
  EXPECT_EQ(away.status, 503);
  EXPECT_EQ(away.header("Retry-After"), "1");
  world.faults().set(FaultStore::Fault::none);
  EXPECT_EQ(world.post("/feedback/batch", body).at("/0/body/status"), "recorded");
}

TEST(FeedbackList, PagesFromTheNewestToTheOldestWithoutAGapOrARepeat) {
  World world;
  std::vector<std::string> expected;
  for (int i = 0; i < 7; ++i) {
    const std::string id =
        world.route({{"session_id", "s"}, {"router", i % 2 ? "drafts" : "default"}});
    world.thumb(id, "up");
    expected.insert(expected.begin(), id);
  }
  world.post("/feedback/session", {{"session_id", "s"}, {"payload", {{"value", "down"}}}});
  std::vector<std::string> seen;
  std::string cursor;
  int sessions = 0;
  do {
    const Reply page = world.get("/feedback?limit=2&cursor=" + cursor);
    ASSERT_EQ(page.status, 200) << page.text;
    EXPECT_LE(page.at("/feedback").size(), 2U);
    for (const Json& item : page.at("/feedback")) {
      if (item["query_id"].is_null()) {
        ++sessions;
        EXPECT_EQ(item["session_id"], "s");
        EXPECT_EQ(item["propagation_weight"], 0.5);
        continue;
      }
      seen.push_back(item["query_id"]);
      EXPECT_EQ(item["signal_type"], "thumbs");
      EXPECT_EQ(item["reward"], 1.0);
      EXPECT_EQ(item["confidence"], 1.0);
      EXPECT_EQ(item["payload"], (Json{{"value", "up"}}));
      EXPECT_TRUE(item["time"].is_string());
    }
    cursor = page.at("/next_cursor").is_null() ? "" : page.at("/next_cursor").get<std::string>();
  } while (!cursor.empty());
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(sessions, 2) << "one record a router";
}

TEST(FeedbackList, LosesNothingWhereRoutersCountTheirOwnPositions) {
  World world;
  std::vector<StoredRecord> recent;
  for (const LogPosition position : {9U, 7U, 7U, 7U, 7U, 7U, 4U, 4U, 1U}) {
    const std::string id = std::to_string(recent.size());
    const Feedback feedback{id, "thumbs", {1.0, 1.0}, R"({"value":"up"})"};
    recent.push_back({{"default", "r" + id}, position, {{}, {}, feedback}});
  }
  world.faults().set_recent(recent);
  for (const int limit : {1, 2, 3, 4, 20}) {
    std::vector<std::string> seen;
    std::string cursor;
    do {
      const Reply page =
          world.get("/feedback?limit=" + std::to_string(limit) + "&cursor=" + cursor);
      ASSERT_EQ(page.status, 200) << page.text;
      for (const Json& item : page.at("/feedback")) seen.push_back(item["query_id"]);
      cursor = page.at("/next_cursor").is_null() ? "" : page.at("/next_cursor").get<std::string>();
    } while (!cursor.empty());
    EXPECT_EQ(seen, (std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8"}))
        << limit;
  }
}

TEST(FeedbackList, RefusesBadParameters) {
  World world;
  EXPECT_EQ(world.get("/feedback").text, R"({"feedback":[],"next_cursor":null})");
  for (const char* query : {"limit=0", "limit=1001", "limit=x", "cursor=x", "cursor=f1-", "page=2",
                            "cursor=f1-0", "cursor=f1-zz"}) {
    EXPECT_EQ(world.get("/feedback?" + std::string(query)).status, 422) << query;
  }
}

}  // namespace
}  // namespace pointsman::testing_server
