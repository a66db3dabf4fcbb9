#include "stores/redis/redis_store.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/stores/conformance/store_requests.h"
#include "tests/stores/redis/redis_backend.h"

namespace pointsman::testing_stores {
namespace {

using enum AppendStatus;
using testing_redis::RedisServer;

constexpr LogPosition kNoUpper = ~LogPosition{0};

Result<std::unique_ptr<RedisStore>> try_open(const std::string& url) {
  RedisStoreOptions options;
  options.url = url;
  return RedisStore::open(options);
}

std::string setting(const Store& store, const std::string& name) {
  for (const auto& [known, value] : store.settings()) {
    if (known == name) return value;
  }
  return "";
}

AppendResult append_one(Store& store, const AppendRequest& request) {
  auto results = store.append({&request, 1});
  EXPECT_TRUE(results.ok()) << results.error().message;
  return results.ok() ? results->front() : AppendResult{};
}

/// Tests on the process's own Redis, empty at the start of each.
class RedisStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    server().command("FLUSHALL");
    store_ = opened();
    ASSERT_NE(store_, nullptr);
  }

  static RedisServer& server() { return redis_of_this_process(); }

  static std::unique_ptr<RedisStore> opened() {
    auto result = try_open(server().url());
    EXPECT_TRUE(result.ok()) << result.error().message;
    return result.ok() ? std::move(result).value() : nullptr;
  }

  RedisStore& store() { return *store_; }

 private:
  std::unique_ptr<RedisStore> store_;
};

TEST_F(RedisStoreTest, ItSaysWhatItFoundAndThatOthersMayAppend) {
  EXPECT_EQ(setting(store(), "kind"), "redis");
  EXPECT_EQ(setting(store(), "appendonly"), "yes");
  EXPECT_EQ(setting(store(), "appendfsync"), "always");
  EXPECT_EQ(setting(store(), "maxmemory_policy"), "noeviction");
  EXPECT_TRUE(setting(store(), "survives").starts_with("power loss"));
  EXPECT_TRUE(store().shared());
}

TEST_F(RedisStoreTest, AScriptThatRedisHasForgottenIsGivenAnew) {
  append_one(store(), decision({.query_id = "q1"}));
  ASSERT_EQ(server().command("SCRIPT FLUSH"), "+OK");
  EXPECT_EQ(append_one(store(), feedback({.query_id = "q1"})).status, recorded);
  ASSERT_EQ(server().command("SCRIPT FLUSH"), "+OK");
  EXPECT_EQ(store().find("acme", "q1", kNoUpper)->size(), 2U);
  ASSERT_EQ(server().command("SCRIPT FLUSH"), "+OK");
  EXPECT_TRUE(store().save_checkpoint({kScope, 1, 2, 3, {{"manifest", "m"}}}).ok());
}

TEST_F(RedisStoreTest, OnlyIdempotencyKeysExpireAndNotBeforeTheirDecision) {
  append_one(store(), decision({.query_id = "q", .session_id = "s", .open_for = 30 * kDay}));
  append_one(store(), feedback({.query_id = "q", .key = "long", .time = kStart}));
  append_one(store(), decision({.query_id = "r", .open_for = 60}));
  append_one(store(), feedback({.query_id = "r", .key = "short", .time = kStart}));
  const auto life = [&](const std::string& key) {
    return std::stoll(server().command("PTTL " + key).substr(1)) / 1000;
  };
  constexpr std::int64_t kNever = 0;  // -1 milliseconds, in seconds.
  for (const std::string key : {"log", "head", "counts", "open", "feedback", "d:q", "s:s"}) {
    EXPECT_EQ(life("pm:{acme:default}:" + key), kNever) << key;
    EXPECT_EQ(server().command("EXISTS pm:{acme:default}:" + key), ":1") << key;
  }
  EXPECT_EQ(life("pm:q:{acme:q}"), kNever);
  for (const std::string key : {"pm:{acme:default}:k:feedback:", "pm:k:{acme:feedback:"}) {
    const std::string end = key.starts_with("pm:k") ? "}" : "";
    EXPECT_GE(life(key + "long" + end), 30 * kDay) << key;
    EXPECT_GE(life(key + "short" + end), 7 * kDay) << key;
    EXPECT_LE(life(key + "short" + end), 9 * kDay) << key;
  }
}

TEST_F(RedisStoreTest, OfAPrunedDecisionNoKeyIsLeft) {
  append_one(store(), decision({.query_id = "old1", .open_for = kDay}));
  append_one(store(), decision({.query_id = "old2", .session_id = "old", .open_for = kDay}));
  append_one(store(), feedback({.query_id = "old1"}));
  append_one(store(), session_feedback({.session_id = "old"}));
  const LogPosition below = append_one(store(), decision({.query_id = "new"})).position;
  EXPECT_EQ(server().command("XLEN pm:{acme:default}:log"), ":5");
  const auto pruned =
      store().prune({.scope = kScope, .below = below, .now = at(kStart + 60 * kDay)});
  ASSERT_TRUE(pruned.ok()) << pruned.error().message;
  EXPECT_EQ(pruned->removed, 4U);
  EXPECT_EQ(server().command("KEYS *old*"), "*0");
  EXPECT_EQ(server().command("XLEN pm:{acme:default}:log"), ":1");
  EXPECT_EQ(server().command("XLEN pm:{acme:default}:feedback"), ":0");
  EXPECT_EQ(server().command("ZCARD pm:{acme:default}:open"), ":1");
}

TEST_F(RedisStoreTest, AGroupMaySpanRoutersAndItsPositionsKeepItsOrder) {
  std::vector<AppendRequest> group;
  for (const std::string router : {"a", "b", "c"}) {
    group.push_back(decision({.query_id = "in-" + router, .scope = {"acme", router}}));
    group.push_back(feedback({.query_id = "in-" + router}));
  }
  const auto results = store().append(group);
  ASSERT_TRUE(results.ok()) << results.error().message;
  for (const AppendResult& result : *results) EXPECT_EQ(result.status, recorded);
  EXPECT_EQ((*results)[3].scope, (Scope{"acme", "b"}));
  for (std::size_t i = 1; i < results->size(); ++i) {
    EXPECT_GT((*results)[i].position, (*results)[i - 1].position);
  }
  EXPECT_EQ(store().scopes()->size(), 3U);
  const auto other = opened();
  EXPECT_GT(append_one(*other, decision({.query_id = "late", .scope = {"acme", "a"}})).position,
            results->back().position)
      << "A store that is opened later goes on above all routers of the tenant.";
}

TEST_F(RedisStoreTest, FeedbackOfSeveralRoutersIsPagedWithoutGapsOrRepeats) {
  // Two stores that know nothing of each other's positions give some of them twice.
  const auto other = opened();
  append_one(store(), decision({.query_id = "qa", .scope = {"acme", "a"}}));
  append_one(*other, decision({.query_id = "qb", .scope = {"acme", "b"}}));
  std::multiset<LogPosition> expected;
  for (int i = 0; i < 20; ++i) {
    const std::string text = std::to_string(i);
    expected.insert(append_one(store(), feedback({.query_id = "qa", .payload = text})).position);
    expected.insert(append_one(*other, feedback({.query_id = "qb", .payload = text})).position);
  }
  ASSERT_LT(std::set<LogPosition>(expected.begin(), expected.end()).size(), expected.size());
  std::multiset<LogPosition> paged;
  LogPosition before = 0;
  while (true) {
    const auto page = store().recent_feedback("acme", before, 5);
    ASSERT_TRUE(page.ok()) << page.error().message;
    if (page->empty()) break;
    EXPECT_LE(page->size(), 5U);
    for (const StoredRecord& stored : *page) paged.insert(stored.position);
    before = page->back().position;
  }
  EXPECT_EQ(paged, expected);
}

TEST_F(RedisStoreTest, AKeyUsedInOneRouterIsKnownInTheOthers) {
  append_one(store(), decision({.query_id = "qa", .scope = {"acme", "a"}}));
  append_one(store(), decision({.query_id = "qb", .scope = {"acme", "b"}}));
  const AppendResult first =
      append_one(store(), feedback({.query_id = "qa", .payload = "up", .key = "k"}));
  EXPECT_EQ(append_one(store(), feedback({.query_id = "qb", .payload = "down", .key = "k"})).status,
            conflict);
  const AppendResult same =
      append_one(store(), feedback({.query_id = "qb", .payload = "up", .key = "k"}));
  EXPECT_EQ(same.status, duplicate);
  EXPECT_EQ(same.position, first.position);
}

TEST_F(RedisStoreTest, AnOrphanedClaimHarmsNobodyButAnotherRoutersUseOfTheId) {
  ASSERT_EQ(server().command("SET pm:q:{acme:q1} 1:default"), "+OK");
  EXPECT_TRUE(store().find("acme", "q1", kNoUpper)->empty());
  EXPECT_EQ(append_one(store(), feedback({.query_id = "q1"})).status, unknown);
  EXPECT_EQ(append_one(store(), decision({.query_id = "q1", .scope = {"acme", "other"}})).status,
            conflict);
  EXPECT_EQ(append_one(store(), decision({.query_id = "q1"})).status, recorded);
  EXPECT_EQ(append_one(store(), feedback({.query_id = "q1"})).status, recorded);
}

TEST_F(RedisStoreTest, AHeadThatLagsBehindItsLogHeals) {
  append_one(store(), decision({.query_id = "q1"}));
  const AppendResult last = append_one(store(), decision({.query_id = "q2"}));
  ASSERT_EQ(server().command("SET pm:{acme:default}:head 1"), "+OK");
  const auto fresh = opened();
  const AppendResult next = append_one(*fresh, decision({.query_id = "q3"}));
  EXPECT_EQ(next.status, recorded);
  EXPECT_GT(next.position, last.position);
}

TEST_F(RedisStoreTest, AGroupOverItsBoundIsExhaustedAndLeavesNothing) {
  RedisStoreOptions options;
  options.url = server().url();
  options.max_group_bytes = 4096;
  const auto small = RedisStore::open(options);
  ASSERT_TRUE(small.ok());
  const std::string before = server().command("DBSIZE");
  const auto results = (*small)->append(
      std::vector<AppendRequest>{decision({.query_id = "q1"}),
                                 feedback({.query_id = "q1", .payload = std::string(5000, 'x')})});
  ASSERT_FALSE(results.ok());
  EXPECT_EQ(results.error().code, ErrorCode::exhausted);
  EXPECT_EQ(server().command("DBSIZE"), before);
}

TEST_F(RedisStoreTest, AFullRedisAppendsNothingAndGoesOnOnceThereIsRoom) {
  append_one(store(), decision({.query_id = "q1"}));
  ASSERT_EQ(server().command("CONFIG SET maxmemory 1mb"), "+OK");
  const std::vector<AppendRequest> group = {feedback({.query_id = "q1", .key = "k"}),
                                            decision({.query_id = "q2"})};
  const auto refused = store().append(group);
  EXPECT_EQ(server().command("CONFIG SET maxmemory 0"), "+OK");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_EQ(store().scan(kScope, 0, 10)->size(), 1U);
  const auto again = store().append(group);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ((*again)[0].status, recorded);
  EXPECT_EQ((*again)[1].status, recorded);
}

TEST(RedisStoreOpen, AnEvictingRedisIsRefused) {
  const RedisServer server({"--maxmemory-policy", "allkeys-lru"});
  const auto opened = try_open(server.url());
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::invalid);
  EXPECT_NE(opened.error().message.find("noeviction"), std::string::npos);
}

TEST(RedisStoreOpen, WeakerSettingsAreSaidNotToSurviveAPowerLoss) {
  const RedisServer everysec({"--appendfsync", "everysec"});
  const auto first = try_open(everysec.url());
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(setting(**first, "appendfsync"), "everysec");
  EXPECT_NE(setting(**first, "survives").find("not power-loss safe"), std::string::npos);
  const RedisServer none({"--appendonly", "no"});
  const auto second = try_open(none.url());
  ASSERT_TRUE(second.ok()) << second.error().message;
  EXPECT_NE(setting(**second, "survives").find("not power-loss safe"), std::string::npos);
}

TEST(RedisStoreOpen, UserPasswordAndDatabaseComeFromTheUrlAndAreNeverTold) {
  const RedisServer server({"--requirepass", "s3cret-d"});
  const std::string host = "127.0.0.1:" + std::to_string(server.port());
  const auto store = try_open("redis://:s3cret-d@" + host + "/3");
  ASSERT_TRUE(store.ok()) << store.error().message;
  EXPECT_EQ(append_one(**store, decision({.query_id = "q"})).status, recorded);
  for (const auto& [name, value] : (*store)->settings()) {
    EXPECT_EQ(value.find("s3cret"), std::string::npos) << name;
  }
  const auto by_name = try_open("redis://default:s3cret-d@" + host + "/3");
  ASSERT_TRUE(by_name.ok()) << by_name.error().message;
  EXPECT_EQ((*by_name)->scan(kScope, 0, 10)->size(), 1U);
  EXPECT_TRUE((*try_open("redis://:s3cret-d@" + host))->scan(kScope, 0, 10)->empty());
  for (const std::string& url : {"redis://:s3cret-x@" + host, "redis://ann:s3cret-d@" + host,
                                 "redis://" + host, "redis://:s3cret-d@" + host + "/99"}) {
    const auto refused = try_open(url);
    ASSERT_FALSE(refused.ok()) << url;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid);
    EXPECT_EQ(refused.error().message.find("s3cret"), std::string::npos);
  }
}

TEST(RedisStoreOpen, NobodyThereIsUnavailable) {
  std::uint16_t port = 0;
  ::close(testing_redis::listen_on_local(port));
  const auto opened = try_open("redis://:s3cret@127.0.0.1:" + std::to_string(port));
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
  EXPECT_EQ(opened.error().message.find("s3cret"), std::string::npos);
}

}  // namespace
}  // namespace pointsman::testing_stores
