// LOG.md, "Exactly once", case by case, through the services with a real writer and real stores.

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>

#include "tests/server/services/service_world.h"

namespace pointsman::testing_server {
namespace {

using namespace std::chrono_literals;

/// One request of a case, and what must come back.
struct Step {
  std::string target;
  Json body;
  int status = 200;
  std::string word = "";                ///< The answer's "status", where it is 200.
  std::string header_key = "";          ///< Idempotency-Key; empty: not sent.
  std::chrono::milliseconds before{0};  ///< Time that passes first.
  Json expected = Json::object();       ///< JSON pointers into the answer and their values.
};

struct Case {
  std::string name;
  std::vector<Step> steps;
};

Json thumb(const std::string& value, const std::string& key = "") {
  Json body = {{"query_id", "q1"}, {"payload", {{"value", value}}}};
  if (!key.empty()) body["idempotency_key"] = key;
  return body;
}

Json rating(double stars) {
  return {{"query_id", "q1"}, {"signal_type", "rating"}, {"payload", {{"rating", stars}}}};
}

Json session(const std::string& value, const std::string& key = "") {
  Json body = {{"session_id", "s1"}, {"payload", {{"value", value}}}};
  if (!key.empty()) body["idempotency_key"] = key;
  return body;
}

Json cost(double usd, const std::string& key = "") {
  Json body = {{"query_id", "q1"}, {"cost_usd", usd}};
  if (!key.empty()) body["idempotency_key"] = key;
  return body;
}

const Json kRoute = {{"query_id", "q9"}, {"features", {{"u", 0.25}}}};

std::vector<Case> cases() {
  const auto f = std::string("/feedback");
  const auto o = std::string("/outcome");
  const auto s = std::string("/feedback/session");
  constexpr auto kTtl = 24h * 30;
  return {
      {"TheSameKeyWithTheSameBodyIsADuplicate",
       {{f, thumb("up", "k"), 200, "recorded", "", 0ms, {{"/reward", 1.0}}},
        {f, thumb("up", "k"), 200, "duplicate", "", 0ms, {{"/reward", 1.0}}}}},
      {"TheSameKeyWithAnotherBodyIsAConflict",
       {{f, thumb("up", "k"), 200, "recorded"},
        {f, thumb("down", "k"), 409},
        {f, thumb("up", "k"), 200, "duplicate"}}},
      {"AHeaderKeyThatDiffersFromTheBodysIsRefused",
       {{f, thumb("up", "k"), 422, "", "other", 0ms, {{"/pointer", "/idempotency_key"}}},
        {f, thumb("up", "k"), 200, "recorded", "k"}}},
      {"AKeyMeansTheSameInTheHeaderAndInTheBody",
       {{f, thumb("up"), 200, "recorded", "k"},
        {f, thumb("up", "k"), 200, "duplicate"},
        {f, thumb("down"), 409, "", "k"}}},
      {"WithoutAKeyThePayloadThatIsCurrentIsADuplicate",
       {{f, thumb("up"), 200, "recorded"},
        {f, thumb("up"), 200, "duplicate"},
        {f,
         Json::parse(R"({"payload":{"value":"\u0075p"},"signal_type":"thumbs","query_id":"q1"})"),
         200, "duplicate"}}},
      {"UpDownUpIsTwoRevisions",
       {{f, thumb("up"), 200, "recorded", "", 0ms, {{"/observation/reward", 1.0}}},
        {f, thumb("down"), 200, "revised", "", 0ms, {{"/observation/reward", 0.0}}},
        {f, thumb("up"), 200, "revised", "", 0ms, {{"/observation/reward", 1.0}}},
        {f, thumb("up"), 200, "duplicate", "", 0ms, {{"/observation/reward", 1.0}}}}},
      {"AKeyedRepeatGetsTheFirstAnswerThoughTheSignalWasRevised",
       {{f, thumb("up", "k1"), 200, "recorded"},
        {f, thumb("down", "k2"), 200, "revised", "", 0ms, {{"/observation/reward", 0.0}}},
        {f,
         thumb("up", "k1"),
         200,
         "duplicate",
         "",
         0ms,
         {{"/reward", 1.0}, {"/observation/reward", 1.0}, {"/observation/weight", 1.0}}}}},
      {"TwoTypesStandSideBySide",
       {{f, thumb("up"), 200, "recorded"},
        {f, rating(3), 200, "recorded", "", 0ms, {{"/reward", 0.5}, {"/observation/reward", 0.75}}},
        {f, rating(3), 200, "duplicate"},
        {f, thumb("up"), 200, "duplicate"}}},
      {"LateFeedbackCountsUntilTheDecisionExpires",
       {{f, thumb("up"), 200, "recorded", "", kTtl},
        {f, thumb("down"), 404, "", "", 1ms},
        {f, rating(3), 404}}},
      {"AfterExpiryAKeyedRepeatIsStillADuplicate",
       {{f, thumb("up", "k"), 200, "recorded", "", kTtl},
        {f, thumb("up", "k"), 200, "duplicate", "", 24h},
        {f, thumb("down", "k"), 404}}},
      {"AMalformedPayloadLeavesTheDecisionOpen",
       {{f, thumb("sideways"), 422, "", "", 0ms, {{"/pointer", "/payload/value"}}},
        {f, thumb("sideways", "k"), 422},
        {f, thumb("up", "k"), 200, "recorded"}}},
      {"SchemaIsJudgedBeforeExistenceAndExistenceBeforeTheKey",
       {{f, {{"query_id", "nobody"}, {"payload", {{"value", 3}}}}, 422},
        {f, thumb("up", "k"), 200, "recorded"},
        {f,
         {{"query_id", "nobody"}, {"payload", {{"value", "up"}}}, {"idempotency_key", "k"}},
         404}}},
      {"AKeyIsOfOneRoute",
       {{f, thumb("up", "k"), 200, "recorded"},
        {o, cost(0.5, "k"), 200, "recorded"},
        {s, session("up", "k"), 200, "recorded"},
        {o, cost(0.5, "k"), 200, "duplicate"},
        {o, cost(0.6, "k"), 409}}},
      {"TheLastValueOfAnOutcomesFieldWins",
       {{o, cost(0.5), 200, "recorded"},
        {o, {{"query_id", "q1"}, {"latency_ms", 90}}, 200, "recorded"},
        {o, cost(0.5), 200, "duplicate"},
        {o, cost(0.7), 200, "revised"},
        {o, {{"query_id", "q1"}, {"cost_usd", 0.7}, {"latency_ms", 90}}, 200, "duplicate"}}},
      {"ARouteWithAKnownQueryIdIsAnsweredAsItWasThen",
       {{"/route", kRoute, 200},
        {"/route", kRoute, 200},
        {"/route", {{"query_id", "q9"}, {"features", {{"u", 0.75}}}}, 409}}},
      {"SessionFeedbackIsARepeatOrARevisionLikeAnyOther",
       {{s, session("up"), 200, "recorded", "", 0ms, {{"/propagated", 3}, {"/reward", 1.0}}},
        {s, session("up"), 200, "duplicate", "", 0ms, {{"/propagated", 3}}},
        {s, session("down"), 200, "revised", "", 0ms, {{"/reward", 0.0}}},
        {s, session("up", "k"), 200, "revised"},
        {s, session("up", "k"), 200, "duplicate"},
        {s, session("down"), 409, "", "k"}}},
  };
}

/// Fixture of one case on one store, with or without a restart before every step.
struct Setting {
  std::string name;
  bool sqlite = false;
  bool restarts = false;
};

void play(const Case& played, const Setting& setting) {
  SCOPED_TRACE(played.name + " on " + setting.name);
  ScratchFolder folder;
  World world({.url = setting.sqlite ? folder.sqlite() : "memory:"});
  world.route({{"query_id", "q1"}, {"session_id", "s1"}});
  world.route({{"query_id", "q2"}, {"session_id", "s1"}});
  world.route({{"query_id", "q3"}, {"session_id", "s1"}, {"router", "drafts"}});
  std::map<std::string, Json> first_answers;
  for (std::size_t i = 0; i < played.steps.size(); ++i) {
    const Step& step = played.steps[i];
    SCOPED_TRACE("step " + std::to_string(i));
    if (setting.restarts) world.restart();
    world.clock.advance(step.before);
    World::HeaderList headers;
    if (!step.header_key.empty()) headers.emplace_back("Idempotency-Key", step.header_key);
    const std::uint64_t before = world.position() + world.position("drafts");
    const Reply reply = world.post(step.target, step.body, headers);
    EXPECT_EQ(reply.status, step.status) << reply.text;
    const bool appended = world.position() + world.position("drafts") != before;
    if (!step.word.empty()) {
      EXPECT_EQ(reply.at("/status"), step.word) << reply.text;
      EXPECT_EQ(appended, step.word != "duplicate");
    }
    if (step.status != 200) {
      EXPECT_FALSE(appended) << reply.text;
    }
    for (const auto& [pointer, value] : step.expected.items()) {
      EXPECT_EQ(reply.at(pointer), value) << pointer << " of " << reply.text;
    }
    if (step.target == "/route" && step.status == 200) {
      const Json& first = first_answers.emplace("/route", reply.body).first->second;
      EXPECT_EQ(reply.body, first);
    }
  }
  EXPECT_EQ(world.report().checksum, world.fresh_checksum());
}

TEST(Idempotency, HoldsInEveryCaseInMemory) {
  for (const Case& played : cases()) play(played, {"memory"});
}

TEST(Idempotency, HoldsInEveryCaseOnSqlite) {
  for (const Case& played : cases()) play(played, {"sqlite", true});
}

TEST(Idempotency, HoldsInEveryCaseOnSqliteWithARestartBeforeEveryRequest) {
  for (const Case& played : cases()) play(played, {"sqlite, restarted", true, true});
}

/// What 16 threads get that all send the same at once.
std::vector<Reply> race(World& world, const std::function<World::Ask(int)>& ask) {
  std::vector<Reply> replies(16);
  std::vector<std::thread> threads;
  std::atomic<int> ready{0};
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      ++ready;
      while (ready < 16) std::this_thread::yield();
      replies[static_cast<std::size_t>(i)] = world.call(ask(i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  return replies;
}

std::map<std::string, int> tally(const std::vector<Reply>& replies) {
  std::map<std::string, int> counts;
  for (const Reply& reply : replies) {
    ++counts[reply.status == 200 ? reply.body.value("status", "") : std::to_string(reply.status)];
  }
  return counts;
}

using Tally = std::map<std::string, int>;

TEST(Idempotency, OfSixteenRacingDuplicatesOneIsRecorded) {
  ScratchFolder folder;
  for (const std::string& url : {std::string("memory:"), folder.sqlite()}) {
    SCOPED_TRACE(url.substr(0, 6));
    World world({.url = url});
    for (int round = 0; round < 8; ++round) {
      const std::string id = "q" + std::to_string(round);
      world.route({{"query_id", id}});
      for (const char* key : {"", "k"}) {
        Json body = {{"query_id", id}, {"payload", {{"value", *key == 0 ? "up" : "down"}}}};
        if (*key != 0) body["idempotency_key"] = id + key;
        const auto replies = race(world, [&](int) {
          return World::Ask{"POST", "/feedback", body.dump()};
        });
        EXPECT_EQ(tally(replies),
                  (Tally{{*key == 0 ? "recorded" : "revised", 1}, {"duplicate", 15}}));
        for (const Reply& reply : replies) {
          EXPECT_EQ(reply.at("/reward"), *key == 0 ? 1.0 : 0.0);
          EXPECT_EQ(reply.at("/observation"), replies[0].at("/observation"));
        }
      }
    }
    EXPECT_EQ(world.report().checksum, world.fresh_checksum());
  }
}

TEST(Idempotency, OfSixteenRacingBodiesUnderOneKeyOneIsRecorded) {
  World world;
  world.route({{"query_id", "q1"}});
  const auto replies = race(world, [&](int i) {
    const Json body = {{"query_id", "q1"},
                       {"signal_type", "rating"},
                       {"payload", {{"rating", 1.0 + i / 4.0}}},
                       {"idempotency_key", "k"}};
    return World::Ask{"POST", "/feedback", body.dump()};
  });
  EXPECT_EQ(tally(replies), (Tally{{"recorded", 1}, {"409", 15}}));
}

TEST(Idempotency, SixteenRacingRoutesWithOneQueryIdGetTheWinnersAnswer) {
  World world;
  const std::string body = kRoute.dump();
  const auto replies = race(world, [&](int) { return World::Ask{"POST", "/route", body}; });
  for (const Reply& reply : replies) {
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.text, replies[0].text);
  }
  EXPECT_EQ(world.report().decisions, 1U);
}

TEST(Idempotency, AKeyIsOfOneTenant) {
  World world(
      {.keys = {{"one", sha256("key-one"), "default"}, {"two", sha256("key-two"), "acme"}},
       .routers = {{"default", "default", small_config()}, {"acme", "default", small_config()}}});
  for (const char* key : {"key-one", "key-two"}) {
    const World::HeaderList auth = {{"X-API-Key", key}};
    EXPECT_EQ(world.post("/route", kRoute, auth).status, 200);
    Json body = thumb("up", "k");
    body["query_id"] = "q9";
    EXPECT_EQ(world.post("/feedback", body, auth).at("/status"), "recorded");
    EXPECT_EQ(world.post("/feedback", body, auth).at("/status"), "duplicate");
  }
}

}  // namespace
}  // namespace pointsman::testing_server
