// A Redis that is emptied or exchanged under an open store.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "stores/redis/redis_store.h"
#include "tests/stores/conformance/store_requests.h"
#include "tests/stores/redis/redis_backend.h"

namespace pointsman::testing_stores {
namespace {

class RedisIdentityTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.command("FLUSHALL");
    store_ = open();
    ASSERT_NE(store_, nullptr);
    ASSERT_TRUE(append(*store_, "q1").ok());
    ASSERT_TRUE(store_->check(StoreCheck::writing).ok());
  }

  std::unique_ptr<RedisStore> open() {
    RedisStoreOptions options;
    options.url = server_.url();
    auto opened = RedisStore::open(options);
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    return opened.ok() ? std::move(opened).value() : nullptr;
  }

  static Result<std::vector<AppendResult>> append(Store& store, const std::string& query_id) {
    const AppendRequest request = decision({.query_id = query_id});
    return store.append({&request, 1});
  }

  void expect_refusal(const std::string& said) {
    const auto appended = append(*store_, "lost");
    ASSERT_FALSE(appended.ok());
    EXPECT_EQ(appended.error().code, ErrorCode::unavailable);
    EXPECT_NE(appended.error().message.find(said), std::string::npos) << appended.error().message;
    for (const StoreCheck how : {StoreCheck::identity, StoreCheck::writing}) {
      const Status checked = store_->check(how);
      ASSERT_FALSE(checked.ok());
      EXPECT_EQ(checked.error().message, appended.error().message);
    }
    EXPECT_FALSE(store_->heads().ok()) << "A replica would take the log for empty.";
  }

  testing_redis::RedisServer& server_ = redis_of_this_process();
  std::unique_ptr<RedisStore> store_;
};

TEST_F(RedisIdentityTest, AnEmptiedRedisTakesNothingUntilTheStoreIsOpenedAnew) {
  server_.command("FLUSHALL");
  expect_refusal("was emptied");
  EXPECT_EQ(server_.command("DBSIZE"), ":0") << "What was refused left something.";

  const auto restarted = open();
  ASSERT_NE(restarted, nullptr);
  EXPECT_TRUE(append(*restarted, "q2").ok());
  EXPECT_EQ(restarted->scan(kScope, 0, 10)->size(), 1U);
  expect_refusal("another store");
}

TEST_F(RedisIdentityTest, ARedisThatIsFullPassesNoProofOfWritingUntilThereIsRoom) {
  server_.command("CONFIG SET maxmemory 1");
  EXPECT_FALSE(append(*store_, "q2").ok());
  EXPECT_TRUE(store_->check(StoreCheck::identity).ok());
  EXPECT_FALSE(store_->check(StoreCheck::writing).ok());
  server_.command("CONFIG SET maxmemory 0");
  EXPECT_TRUE(store_->check(StoreCheck::writing).ok());
  EXPECT_TRUE(append(*store_, "q2").ok());
}

}  // namespace
}  // namespace pointsman::testing_stores
