#include "adapters/rewards/custom_signal.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace pointsman {
namespace {

using nlohmann::json;

std::unique_ptr<RewardAdapter> made(CustomSignal signal) {
  auto adapter = make_custom_adapter(std::move(signal));
  EXPECT_TRUE(adapter.ok());
  return std::move(adapter).value();
}

CustomSignal linear(LinearMap map) {
  return {.name = "nps", .pointer = "/survey/0/score", .map = map, .confidence = 0.6};
}

CustomSignal table(std::optional<double> otherwise) {
  return {.name = "state",
          .pointer = "/state",
          .map = TableMap{{{"won", 1.0}, {"open", 0.4}, {"true", 0.9}, {"3", 0.3}}, otherwise},
          .confidence = 1.0};
}

TEST(CustomSignal, ALineMapsItsEndsToZeroAndOne) {
  const auto adapter = made(linear({.from_min = -100, .from_max = 100}));
  const auto at = [&](double score) {
    return adapter->interpret({{"survey", {{{"score", score}}}}, {"anything", "else"}});
  };
  EXPECT_EQ(*at(-100), (Reward{0.0, 0.6}));
  EXPECT_EQ(*at(50), (Reward{0.75, 0.6}));
  EXPECT_EQ(*at(100), (Reward{1.0, 0.6}));
}

TEST(CustomSignal, ALineMayFallWhereLessIsBetter) {
  const auto adapter = made(linear({.from_min = 10, .from_max = 0}));
  EXPECT_EQ(adapter->interpret({{"survey", {{{"score", 2}}}}})->value, 0.8);
}

TEST(CustomSignal, ANumberOutsideTheLineIsRefusedRatherThanClamped) {
  const auto adapter = made(linear({.from_min = 0, .from_max = 10}));
  for (const char* payload :
       {R"({"survey":[{"score":10.5}]})", R"({"survey":[{"score":-1}]})",
        R"({"survey":[{"score":"7"}]})", R"({"survey":[{"score":null}]})", R"({"survey":[]})",
        R"({"survey":{"x":1}})", R"({"survey":7})", R"({})", R"([])", R"(null)"}) {
    const Result<Reward> reward = adapter->interpret(json::parse(payload));
    ASSERT_FALSE(reward.ok()) << payload;
    EXPECT_EQ(reward.error().field, "/payload/survey/0/score") << payload;
  }
}

TEST(CustomSignal, ATableTakesStringsBooleansAndNumbersInAnySpelling) {
  const auto adapter = made(table(std::nullopt));
  EXPECT_EQ(adapter->interpret({{"state", "won"}})->value, 1.0);
  EXPECT_EQ(adapter->interpret({{"state", true}})->value, 0.9);
  EXPECT_EQ(adapter->interpret({{"state", 3}})->value, 0.3);
  EXPECT_EQ(adapter->interpret({{"state", 3.0}})->value, 0.3);
}

TEST(CustomSignal, AValueThatIsNotInTheTableNeedsADeclaredDefault) {
  EXPECT_EQ(made(table(std::nullopt))->interpret({{"state", "lost"}}).error().field,
            "/payload/state");
  EXPECT_EQ(made(table(0.2))->interpret({{"state", "lost"}})->value, 0.2);
  EXPECT_FALSE(made(table(0.2))->interpret({{"other", "lost"}}).ok());
  EXPECT_FALSE(made(table(0.2))->interpret({{"state", json::array()}}).ok());
}

TEST(CustomSignal, AFaultyDeclarationNamesItsOption) {
  const auto field = [](CustomSignal signal) {
    const auto adapter = make_custom_adapter(std::move(signal));
    return adapter.ok() ? std::string("none") : adapter.error().field;
  };
  CustomSignal signal = linear({.from_min = 0, .from_max = 1});
  signal.name = "";
  EXPECT_EQ(field(signal), "name");
  signal = linear({.from_min = 1, .from_max = 1});
  EXPECT_EQ(field(signal), "from_max");
  signal = linear({.from_min = std::numeric_limits<double>::quiet_NaN(), .from_max = 1});
  EXPECT_EQ(field(signal), "from_min");
  signal = linear({});
  signal.pointer = "score";
  EXPECT_EQ(field(signal), "pointer");
  signal = linear({});
  signal.confidence = 1.5;
  EXPECT_EQ(field(signal), "confidence");
  signal.confidence = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(field(signal), "confidence");
  signal = table(2.0);
  EXPECT_EQ(field(signal), "default");
  signal.map = TableMap{{{"won", -1.0}}, std::nullopt};
  EXPECT_EQ(field(signal), "table");
  signal.map = TableMap{};
  EXPECT_EQ(field(signal), "table");
  EXPECT_EQ(field(linear({})), "none");
}

}  // namespace
}  // namespace pointsman
