// Routers::snapshot() keeps what a thread read last; that must never be another Routers' snapshot.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/log/append_requests.h"
#include "engine/routers/routers.h"
#include "stores/open_store.h"

namespace pointsman {
namespace {

const Scope kScope{"default", "default"};

std::unique_ptr<Routers> routers_with_arm(Store& store, const std::string& arm) {
  Routers::Options options;
  options.record_ids = [] { return RecordId{}; };
  auto opened = Routers::open(store, options);
  EXPECT_TRUE(opened);
  RouterConfig config;
  config.source_hash = arm;
  config.features.text_counters = false;
  config.features.fields = {{"u", {}}};
  config.arms.push_back(ArmSpec{.id = arm, .model = arm});
  std::vector<AppendRequest> group;
  group.push_back(append_config(kScope, RecordStamp{}, std::move(config)));
  EXPECT_TRUE((*opened)->commit(std::move(group)));
  return std::move(*opened);
}

std::string arm_seen(const Routers& routers) {
  const auto snapshot = routers.snapshot(kScope);
  return snapshot && !snapshot->arms.empty() ? snapshot->arms.front()->spec.id : "none";
}

std::unique_ptr<Store> memory() {
  auto opened = open_store({});
  EXPECT_TRUE(opened);
  return std::move(*opened);
}

TEST(RoutersSnapshot, IsOfTheRoutersThatIsAskedThoughOneThreadAsksSeveral) {
  const auto first_store = memory();
  const auto second_store = memory();
  const auto first = routers_with_arm(*first_store, "a");
  const auto second = routers_with_arm(*second_store, "b");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(arm_seen(*first), "a");
    EXPECT_EQ(arm_seen(*second), "b");
  }
}

TEST(RoutersSnapshot, IsNeverThatOfRoutersThatStoodAtTheSameAddress) {
  for (int i = 0; i < 20; ++i) {
    const std::string arm = "arm-" + std::to_string(i);
    const auto store = memory();
    const auto routers = routers_with_arm(*store, arm);
    EXPECT_EQ(arm_seen(*routers), arm);
  }
}

TEST(RoutersSnapshot, ShowsARouterThatCameAfterTheThreadFirstAsked) {
  const auto store = memory();
  Routers::Options options;
  options.record_ids = [] { return RecordId{}; };
  auto opened = Routers::open(*store, options);
  ASSERT_TRUE(opened);
  EXPECT_EQ((*opened)->snapshot(kScope), nullptr);
  RouterConfig config;
  config.features.text_counters = false;
  config.features.fields = {{"u", {}}};
  config.arms.push_back(ArmSpec{.id = "a", .model = "a"});
  std::vector<AppendRequest> group;
  group.push_back(append_config(kScope, RecordStamp{}, std::move(config)));
  ASSERT_TRUE((*opened)->commit(std::move(group)));
  EXPECT_EQ(arm_seen(**opened), "a");
  std::string elsewhere;
  std::thread([&] { elsewhere = arm_seen(**opened); }).join();
  EXPECT_EQ(elsewhere, "a");
}

}  // namespace
}  // namespace pointsman
