#include "adapters/api/route_answer.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

namespace pointsman {
namespace {

Decision decision() {
  Decision out;
  out.query_id = "q-1";
  out.arms = {{"a", 0.1, 1.0 / 3.0, 0.05, 0.002, std::nullopt, -1e-9, ""},
              {"b", 0.9, 0.5, 0.25, std::nullopt, 1500.0, 0.25, ""},
              {"c", 0.0, 0.5, 0.25, 1.0, 10.0, 0.25, "max_cost_usd"}};
  out.chosen = 1;
  out.reason = Reason::only_eligible;
  out.fallbacks = {"a"};
  out.model = "vendor/b-large";
  out.expires_at = Timestamp{std::chrono::milliseconds{1795255323004}};
  return out;
}

std::string answer(const Decision& d) {
  std::string out = "kept:";
  append_route_answer({.router = "default", .decision = d}, out);
  return out.substr(5);
}

TEST(RouteAnswer, TheFieldsStandInTheOrderOfTheContract) {
  EXPECT_EQ(answer(decision()),
            R"({"query_id":"q-1","router":"default","arm":"b","model":"vendor/b-large",)"
            R"("propensity":0.9,"reason":"only_eligible","fallbacks":["a"],)"
            R"("expires_at":"2026-11-21T10:02:03.004Z","stored":true,"arms":[)"
            R"({"arm":"a","propensity":0.1,"expected_reward":0.3333333333333333,)"
            R"("uncertainty":0.05,"expected_cost_usd":0.002,"expected_latency_ms":null,)"
            R"("utility":-1e-09},)"
            R"({"arm":"b","propensity":0.9,"expected_reward":0.5,"uncertainty":0.25,)"
            R"("expected_cost_usd":null,"expected_latency_ms":1500,"utility":0.25},)"
            R"({"arm":"c","propensity":0,"expected_reward":0.5,"uncertainty":0.25,)"
            R"("expected_cost_usd":1,"expected_latency_ms":10,"utility":0.25,)"
            R"("excluded":"max_cost_usd"}]})");
}

TEST(RouteAnswer, EveryStringIsEscapedAndBrokenUtf8IsReplaced) {
  Decision d = decision();
  d.query_id = std::string("a\"\\\b\f\n\r\t\x01\x1F\x7F\0/é😀", 19);
  d.model = "x\xFFy\xC0\xAFz\xED\xA0\x80\xE2\x82";
  const nlohmann::json json = nlohmann::json::parse(answer(d));
  EXPECT_EQ(json["query_id"], d.query_id);
  EXPECT_EQ(json["model"], "x\uFFFDy\uFFFD\uFFFDz\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST(RouteAnswer, NumbersReadBackAsTheSameBitsAndNoneIsNotANumber) {
  Decision d = decision();
  d.arms[0].utility = 0.1 + 0.2;
  d.arms[1].utility = std::numeric_limits<double>::quiet_NaN();
  d.arms[2].utility = std::numeric_limits<double>::denorm_min();
  const nlohmann::json json = nlohmann::json::parse(answer(d));
  EXPECT_EQ(json["arms"][0]["utility"].get<double>(), 0.1 + 0.2);
  EXPECT_TRUE(json["arms"][1]["utility"].is_null());
  EXPECT_EQ(json["arms"][2]["utility"].get<double>(), std::numeric_limits<double>::denorm_min());
}

TEST(RouteAnswer, ADryRunIsNotStoredAndMayHaveNoId) {
  Decision d = decision();
  d.query_id.clear();
  std::string out;
  append_route_answer({.router = "default", .decision = d, .stored = false}, out);
  const nlohmann::json json = nlohmann::json::parse(out);
  EXPECT_TRUE(json["query_id"].is_null());
  EXPECT_FALSE(json["stored"].get<bool>());
}

TEST(RouteAnswer, EveryReasonHasAWordThatReadsBack) {
  for (int i = 0; i < 7; ++i) {
    const auto reason = static_cast<Reason>(i);
    EXPECT_EQ(reason_from_name(reason_name(reason)), reason);
  }
  EXPECT_FALSE(reason_from_name("whim").has_value());
}

}  // namespace
}  // namespace pointsman
