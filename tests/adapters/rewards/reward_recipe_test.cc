// The recipe of adapters/rewards/reward_adapter.h, as a reader would follow it.
#include <gtest/gtest.h>

#include <memory>

#include "adapters/json/json_body.h"
#include "adapters/rewards/reward_adapters.h"

namespace pointsman {
namespace {

class Conversion final : public RewardAdapter {
 public:
  Result<Reward> interpret(const nlohmann::json& payload) const override {
    ObjectReader reader(payload, {"/payload"});
    const bool converted = reader.require_bool("converted");
    if (Status ok = reader.finish(); !ok) return ok.error();
    return Reward{converted ? 1.0 : 0.3, 1.0};
  }
  std::string_view describe() const override {
    return "{\"converted\":true|false} is 1 or .3 at confidence 1.";
  }
};

TEST(RewardRecipe, ASignalOfYourOwnStandsBesideTheBuiltinOnes) {
  RewardAdapters adapters = RewardAdapters::builtin();
  ASSERT_TRUE(adapters.add("conversion", std::make_unique<Conversion>()).ok());

  EXPECT_EQ(*adapters.interpret("conversion", {{"converted", true}}), (Reward{1.0, 1.0}));
  EXPECT_EQ(*adapters.interpret("conversion", {{"converted", false}}), (Reward{0.3, 1.0}));
  EXPECT_EQ(adapters.interpret("conversion", {{"converted", 1}}).error().field,
            "/payload/converted");
  EXPECT_EQ(adapters.interpret("conversion", nlohmann::json::object()).error().field,
            "/payload/converted");
  EXPECT_EQ(*adapters.interpret("thumbs", {{"value", "up"}}), (Reward{1.0, 1.0}));
}

}  // namespace
}  // namespace pointsman
