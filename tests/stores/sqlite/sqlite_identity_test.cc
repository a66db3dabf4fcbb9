// The files of an open store, removed or exchanged under it: nothing that is lost is acknowledged.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "stores/sqlite/sqlite_store.h"
#include "tests/stores/conformance/store_conformance.h"

namespace pointsman::testing_stores {
namespace {

namespace fs = std::filesystem;

class SqliteIdentity : public testing::Test {
 protected:
  void SetUp() override {
    store_ = open(file_);
    ASSERT_NE(store_, nullptr);
    ASSERT_TRUE(append("q1").ok());
    ASSERT_TRUE(store_->check(StoreCheck::identity).ok());
  }

  static std::unique_ptr<SqliteStore> open(const std::string& file) {
    SqliteStoreOptions options;
    options.path = file;
    auto opened = SqliteStore::open(options);
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    return opened.ok() ? std::move(opened).value() : nullptr;
  }

  Result<std::vector<AppendResult>> append(const std::string& query_id) {
    const AppendRequest request = decision({.query_id = query_id});
    return store_->append({&request, 1});
  }

  void expect_refusal(const std::string& said) {
    const Status checked = store_->check(StoreCheck::identity);
    ASSERT_FALSE(checked.ok());
    EXPECT_EQ(checked.error().code, ErrorCode::unavailable);
    EXPECT_NE(checked.error().message.find(said), std::string::npos) << checked.error().message;
    const auto appended = append("lost");
    ASSERT_FALSE(appended.ok());
    EXPECT_EQ(appended.error().code, ErrorCode::unavailable);
    EXPECT_FALSE(store_->save_checkpoint({kScope, 1, 1, 1, {{"manifest", "m"}}}).ok());
    EXPECT_FALSE(store_->check(StoreCheck::writing).ok());
  }

  void expect_service() {
    EXPECT_TRUE(store_->check(StoreCheck::writing).ok());
    EXPECT_TRUE(append("q2").ok());
    EXPECT_EQ(store_->scan(kScope, 0, 10)->size(), 2U);
  }

  ScratchFolder folder_;
  const std::string file_ = folder_.file("log.db");
  std::unique_ptr<SqliteStore> store_;
};

TEST_F(SqliteIdentity, AFileThatIsRemovedIsMissedAtOnceAndNotMadeAnew) {
  fs::remove(file_);
  const auto unseen = append("lost");
  ASSERT_FALSE(unseen.ok()) << "No check came before it.";
  EXPECT_EQ(unseen.error().code, ErrorCode::unavailable);
  expect_refusal("was removed or replaced");
  EXPECT_FALSE(fs::exists(file_));
}

TEST_F(SqliteIdentity, AFileThatIsMovedAwayAndBackServesAsBefore) {
  const std::string away = folder_.file("away.db");
  fs::rename(file_, away);
  expect_refusal("was removed or replaced");
  fs::rename(away, file_);
  expect_service();
}

TEST_F(SqliteIdentity, AnotherFileUnderTheNameIsNotWrittenTo) {
  const std::string other = folder_.file("other.db");
  open(other).reset();
  fs::rename(other, file_);
  expect_refusal("was removed or replaced");
  store_.reset();
  store_ = open(file_);
  EXPECT_EQ(store_->scan(kScope, 0, 10)->size(), 0U) << "The first file's WAL went into it.";
  EXPECT_TRUE(fs::exists(file_ + "-wal-of-another-file"));
}

TEST_F(SqliteIdentity, ALinkThatLeadsElsewhereIsNoLongerTheStore) {
  store_.reset();
  const std::string other = folder_.file("other.db");
  const std::string link = folder_.file("link.db");
  open(other).reset();
  fs::create_symlink(file_, link);
  store_ = open(link);
  fs::remove(link);
  fs::create_symlink(other, link);
  expect_refusal("was removed or replaced");
}

TEST_F(SqliteIdentity, AWalThatIsRemovedHoldsRecordsThatAreNowhere) {
  ASSERT_TRUE(fs::remove(file_ + "-wal"));
  expect_refusal("log.db-wal was removed or replaced");
}

TEST_F(SqliteIdentity, ACopyThatIsWrittenOverTheFileIsNoticed) {
  const std::string copy = folder_.file("copy.db");
  store_.reset();
  fs::copy_file(file_, copy);
  store_ = open(file_);
  ASSERT_TRUE(append("later").ok());
  // In place, as cp does it: the file keeps its number, and SQLite sees nothing of it.
  std::ofstream(file_, std::ios::binary) << std::ifstream(copy, std::ios::binary).rdbuf();
  expect_refusal("was written over");
}

TEST_F(SqliteIdentity, AFileThatIsCutToNothingIsNoticed) {
  fs::resize_file(file_, 0);
  expect_refusal("was written over");
}

TEST_F(SqliteIdentity, WhatOthersDoWithTheFileAsTheyShouldIsNoChange) {
  SqliteStoreOptions reading;
  reading.path = file_;
  reading.read_only = true;
  {
    auto reader = SqliteStore::open(reading);
    ASSERT_TRUE(reader.ok());
    EXPECT_TRUE((*reader)->check(StoreCheck::writing).ok());
  }
  ASSERT_TRUE(store_->compact().ok());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(store_->check(StoreCheck::writing).ok());
  expect_service();
}

}  // namespace
}  // namespace pointsman::testing_stores
