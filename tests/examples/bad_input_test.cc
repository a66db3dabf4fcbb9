// What a caller gets wrong is refused over a real socket with the contract's status and a problem
// that points at the culprit, and changes nothing.

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/server_process.h"

namespace pointsman::testing {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kConfig = R"toml(
[server]
max_body_bytes = 4096
log_level = "warn"
[[routers]]
[routers.features]
text = true
text_model = false
embedding_dims = 3
fields = [{ name = "task", values = ["chat", "code"] }, { name = "tokens" }]
[[routers.arms]]
id = "small"
expected_cost_usd = 0.001
tags = ["vision"]
[[routers.arms]]
id = "large"
expected_cost_usd = 0.01
)toml";

/// One call and what its refusal must be.
struct Refusal {
  const char* why;
  std::string method = "POST";
  std::string target;
  std::string body;
  int status = 422;
  std::string pointer = {};  ///< Empty: the problem has none.
  Headers headers = {};
};

class BadInput : public ::testing::Test {
 protected:
  void SetUp() override {
    server_.emplace(kConfig);
    ASSERT_NO_FATAL_FAILURE(server_->start());
    client_.emplace(server_->client());
    must_be_fine("/route", R"({"query_id":"known","text":"hello"})");
    must_be_fine("/feedback",
                 R"({"query_id":"known","payload":{"value":"up"},"idempotency_key":"used"})");
    must_be_fine("/outcome",
                 R"({"query_id":"known","cost_usd":0.5,"idempotency_key":"used","latency_ms":9})");
  }

  void must_be_fine(const char* target, const char* body) {
    const auto answer =
        client_->ask({.method = "POST", .target = target, .body = body, .headers = {}});
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    ASSERT_EQ(answer->status, 200) << answer->body;
  }

  /// What must not change: where the log ends, what was learnt and what was counted.
  std::string state() {
    nlohmann::json stats = server_->get("/stats");
    stats.erase("writer");  // It counts refused requests, too.
    return stats.dump();
  }

  void expect_refused(const std::vector<Refusal>& table) {
    const std::string before = state();
    for (const Refusal& row : table) {
      SCOPED_TRACE(row.why);
      expect_refused(row);
      ASSERT_EQ(state(), before) << "the refused request changed something";
    }
  }

  void expect_refused(const Refusal& row) {
    const auto answer = client_->try_once({row.method, row.target, row.body, row.headers});
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(answer->status, row.status) << answer->body;
    EXPECT_EQ(answer->header("content-type"), "application/problem+json");
    const nlohmann::json problem = nlohmann::json::parse(answer->body, nullptr, false);
    ASSERT_TRUE(problem.is_object()) << answer->body;
    EXPECT_TRUE(problem.value("type", nlohmann::json()).is_string()) << answer->body;
    EXPECT_TRUE(problem.value("title", nlohmann::json()).is_string()) << answer->body;
    EXPECT_EQ(problem.value("status", 0), row.status) << answer->body;
    ASSERT_TRUE(problem.value("detail", nlohmann::json()).is_string()) << answer->body;
    EXPECT_NE(problem["detail"], "");
    EXPECT_EQ(problem.value("pointer", ""), row.pointer) << answer->body;
    EXPECT_EQ(answer->header("allow").has_value(), row.status == 405);
  }

  std::optional<ServerProcess> server_;
  std::optional<examples::HttpClient> client_;
};

Refusal route(const char* why, std::string body, std::string pointer, int status = 422) {
  return {.why = why,
          .target = "/route",
          .body = std::move(body),
          .status = status,
          .pointer = std::move(pointer)};
}
Refusal outcome(const char* why, std::string body, std::string pointer, int status = 422) {
  return {.why = why,
          .target = "/outcome",
          .body = std::move(body),
          .status = status,
          .pointer = std::move(pointer)};
}
Refusal feedback(const char* why, std::string body, std::string pointer, int status = 422) {
  return {.why = why,
          .target = "/feedback",
          .body = std::move(body),
          .status = status,
          .pointer = std::move(pointer)};
}
Refusal get(const char* why, std::string target, int status, std::string pointer = "") {
  return {.why = why,
          .method = "GET",
          .target = std::move(target),
          .body = "",
          .status = status,
          .pointer = std::move(pointer)};
}

TEST_F(BadInput, OfRouteIsRefusedAndChangesNothing) {
  expect_refused({
      route("no body", "", "", 400),
      route("not JSON", "{", "", 400),
      route("a bare NaN", R"({"text":"a","features":{"tokens":NaN}})", "", 400),
      route("a bare Infinity", R"({"text":"a","features":{"tokens":Infinity}})", "", 400),
      route("bytes after the end", R"({"text":"a"}{})", "", 400),
      route("a trailing comma", R"({"text":"a",})", "", 400),
      route("no UTF-8", "{\"text\":\"\xff\"}", "", 400),
      route("1e999", R"({"text":"a","features":{"tokens":1e999}})", "/features/tokens"),
      route("an array", "[]", "/"),
      route("nothing to go by", "{}", "/text"),
      route("an empty text", R"({"text":""})", "/text"),
      route("a text that is a number", R"({"text":7})", "/text"),
      route("an unknown field", R"({"text":"a","colour":"red"})", "/colour"),
      route("a field twice", R"({"text":"a","text":"b"})", "/text"),
      route("an unknown feature", R"({"text":"a","features":{"size":1}})", "/features/size"),
      route("a category as number", R"({"features":{"task":1}})", "/features/task"),
      route("a number as word", R"({"features":{"tokens":"many"}})", "/features/tokens"),
      route("a nested feature", R"({"features":{"tokens":{}}})", "/features/tokens"),
      route("a short embedding", R"({"embedding":[1,2]})", "/embedding"),
      route("a word in the embedding", R"({"embedding":[1,"x",2]})", "/embedding/1"),
      route("an unknown arm", R"({"text":"a","arms":["small","huge"]})", "/arms/1"),
      route("an arm twice", R"({"text":"a","arms":["small","small"]})", "/arms/1"),
      route("no arm", R"({"text":"a","arms":[]})", "/arms"),
      route("a negative limit", R"({"text":"a","constraints":{"max_cost_usd":-1}})",
            "/constraints/max_cost_usd"),
      route("an unknown limit", R"({"text":"a","constraints":{"max_fun":1}})",
            "/constraints/max_fun"),
      route("an unknown preference", R"({"text":"a","preference":"luck"})", "/preference"),
      route("dry_run as word", R"({"text":"a","dry_run":"yes"})", "/dry_run"),
      route("a control character in an id", R"({"text":"a","query_id":"a\u0001"})", "/query_id"),
      route("an id that is too long",
            R"({"text":"a","session_id":")" + std::string(201, 's') + "\"}", "/session_id"),
      route("an unknown router", R"({"text":"a","router":"other"})", "/router", 404),
      route("the same query_id with another body", R"({"query_id":"known","text":"bye"})", "", 409),
  });
}

TEST_F(BadInput, LimitsThatLeaveNoArmAreNamedAndNothingIsRecorded) {
  const std::string before = state();
  const auto answer =
      client_->try_once({.method = "POST",
                         .target = "/route",
                         .body = R"({"text":"a","constraints":{"max_cost_usd":0.0000001}})"});
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->status, 422) << answer->body;
  EXPECT_NE(answer->body.find("/constraints"), std::string::npos) << answer->body;
  EXPECT_EQ(state(), before);
}

TEST_F(BadInput, OfOutcomeIsRefusedAndChangesNothing) {
  expect_refused({
      outcome("not JSON", R"({"query_id":)", "", 400),
      outcome("a bare NaN", R"({"query_id":"known","cost_usd":NaN})", "", 400),
      outcome("1e999", R"({"query_id":"known","cost_usd":1e999})", "/cost_usd"),
      outcome("a negative cost", R"({"query_id":"known","cost_usd":-0.01})", "/cost_usd"),
      outcome("a cost as word", R"({"query_id":"known","cost_usd":"free"})", "/cost_usd"),
      outcome("a negative latency", R"({"query_id":"known","latency_ms":-1})", "/latency_ms"),
      outcome("half a token", R"({"query_id":"known","input_tokens":1.5})", "/input_tokens"),
      outcome("negative tokens", R"({"query_id":"known","output_tokens":-2})", "/output_tokens"),
      outcome("an empty error", R"({"query_id":"known","error":""})", "/error"),
      outcome("nothing told", R"({"query_id":"known"})", "/"),
      outcome("no query_id", R"({"cost_usd":1})", "/query_id"),
      outcome("an unknown field", R"({"query_id":"known","cost_usd":1,"cost":1})", "/cost"),
      outcome("a field twice", R"({"query_id":"known","cost_usd":1,"cost_usd":2})", "/cost_usd"),
      outcome("an unknown decision", R"({"query_id":"unknown","cost_usd":1})", "/query_id", 404),
      outcome("the same key with another body",
              R"({"query_id":"known","cost_usd":0.6,"idempotency_key":"used"})", "", 409),
      {.why = "two keys that differ",
       .target = "/outcome",
       .body = R"({"query_id":"known","cost_usd":1,"idempotency_key":"a"})",
       .pointer = "/idempotency_key",
       .headers = {{"Idempotency-Key", "b"}}},
  });
}

TEST_F(BadInput, OfFeedbackIsRefusedAndChangesNothing) {
  const auto signal = [](const char* type, const char* payload) {
    return std::string(R"({"query_id":"known","signal_type":")") + type + R"(","payload":)" +
           payload + "}";
  };
  expect_refused({
      feedback("not JSON", "up", "", 400),
      feedback("a bare NaN", signal("quality_score", R"({"score":NaN})"), "", 400),
      feedback("1e999", signal("quality_score", R"({"score":1e999})"), "/payload/score"),
      feedback("an unknown signal", signal("applause", R"({"value":"up"})"), "/signal_type"),
      feedback("no payload", R"({"query_id":"known"})", "/payload"),
      feedback("a payload that is no object", signal("thumbs", R"("up")"), "/payload"),
      feedback("neither up nor down", signal("thumbs", R"({"value":"side"})"), "/payload/value"),
      feedback("thumbs as bool", signal("thumbs", R"({"value":true})"), "/payload/value"),
      feedback("an unknown payload field", signal("thumbs", R"({"value":"up","x":1})"),
               "/payload/x"),
      feedback("a rating above its scale", signal("rating", R"({"rating":6})"), "/payload/rating"),
      feedback("a scale upside down", signal("rating", R"({"rating":1,"min":5,"max":1})"),
               "/payload/max"),
      feedback("success as word", signal("task_success", R"({"success":"yes"})"),
               "/payload/success"),
      feedback("a score above 1", signal("quality_score", R"({"score":1.01})"), "/payload/score"),
      feedback("negative seconds", signal("completion_time", R"({"seconds":-1})"),
               "/payload/seconds"),
      feedback("an unknown action", signal("action", R"({"action":"shrug"})"), "/payload/action"),
      feedback("no draft", signal("edit", R"({"final":"text"})"), "/payload/draft"),
      feedback("no query_id", R"({"payload":{"value":"up"}})", "/query_id"),
      feedback("an unknown field", R"({"query_id":"known","payload":{"value":"up"},"user":1})",
               "/user"),
      feedback("an unknown decision", R"({"query_id":"unknown","payload":{"value":"up"}})",
               "/query_id", 404),
      feedback("a bad payload for an unknown decision: schema goes first",
               R"({"query_id":"unknown","payload":{"value":"side"}})", "/payload/value"),
      feedback("the same key with another body",
               R"({"query_id":"known","payload":{"value":"down"},"idempotency_key":"used"})", "",
               409),
  });
  // Refusals close nothing: the decision still takes feedback.
  must_be_fine("/feedback", R"({"query_id":"known","payload":{"value":"down"}})");
}

TEST_F(BadInput, OfTheReadingRoutesIsRefusedAndChangesNothing) {
  expect_refused({
      get("an unknown decision", "/queries/unknown", 404, "/query_id"),
      get("a log of an unknown router", "/log?router=other", 404, "?router"),
      get("a position that is no number", "/log?after=x", 422, "?after"),
      get("a negative position", "/log?after=-1", 422, "?after"),
      get("a limit above the bound", "/log?limit=10001", 422, "?limit"),
      get("an unknown parameter", "/log?colour=red", 422, "?colour"),
      get("a wait without end", "/log?wait_s=1e9", 422, "?wait_s"),
      get("an unknown path", "/nothing/here", 404),
  });
}

TEST_F(BadInput, OfTheTransportIsRefusedOnEveryRouteAndChangesNothing) {
  const std::string text = R"({"text":"a"})";
  const std::string thumbs = R"({"query_id":"known","payload":{"value":"down"}})";
  const std::string cost = R"({"query_id":"known","cost_usd":1})";
  std::vector<Refusal> table;
  for (const auto& [target, body] :
       {std::pair(std::string("/route"), text), std::pair(std::string("/feedback"), thumbs),
        std::pair(std::string("/outcome"), cost)}) {
    table.push_back({"PUT", "PUT", target, body, 405, "", {}});
    table.push_back({"DELETE", "DELETE", target, "", 405, "", {}});
    table.push_back({"no content type", "POST", target, body, 415, "", {{"Content-Type", ""}}});
    table.push_back({"a form", "POST", target, body, 415, "", {{"Content-Type", "text/plain"}}});
    table.push_back({"a foreign host", "POST", target, body, 403, "", {{"Host", "evil.example"}}});
    table.push_back({"a body above the bound",
                     "POST",
                     target,
                     R"({"text":")" + std::string(8192, 'a') + "\"}",
                     413,
                     "",
                     {}});
  }
  for (const std::string target : {"/log", "/queries/known", "/stats"}) {
    table.push_back({"POST", "POST", target, "{}", 405, "", {}});
    table.push_back({"a foreign host", "GET", target, "", 403, "", {{"Host", "evil.example"}}});
  }
  expect_refused(table);
}

}  // namespace
}  // namespace pointsman::testing
