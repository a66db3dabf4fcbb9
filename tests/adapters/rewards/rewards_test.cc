#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "adapters/json/json_body.h"
#include "adapters/rewards/reward_adapters.h"

namespace pointsman {
namespace {

using nlohmann::json;

struct RewardRow {
  const char* signal;
  const char* payload;
  double value;
  double confidence;
};

const RewardRow kRewards[] = {
    {"thumbs", R"({"value":"up"})", 1, 1},
    {"thumbs", R"({"value":"UP"})", 1, 1},
    {"thumbs", R"({"value":"Down"})", 0, 1},
    {"rating", R"({"rating":1})", 0, 1},
    {"rating", R"({"rating":4})", .75, 1},
    {"rating", R"({"rating":5})", 1, 1},
    {"rating", R"({"rating":4.0e0})", .75, 1},
    {"rating", R"({"rating":7,"min":0,"max":10})", .7, 1},
    {"rating", R"({"rating":-1,"min":-2})", 1.0 / 7.0, 1},
    {"rating", R"({"rating":0,"min":-1.7e308,"max":1.7e308})", .5, 1},
    {"task_success", R"({"success":true})", 1, 1},
    {"task_success", R"({"success":false})", 0, 1},
    {"regeneration", R"({"regenerated":true})", 0, .8},
    {"regeneration", R"({"regenerated":true,"accepted_after":false})", 0, .8},
    {"regeneration", R"({"regenerated":true,"accepted_after":true})", .3, .8},
    {"regeneration", R"({"regenerated":false})", 1, .8},
    {"quality_score", R"({"score":0})", 0, 1},
    {"quality_score", R"({"score":0.37})", .37, 1},
    {"quality_score", R"({"score":1})", 1, 1},
    {"completion_time", R"({"seconds":0})", 1, .5},
    {"completion_time", R"({"seconds":75})", .75, .5},
    {"completion_time", R"({"seconds":301})", 0, .5},
    {"completion_time", R"({"seconds":30,"target_seconds":60})", .5, .5},
    {"suggestion", R"({"feedback":"helpful"})", 1, 1},
    {"suggestion", R"({"feedback":"not_helpful"})", .2, 1},
    {"suggestion", R"({"feedback":"irrelevant"})", 0, 1},
    {"edit", R"({"draft":"Your refund takes 14 days.","final":"Your refund takes 30 days."})", .425,
     .9},
    {"edit", R"({"draft":"Thank you.","final":"Thank you."})", 1, .9},
    {"edit", R"({"draft":"","final":"Thank you."})", 0, 0},
    {"action", R"({"action":"approve"})", 1, .9},
    {"action", R"({"action":"approve","recommended_action":"reject"})", 1, .9},
    {"action", R"({"action":"approve","read_seconds":9.9,"words":40})", 1, .5},
    {"action", R"({"action":"approve","read_seconds":10,"words":40})", 1, .9},
    {"action", R"({"action":"approve","read_seconds":0,"words":0})", 1, .9},
    {"action",
     R"({"action":"edit","draft":"Your refund takes 14 days.","final":"Your refund takes 30 days."})",
     .425, .9},
    {"action", R"({"action":"escalate","recommended_action":"approve"})", .3, .4},
    {"action", R"({"action":"escalate","recommended_action":"escalate"})", 0, 0},
    {"action", R"({"action":"reject","reason_code":"wrong"})", 0, 1},
    {"action", R"({"action":"reject","reason_code":"unsafe"})", 0, 1},
    {"action", R"({"action":"reject","reason_code":"tone"})", 0, 1},
    {"action", R"({"action":"reject","reason_code":"no_reply_needed"})", 0, 0},
    {"action", R"({"action":"reject","reason_code":"duplicate"})", 0, 0},
    {"action", R"({"action":"reject","reason_code":"superseded"})", 0, 0},
};

TEST(BuiltinRewards, EveryRowOfTheTableHasItsRewardAndConfidence) {
  const RewardAdapters adapters = RewardAdapters::builtin();
  for (const RewardRow& row : kRewards) {
    SCOPED_TRACE(std::string(row.signal) + " " + row.payload);
    const Result<Reward> reward = adapters.interpret(row.signal, json::parse(row.payload));
    ASSERT_TRUE(reward.ok()) << reward.error().message;
    EXPECT_NEAR(reward->value, row.value, 1e-12);
    EXPECT_DOUBLE_EQ(reward->confidence, row.confidence);
  }
}

struct FaultRow {
  const char* signal;
  const char* payload;
  const char* field;
};

const FaultRow kFaults[] = {
    {"thumbs", R"({})", "/payload/value"},
    {"thumbs", R"({"value":"sideways"})", "/payload/value"},
    {"thumbs", R"({"value":""})", "/payload/value"},
    {"thumbs", R"({"value":true})", "/payload/value"},
    {"thumbs", R"({"value":1})", "/payload/value"},
    {"thumbs", R"({"value":null})", "/payload/value"},
    {"thumbs", R"({"value":"up","more":1})", "/payload/more"},
    {"thumbs", R"({"value":"up","a/b~":1})", "/payload/a~1b~0"},
    {"thumbs", R"("up")", "/payload"},
    {"thumbs", R"([])", "/payload"},
    {"thumbs", R"(null)", "/payload"},
    {"rating", R"({})", "/payload/rating"},
    {"rating", R"({"rating":"4"})", "/payload/rating"},
    {"rating", R"({"rating":true})", "/payload/rating"},
    {"rating", R"({"rating":null})", "/payload/rating"},
    {"rating", R"({"rating":0})", "/payload/rating"},
    {"rating", R"({"rating":5.01})", "/payload/rating"},
    {"rating", R"({"rating":3,"min":3,"max":3})", "/payload/max"},
    {"rating", R"({"rating":3,"min":9})", "/payload/max"},
    {"rating", R"({"rating":3,"min":"1"})", "/payload/min"},
    {"rating", R"({"rating":3,"max":null})", "/payload/max"},
    {"rating", R"({"rating":3,"scale":5})", "/payload/scale"},
    {"task_success", R"({})", "/payload/success"},
    {"task_success", R"({"success":1})", "/payload/success"},
    {"task_success", R"({"success":"true"})", "/payload/success"},
    {"regeneration", R"({})", "/payload/regenerated"},
    {"regeneration", R"({"regenerated":"yes"})", "/payload/regenerated"},
    {"regeneration", R"({"regenerated":true,"accepted_after":0})", "/payload/accepted_after"},
    {"quality_score", R"({})", "/payload/score"},
    {"quality_score", R"({"score":-0.01})", "/payload/score"},
    {"quality_score", R"({"score":1.01})", "/payload/score"},
    {"quality_score", R"({"score":"high"})", "/payload/score"},
    {"completion_time", R"({})", "/payload/seconds"},
    {"completion_time", R"({"seconds":-1})", "/payload/seconds"},
    {"completion_time", R"({"seconds":1,"target_seconds":0})", "/payload/target_seconds"},
    {"completion_time", R"({"seconds":1,"target_seconds":-5})", "/payload/target_seconds"},
    {"suggestion", R"({})", "/payload/feedback"},
    {"suggestion", R"({"feedback":"Helpful"})", "/payload/feedback"},
    {"suggestion", R"({"feedback":1})", "/payload/feedback"},
    {"edit", R"({})", "/payload/draft"},
    {"edit", R"({"draft":"x"})", "/payload/final"},
    {"edit", R"({"draft":1,"final":"x"})", "/payload/draft"},
    {"edit", R"({"draft":"x","final":null})", "/payload/final"},
    {"action", R"({})", "/payload/action"},
    {"action", R"({"action":"ignore"})", "/payload/action"},
    {"action", R"({"action":7})", "/payload/action"},
    {"action", R"({"action":"edit"})", "/payload/draft"},
    {"action", R"({"action":"edit","draft":"x"})", "/payload/final"},
    {"action", R"({"action":"approve","draft":"x"})", "/payload/draft"},
    {"action", R"({"action":"approve","read_seconds":3})", "/payload/words"},
    {"action", R"({"action":"approve","words":3})", "/payload/read_seconds"},
    {"action", R"({"action":"approve","read_seconds":-3,"words":3})", "/payload/read_seconds"},
    {"action", R"({"action":"approve","read_seconds":3,"words":-3})", "/payload/words"},
    {"action", R"({"action":"approve","read_seconds":3,"words":2.5})", "/payload/words"},
    {"action", R"({"action":"reject"})", "/payload/reason_code"},
    {"action", R"({"action":"reject","reason_code":"bored"})", "/payload/reason_code"},
    {"action", R"({"action":"escalate"})", "/payload/recommended_action"},
    {"action", R"({"action":"escalate","recommended_action":"x"})", "/payload/recommended_action"},
    {"surprise", R"({})", "/signal_type"},
    {"outcome_error", R"({})", "/signal_type"},
};

TEST(BuiltinRewards, EveryFaultNamesItsFieldAndNoneBecomesADefault) {
  const RewardAdapters adapters = RewardAdapters::builtin();
  for (const FaultRow& row : kFaults) {
    SCOPED_TRACE(std::string(row.signal) + " " + row.payload);
    const Result<Reward> reward = adapters.interpret(row.signal, json::parse(row.payload));
    ASSERT_FALSE(reward.ok());
    EXPECT_EQ(reward.error().code, ErrorCode::invalid);
    EXPECT_EQ(reward.error().field, row.field);
    EXPECT_FALSE(reward.error().message.empty());
  }
}

TEST(BuiltinRewards, NumbersThatAreNotFiniteAreRefused) {
  const RewardAdapters adapters = RewardAdapters::builtin();
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    EXPECT_EQ(adapters.interpret("rating", {{"rating", bad}}).error().field, "/payload/rating");
    EXPECT_EQ(adapters.interpret("rating", {{"rating", 2}, {"max", bad}}).error().field,
              "/payload/max");
    EXPECT_EQ(adapters.interpret("quality_score", {{"score", bad}}).error().field,
              "/payload/score");
    EXPECT_EQ(adapters.interpret("completion_time", {{"seconds", bad}}).error().field,
              "/payload/seconds");
  }
}

class Constant final : public RewardAdapter {
 public:
  Result<Reward> interpret(const json&) const override { return Reward{0.5, 0.5}; }
  std::string_view describe() const override { return "Always the same."; }
};

TEST(RewardAdapters, ANameIsTakenOnceAndOutcomeErrorBelongsToOutcomes) {
  RewardAdapters adapters = RewardAdapters::builtin();
  EXPECT_EQ(adapters.add("thumbs", std::make_unique<Constant>()).error().code, ErrorCode::conflict);
  EXPECT_EQ(adapters.add("outcome_error", std::make_unique<Constant>()).error().code,
            ErrorCode::invalid);
  EXPECT_EQ(adapters.add("", std::make_unique<Constant>()).error().code, ErrorCode::invalid);
  EXPECT_TRUE(adapters.add("mine", std::make_unique<Constant>()).ok());
  EXPECT_NE(adapters.find("mine"), nullptr);
  EXPECT_EQ(RewardAdapters::builtin().find("mine"), nullptr);
}

TEST(RewardAdapters, TheCatalogueDescribesEverySignalOfTheContractInOneSentence) {
  const RewardAdapters adapters = RewardAdapters::builtin();
  std::vector<std::string> names;
  for (const RewardAdapters::Entry& entry : adapters.catalogue()) {
    names.emplace_back(entry.name);
    EXPECT_TRUE(entry.description.ends_with('.')) << entry.name;
  }
  const std::vector<std::string> wanted{"action",        "completion_time", "edit",
                                        "quality_score", "rating",          "regeneration",
                                        "suggestion",    "task_success",    "thumbs"};
  EXPECT_EQ(names, wanted);
}

TEST(RewardAdapters, ACopyOutlivesTheRegistryItCameFrom) {
  RewardAdapters copy;
  {
    const RewardAdapters adapters = RewardAdapters::builtin();
    copy = adapters;
  }
  EXPECT_EQ(copy.interpret("task_success", {{"success", true}})->value, 1.0);
}

}  // namespace
}  // namespace pointsman
