#include "stores/redis/redis_url.h"

#include <gtest/gtest.h>

#include <string>

#include "stores/redis/redis_keys.h"
#include "stores/redis/redis_nodes.h"

namespace pointsman {
namespace {

RedisUrl parsed(const std::string& url) {
  const Result<RedisUrl> result = parse_redis_url(url);
  EXPECT_TRUE(result.ok()) << url;
  return result.ok() ? result.value() : RedisUrl{};
}

TEST(RedisUrl, EveryPartButTheHostHasADefault) {
  const RedisUrl plain = parsed("redis://cache");
  EXPECT_EQ(plain.address, (RedisAddress{"cache", 6379}));
  EXPECT_EQ(plain.user + plain.password, "");
  EXPECT_EQ(plain.database, 0U);
  const RedisUrl full = parsed("redis://ann:pass@cache:7000/12");
  EXPECT_EQ(full.address, (RedisAddress{"cache", 7000}));
  EXPECT_EQ(full.user, "ann");
  EXPECT_EQ(full.password, "pass");
  EXPECT_EQ(full.database, 12U);
  EXPECT_EQ(parsed("redis://:pass@cache/").password, "pass");
  EXPECT_EQ(parsed("redis://[::1]:7000").address, (RedisAddress{"::1", 7000}));
  EXPECT_EQ(text_of(parsed("redis://[::1]").address), "[::1]:6379");
}

TEST(RedisUrl, APasswordMayHoldAnyCharacter) {
  EXPECT_EQ(parsed("redis://:p%40ss%2Fw%25rd%00@cache").password, std::string("p@ss/w%rd\0", 10));
  EXPECT_EQ(parsed("redis://u:a@b/c@cache/3").password, "a@b/c");
  EXPECT_EQ(parsed("redis://u:a@b/c@cache/3").database, 3U);
}

TEST(RedisUrl, AFaultIsNamedWithoutTheUrl) {
  for (const std::string url :
       {"redis:s3cret", "redis://", "redis://s3cret@host", "redis://u:s3cret@", "redis://u:@s3cret",
        "redis://u:s3cret%4@host", "redis://u:s3cret@host:0", "redis://u:s3cret@host:70000",
        "redis://u:s3cret@host:x", "redis://u:s3cret@host/x", "redis://u:s3cret@host/-1",
        "redis://u:s3cret@[::1", "rediss://u:s3cret@host"}) {
    const Result<RedisUrl> result = parse_redis_url(url);
    ASSERT_FALSE(result.ok()) << url;
    EXPECT_EQ(result.error().code, ErrorCode::invalid);
    EXPECT_EQ(result.error().message.find("s3cret"), std::string::npos) << result.error().message;
  }
}

TEST(RedisSlot, ItIsTheOneOfTheClusterSpecification) {
  EXPECT_EQ(redis_slot("123456789"), 12739) << "0x31C3, the specification's own example.";
  EXPECT_EQ(redis_slot("{user1000}.following"), redis_slot("{user1000}.followers"));
  EXPECT_EQ(redis_slot("{user1000}.following"), redis_slot("user1000"));
  EXPECT_EQ(redis_slot("foo{{bar}}zap"), redis_slot("{bar"));
  EXPECT_NE(redis_slot("foo{}{bar}"), redis_slot("bar")) << "An empty tag is none.";
}

TEST(RedisKeys, AllKeysOfARouterShareItsSlotAndNoTwoRoutersShareAKey) {
  for (const Scope& scope : {Scope{"acme", "default"}, Scope{"}a", "{b}"}, Scope{"", "%:"}}) {
    const RedisRouterKeys keys(scope);
    const std::uint16_t slot = redis_slot(keys.log());
    EXPECT_EQ(redis_slot(keys.decision("q{x}")), slot);
    EXPECT_EQ(redis_slot(keys.session("}s{")), slot);
    EXPECT_EQ(redis_slot(keys.idempotency({"feed:back", "k{y}", {}})), slot);
    EXPECT_EQ(redis_slot(keys.checkpoints()), slot);
    EXPECT_EQ(redis_scope_of(redis_scope_member(scope)), scope);
  }
  EXPECT_NE(RedisRouterKeys({"a:b", "c"}).log(), RedisRouterKeys({"a", "b:c"}).log());
  const RedisRouterKeys keys({"a", "b"});
  EXPECT_NE(keys.idempotency({"x:y", "z", {}}), keys.idempotency({"x", "y:z", {}}));
}

}  // namespace
}  // namespace pointsman
