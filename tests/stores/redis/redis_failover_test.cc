// A failover of real Redis servers that loses acknowledged records.

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/engine/routers/replica.h"
#include "tests/redis_replication.h"
#include "tests/stores/redis/redis_backend.h"

namespace pointsman::testing_stores {
namespace {

using testing_redis::await;
using testing_redis::await_copied;
using testing_redis::follow;
using testing_redis::RedisServer;

Result<std::unique_ptr<Store>> open(const RedisServer& server) {
  RedisStoreOptions options;
  options.url = server.url();
  auto opened = RedisStore::open(options);
  if (!opened.ok()) return opened.error();
  return std::unique_ptr<Store>(std::move(opened).value());
}

class RedisFailover : public testing::Test {
 protected:
  void SetUp() override {
    follow(standby_, primary_);
    process_ = std::make_unique<Replica>(open(primary_), 1);
    process_->configure();
    process_->learn(1050, "kept");
    ASSERT_TRUE(process_->routers->checkpoint_all());
    kept_ = process_->report().position;
    await_copied(primary_, standby_);
    // From here on the primary acknowledges what the standby never gets.
    ASSERT_EQ(standby_.command("REPLICAOF NO ONE"), "+OK");
    process_->learn(20, "lost");
    ASSERT_TRUE(process_->routers->checkpoint_all());
  }

  void TearDown() override {
    // A SIGTERM while it rewrites its log after a full synchronisation is refused, and forgotten.
    primary_.kill_nine();
    standby_.kill_nine();
  }

  /// What stands at the primary's address has the standby's history.
  void fail_over() {
    follow(primary_, standby_);
    ASSERT_EQ(primary_.command("REPLICAOF NO ONE"), "+OK");
  }

  void expect_a_fresh_fold(std::uint64_t forks) {
    auto store = open(primary_);
    ASSERT_TRUE(store);
    EXPECT_EQ(process_->report().forks, forks);
    EXPECT_EQ(process_->report().checksum, fresh_checksum(**store));
    const auto checkpoints = (*store)->load_checkpoints(kReplicaScope);
    ASSERT_EQ(checkpoints->size(), 1U);
    EXPECT_EQ(checkpoints->front().position, kept_);
  }

  // What is tested is the replication, and a sync a record is slow.
  RedisServer primary_{{"--appendfsync", "no", "--repl-diskless-sync-delay", "0"}};
  RedisServer standby_{{"--appendfsync", "no", "--repl-diskless-sync-delay", "0"}};
  std::unique_ptr<Replica> process_;
  LogPosition kept_ = 0;
};

TEST_F(RedisFailover, ADemotedPrimaryThatComesBackWithoutItsNewestRecordsIsAFork) {
  fail_over();
  ASSERT_TRUE(process_->routers->follow());
  EXPECT_EQ(process_->report().position, kept_);
  expect_a_fresh_fold(1);
  EXPECT_EQ(process_->rate("lost3", 1.0).status, AppendStatus::unknown);
  EXPECT_EQ(process_->rate("kept3", 1.0).status, AppendStatus::revised);
  process_->learn(5, "lost");  // Its ids are free again.
  expect_a_fresh_fold(1);
}

TEST_F(RedisFailover, AKilledPrimaryWhoseAddressTheStandbyTakesOverIsAFork) {
  primary_.kill_nine();
  std::filesystem::remove_all(primary_.aof_folder());
  EXPECT_FALSE(process_->routers->follow()) << "nobody answers";
  primary_.start();
  fail_over();
  // Another process writes first, without having seen the lost records: positions come again.
  Replica other(open(primary_), 2);
  other.learn(30, "other");
  ASSERT_GT(other.report().position, process_->report().position);
  await([&] { return process_->routers->follow().ok(); }, "the process does not connect again");
  EXPECT_EQ(process_->report().position, other.report().position);
  EXPECT_EQ(process_->report().checksum, other.report().checksum);
  EXPECT_EQ(other.report().forks, 0U);
  expect_a_fresh_fold(1);
}

}  // namespace
}  // namespace pointsman::testing_stores
