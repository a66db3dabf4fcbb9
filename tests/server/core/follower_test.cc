// How far this process is behind the log, and what says so.

#include "server/core/follower.h"

#include <gtest/gtest.h>

#include "tests/server/services/service_world.h"

namespace pointsman::testing_server {
namespace {

using namespace std::chrono_literals;

/// The value of a metric's line that begins with `name`; empty where there is none.
std::string metric(World& world, const std::string& name) {
  const std::string text = world.get("/metrics").text;
  const std::size_t at = text.find("\n" + name + " ");
  if (at == text.npos) return "";
  const std::size_t begin = at + name.size() + 2;
  return text.substr(begin, text.find('\n', begin) - begin);
}

void await(const std::function<bool()>& done) {
  for (int i = 0; i < 3000 && !done(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(done()) << "it never came";
}

const std::string kLag = "pointsman_log_lag_records{router=\"default\"}";

TEST(Follower, TheLagIsWhatTheLogHoldsAndTheFoldDoesNot) {
  World world;
  EXPECT_EQ(metric(world, kLag), "0");
  // Another process appends.
  for (const char* hash : {"second", "third"}) {
    RouterConfig config = small_config();
    config.source_hash = hash;
    const AppendRequest request = append_config({"default", "default"}, stamp(world.clock), config);
    ASSERT_TRUE(world.faults().append({&request, 1}));
  }
  EXPECT_NE(metric(world, kLag), "0");
  EXPECT_GE(world.get("/stats").at("/routers/default/log_lag_records"), 2U);
  EXPECT_EQ(world.get("/stats").at("/routers/drafts/log_lag_records"), 0U);
  Follower follower(world.writer(), world.routers(), 1ms);
  await([&] { return follower.successes() > 0; });
  EXPECT_EQ(metric(world, kLag), "0");
  EXPECT_EQ(world.report().checksum, world.fresh_checksum());
}

TEST(Follower, ItsAgeIsThatOfTheLastTimeWithoutAnError) {
  World world;
  EXPECT_EQ(metric(world, "pointsman_log_follow_age_seconds"), "") << "nobody else appends";
  EXPECT_TRUE(world.get("/stats").at("/log_follow_age_seconds").is_null());
  Follower follower(world.writer(), world.routers(), 1ms);
  world.context().follower = &follower;
  await([&] { return follower.successes() > 0; });
  EXPECT_NE(metric(world, "pointsman_log_follow_age_seconds"), "");
  world.faults().fail_heads(true);
  const std::uint64_t at_fault = follower.tries();
  await([&] { return follower.tries() > at_fault + 1; });
  const std::uint64_t successes = follower.successes();
  const auto age = follower.age();
  const std::uint64_t tries = follower.tries();
  await([&] { return follower.tries() > tries + 2; });
  EXPECT_EQ(follower.successes(), successes);
  EXPECT_GT(*follower.age(), *age) << "it grows while the store is away";
  EXPECT_TRUE(world.get("/stats").at("/routers/default/log_lag_records").is_null());
  EXPECT_EQ(metric(world, kLag), "");
  world.faults().fail_heads(false);
  await([&] { return follower.successes() > successes; });
  world.context().follower = nullptr;
}

}  // namespace
}  // namespace pointsman::testing_server
