// A PostgreSQL database that is exchanged for another under an open store.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "stores/postgres/postgres_store.h"
#include "tests/stores/conformance/store_requests.h"
#include "tests/stores/postgres/postgres_backend.h"

namespace pointsman::testing_stores {
namespace {

class PostgresIdentityTest : public testing::Test {
 protected:
  void SetUp() override {
    cluster_.make_database(kName);
    store_ = open();
    ASSERT_NE(store_, nullptr);
    ASSERT_TRUE(append("q1").ok());
    ASSERT_TRUE(store_->check(StoreCheck::writing).ok());
  }
  void TearDown() override {
    store_.reset();
    cluster_.run("postgres", std::string("DROP DATABASE ") + kName);
  }

  std::unique_ptr<PostgresStore> open() {
    PostgresStoreOptions options;
    options.url = cluster_.url(kName);
    options.longest_pause = std::chrono::milliseconds(50);
    auto opened = PostgresStore::open(options);
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    return opened.ok() ? std::move(opened).value() : nullptr;
  }

  Result<std::vector<AppendResult>> append(const std::string& query_id) {
    const AppendRequest request = decision({.query_id = query_id});
    return store_->append({&request, 1});
  }

  /// Every way out of the old sessions fails at first; what is left is the verdict.
  void expect_verdict() {
    std::string said;
    for (int i = 0; i < 200 && said.find("not the one that was opened") == said.npos; ++i) {
      const auto appended = append("lost");
      ASSERT_FALSE(appended.ok());
      said = appended.error().message;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_NE(said.find("not the one that was opened"), said.npos) << said;
    EXPECT_FALSE(store_->check(StoreCheck::identity).ok());
  }

  static constexpr const char* kName = "identity";
  testing_postgres::PostgresCluster& cluster_ = cluster_of_this_process();
  std::unique_ptr<PostgresStore> store_;
};

TEST_F(PostgresIdentityTest, ADatabaseThatWasMadeAnewIsRefusedAndLeftAsItIs) {
  cluster_.run("postgres", std::string("DROP DATABASE ") + kName + " WITH (FORCE)");
  cluster_.make_database(kName);
  expect_verdict();
  EXPECT_TRUE(cluster_.run(kName, "SELECT to_regnamespace('pointsman')")[0][0].is_null())
      << "A schema was made in a database that is not ours.";
  store_ = open();
  EXPECT_TRUE(append("q2").ok()) << "A restart uses what is there now.";
}

TEST_F(PostgresIdentityTest, AnotherSchemaBehindStandingSessionsIsNoticedByACheck) {
  cluster_.run(kName, "UPDATE pointsman.store_identity SET id = 'of a restored dump'");
  EXPECT_FALSE(store_->check(StoreCheck::identity).ok());
  expect_verdict();
}

}  // namespace
}  // namespace pointsman::testing_stores
