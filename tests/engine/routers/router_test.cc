// The engine as a library: one router, no store.

#include "engine/routers/router.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace pointsman {
namespace {

RouterConfig config_of(PolicyOptions policy = LinTsOptions{.alpha = 0.3}) {
  RouterConfig config;
  config.features = {.text_counters = false, .fields = {{"u", {}}, {"v", {}}}};
  config.policy = std::move(policy);
  config.arms = {{.id = "a"}, {.id = "b"}, {.id = "c"}};
  return config;
}

/// A router, and the log that it kept.
struct Logged {
  std::vector<StoredRecord> records;
  bool refuses = false;
  std::unique_ptr<Router> router;

  explicit Logged(RouterConfig config, std::size_t open_decisions = 100'000) {
    router = Router::make({.config = std::move(config),
                           .open_decisions = open_decisions,
                           .log = [this](const StoredRecord& stored) -> Status {
                             if (refuses) return Error{ErrorCode::unavailable, "full", ""};
                             records.push_back(stored);
                             return Done{};
                           }})
                 .value();
  }

  Result<Decision> decide(double u, double v, DecideRequest request = {}) {
    const FieldValue fields[] = {{"u", u}, {"v", v}};
    return router->decide({.fields = fields}, std::move(request));
  }
};

std::string arm_of(const Decision& decision) { return decision.arms[decision.chosen].arm; }

TEST(Router, LearnsWhichArmAContextWantsAndItsLogGivesTheSameBits) {
  Logged logged(config_of());
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> unit(-1.0, 1.0);
  int right = 0;
  for (int i = 0; i < 1500; ++i) {
    const double u = unit(random);
    const double v = unit(random);
    const auto decision = logged.decide(u, v);
    ASSERT_TRUE(decision.ok()) << decision.error().message;
    const bool good = arm_of(*decision) == (u > 0.0 ? "a" : "b");
    if (i >= 1000) right += good;
    ASSERT_TRUE(logged.router->learn(decision->query_id, "thumbs", {good ? 1.0 : 0.0, 1.0}).ok());
  }
  EXPECT_GT(right, 400) << "of 500; a third would be chance";
  EXPECT_EQ(logged.router->fold().schema_version(), 4U);

  const auto again = Router::restore({}, logged.records);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ((*again)->fold().checksum(), logged.router->fold().checksum());
  const FieldValue fields[] = {{"u", 0.25}, {"v", 0.5}};
  const auto one = (*again)->decide({.fields = fields});
  const auto other = logged.decide(0.25, 0.5);
  EXPECT_EQ(one->arms, other->arms);
  EXPECT_EQ(one->chosen, other->chosen);
}

TEST(Router, ALateRevisedSignalCountsAsIfOnlyTheLastHadCome) {
  Logged revised(config_of(UniformOptions{}));
  Logged once(config_of(UniformOptions{}));
  for (Logged* logged : {&revised, &once}) {
    for (int i = 0; i < 40; ++i) ASSERT_TRUE(logged->decide(i % 5, i % 3).ok());
  }
  const auto ids = [](const Logged& logged) {
    std::vector<std::string> found;
    for (const StoredRecord& stored : logged.records) {
      const auto* decision = std::get_if<Decision>(&stored.record.body);
      if (decision != nullptr) found.push_back(decision->query_id);
    }
    return found;
  };
  ASSERT_EQ(ids(revised), ids(once));
  for (const std::string& id : ids(once)) {
    EXPECT_EQ(revised.router->learn(id, "thumbs", {1.0, 1.0})->reward, 1.0);
    EXPECT_EQ(revised.router->learn(id, "thumbs", {0.0, 1.0})->reward, 0.0);
    EXPECT_EQ(revised.router->learn(id, "thumbs", {0.0, 1.0})->weight, 1.0);
    EXPECT_EQ(once.router->learn(id, "thumbs", {0.0, 1.0})->reward, 0.0);
  }
  for (std::size_t a = 0; a < 3; ++a) {
    const auto theta = revised.router->fold().arms()[a]->posterior.theta();
    const auto wanted = once.router->fold().arms()[a]->posterior.theta();
    for (std::size_t i = 0; i < theta.size(); ++i) EXPECT_NEAR(theta[i], wanted[i], 1e-9);
  }
}

TEST(Router, SaysWhatIsWrongAndChangesNothing) {
  Logged logged(config_of());
  const auto decision = logged.decide(1.0, 2.0, {.query_id = "q"});
  ASSERT_TRUE(decision.ok());
  const std::uint64_t before = logged.router->fold().checksum();
  const std::size_t records = logged.records.size();
  EXPECT_EQ(logged.decide(1.0, 2.0, {.query_id = "q"}).error().code, ErrorCode::conflict);
  EXPECT_EQ(logged.decide(std::nan(""), 2.0).error().code, ErrorCode::invalid);
  const FieldValue unknown[] = {{"w", 1.0}};
  EXPECT_EQ(logged.router->decide({.fields = unknown}).error().code, ErrorCode::invalid);
  EXPECT_EQ(logged.decide(1.0, 2.0, {.arms = {"z"}}).error().code, ErrorCode::invalid);
  EXPECT_EQ(logged.router->learn("nobody", "thumbs", {1.0, 1.0}).error().code,
            ErrorCode::not_found);
  EXPECT_EQ(logged.router->learn("q", "thumbs", {1.5, 1.0}).error().field, "reward");
  EXPECT_EQ(logged.router->learn("q", "thumbs", {1.0, std::nan("")}).error().field, "confidence");
  EXPECT_EQ(logged.router->learn({.query_id = "q", .cost_usd = -1.0}).error().field, "cost_usd");
  const Timestamp too_late = decision->expires_at + std::chrono::milliseconds(1);
  EXPECT_EQ(logged.router->learn("q", "thumbs", {1.0, 1.0}, too_late).error().code,
            ErrorCode::not_found);
  EXPECT_EQ(logged.router->remove_arm("z").error().code, ErrorCode::not_found);
  logged.refuses = true;
  EXPECT_EQ(logged.router->learn("q", "thumbs", {1.0, 1.0}).error().code, ErrorCode::unavailable);
  EXPECT_EQ(logged.decide(1.0, 2.0).error().code, ErrorCode::unavailable);
  EXPECT_EQ(logged.router->fold().checksum(), before);
  EXPECT_EQ(logged.records.size(), records);
  logged.refuses = false;
  EXPECT_EQ(logged.router->learn("q", "thumbs", {1.0, 1.0})->weight, 1.0);
  RouterConfig twice = config_of();
  twice.arms.push_back({.id = "a"});
  EXPECT_EQ(Router::make({.config = twice}).error().field, "arms");
  EXPECT_EQ(Router::restore({}, {}).error().code, ErrorCode::corrupt);
}

TEST(Router, ForgetsTheOldestDecisionFirst) {
  Logged logged(config_of(), 3);
  for (const char* const id : {"q1", "q2", "q3", "q4"}) {
    ASSERT_TRUE(logged.decide(0.0, 0.0, {.query_id = id}).ok());
  }
  EXPECT_EQ(logged.router->learn("q1", "thumbs", {1.0, 1.0}).error().code, ErrorCode::not_found);
  EXPECT_TRUE(logged.router->learn("q2", "thumbs", {1.0, 1.0}).ok());
  EXPECT_TRUE(logged.router->learn("q4", "thumbs", {1.0, 1.0}).ok());
}

TEST(Router, ArmsComeChangeTheirPriceAndGo) {
  RouterConfig config = config_of(LinUcbOptions{.alpha = 0.0});
  config.utility.value_usd = 1.0;
  Logged logged(config);
  ASSERT_TRUE(logged.router->put_arm({.id = "d", .expected_cost_usd = 0.9}).ok());
  for (const char* const id : {"a", "b", "c"}) {
    ASSERT_TRUE(logged.router->put_arm({.id = id, .expected_cost_usd = 0.1}).ok());
  }
  EXPECT_NE(arm_of(*logged.decide(0.0, 0.0)), "d");
  ASSERT_TRUE(logged.router->put_arm({.id = "d", .expected_cost_usd = 0.0001}).ok());
  EXPECT_EQ(arm_of(*logged.decide(0.0, 0.0)), "d") << "A price acts on the next decision.";
  ASSERT_TRUE(logged.router->remove_arm("d").ok());
  EXPECT_NE(arm_of(*logged.decide(0.0, 0.0)), "d");
  const auto decision = logged.decide(0.0, 0.0);
  const auto seen = logged.router->learn({.query_id = decision->query_id, .error = "timeout"});
  EXPECT_EQ(seen->weight, 1.0);
  EXPECT_EQ(seen->reward, 0.0);
}

}  // namespace
}  // namespace pointsman
