#include "stores/postgres/postgres_store.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "stores/open_store.h"
#include "stores/postgres/postgres_url.h"
#include "tests/stores/conformance/store_conformance.h"

namespace pointsman::testing_stores {
namespace {

using testing_postgres::PostgresCluster;
using testing_postgres::Words;

Result<std::unique_ptr<PostgresStore>> open_postgres(const std::string& url) {
  PostgresStoreOptions options;
  options.url = url;
  return PostgresStore::open(options);
}

std::string setting(const Store& store, const std::string& name) {
  for (const auto& [known, value] : store.settings()) {
    if (known == name) return value;
  }
  return "";
}

class PostgresStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    url_ = url_of_new_database();
    database_ = url_.substr(url_.rfind('/') + 1);
    auto opened = open_postgres(url_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(opened).value();
  }

  AppendResult append_one(const AppendRequest& request) {
    const auto results = store_->append({&request, 1});
    EXPECT_TRUE(results.ok()) << results.error().message;
    return results.ok() ? results->front() : AppendResult{};
  }

  std::string sql(const std::string& text) {
    const pqxx::result rows =
        cluster_of_this_process().run(database_, "SET search_path = pointsman; " + text);
    return rows.empty() ? "" : rows[0][0].c_str();
  }

  std::string url_;
  std::string database_;
  std::unique_ptr<PostgresStore> store_;
};

TEST_F(PostgresStoreTest, TheSchemaIsMadeOnceAndFoundAgainByMany) {
  append_one(decision({.query_id = "q1"}));
  const auto second = open_postgres(url_);
  ASSERT_TRUE(second.ok()) << second.error().message;
  EXPECT_EQ(second.value()->scan(kScope, 0, 10)->size(), 1U);
  EXPECT_EQ(sql("SELECT version FROM schema_version"), "5");

  const std::string empty = url_of_new_database();
  std::vector<std::thread> openers;
  for (int i = 0; i < 4; ++i) {
    openers.emplace_back([&] {
      const auto opened = open_postgres(empty);
      EXPECT_TRUE(opened.ok()) << opened.error().message;
    });
  }
  for (std::thread& opener : openers) opener.join();
}

TEST_F(PostgresStoreTest, AnEarlierReleasesTablesAreBroughtUpToDate) {
  append_one(decision({.query_id = "q1"}));
  store_.reset();
  // Functions that this release has, that it has not, and whose text it changed.
  sql("DROP FUNCTION prune_batch, append_signals; "
      "CREATE OR REPLACE FUNCTION take_positions(p_held integer[], p_n integer) RETURNS bigint[] "
      "LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''of an earlier release''; END'; "
      "ALTER TABLE heads DROP COLUMN pruned_below; DROP TABLE store_identity; UPDATE "
      "schema_version SET version = 1");
  auto opened = open_postgres(url_);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  store_ = std::move(opened).value();
  EXPECT_EQ(sql("SELECT version FROM schema_version"), "5");
  const LogPosition below = append_one(decision({.query_id = "q2"})).position;
  EXPECT_EQ(store_->scan(kScope, 0, 10)->size(), 2U);
  EXPECT_EQ(append_one(feedback({.query_id = "q2"})).status, AppendStatus::recorded);
  const auto pruned =
      store_->prune({.scope = kScope, .below = below, .now = at(kStart + 90 * kDay)});
  ASSERT_TRUE(pruned.ok()) << pruned.error().message;
  EXPECT_EQ(pruned->removed, 1U);
  EXPECT_EQ(store_->scan(kScope, 0, 10).error().code, ErrorCode::pruned);
}

TEST_F(PostgresStoreTest, TheViewsShowWhatPruningLeft) {
  append_one(decision({.query_id = "old", .session_id = "s", .open_for = kDay}));
  append_one(feedback({.query_id = "old"}));
  const LogPosition below =
      append_one(decision({.query_id = "new", .time = kStart + 60 * kDay})).position;
  append_one(feedback({.query_id = "new", .time = kStart + 60 * kDay}));
  EXPECT_EQ(sql("SELECT count(*) FROM arm_daily"), "2");
  ASSERT_TRUE(store_->prune({.scope = kScope, .below = below, .now = at(kStart + 60 * kDay)}).ok());
  EXPECT_EQ(sql("SELECT count(*) FROM arm_daily"), "1");
  EXPECT_EQ(sql("SELECT mean_reward FROM arm_daily"), "1");
  EXPECT_EQ(sql("SELECT count(*) FROM session_summary"), "0");
  for (const char* table : {"records", "decisions", "decision_slots"}) {
    EXPECT_EQ(sql(std::string("SELECT count(*) FROM ") + table), table[0] == 'r' ? "2" : "1");
  }
}

TEST_F(PostgresStoreTest, ANewerReleasesTablesAreRefused) {
  sql("UPDATE schema_version SET version = 99");
  const auto opened = open_postgres(url_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::invalid);
  EXPECT_NE(opened.error().message.find("newer release"), std::string::npos);
}

TEST_F(PostgresStoreTest, ARecordThatPostgresRefusesFailsAloneAndTheRestIsOneCommit) {
  std::mt19937 random(7);
  std::string too_long_for_an_index(9000, ' ');
  for (char& byte : too_long_for_an_index) byte = static_cast<char>(random());
  const auto results = store_->append(std::vector<AppendRequest>{
      decision({.query_id = "good"}), decision({.query_id = too_long_for_an_index}),
      feedback({.query_id = "good", .key = "k"}), feedback({.query_id = "good", .key = "k"})});
  ASSERT_TRUE(results.ok()) << results.error().message;
  EXPECT_EQ((*results)[0].status, AppendStatus::recorded);
  EXPECT_EQ((*results)[1].status, AppendStatus::failed);
  EXPECT_NE((*results)[1].message.find("index row"), std::string::npos) << (*results)[1].message;
  EXPECT_EQ((*results)[2].status, AppendStatus::recorded);
  EXPECT_EQ((*results)[3].status, AppendStatus::duplicate);
  EXPECT_EQ(store_->scan(kScope, 0, 10)->size(), 2U);
  EXPECT_EQ(store_->counts(kScope, at(kStart))->decisions, 1U)
      << "The first attempt counted nothing.";
}

TEST_F(PostgresStoreTest, SettingsSayWhatWasFoundOnTheServerAndNoSecret) {
  EXPECT_EQ(setting(*store_, "kind"), "postgresql");
  EXPECT_EQ(setting(*store_, "synchronous_commit"), "on");
  EXPECT_EQ(setting(*store_, "survives"), "power loss");
  EXPECT_EQ(setting(*store_, "replicas"), "0");
  EXPECT_FALSE(setting(*store_, "server_version").empty());
  for (const auto& [name, value] : store_->settings()) {
    EXPECT_EQ(value.find("s3cret"), std::string::npos) << name;
  }
  EXPECT_TRUE(store_->shared());
}

TEST_F(PostgresStoreTest, AFeedPagesOverSeveralRoutersWithoutGapsOrRepeats) {
  for (const std::string router : {"a", "b", "c"}) {
    append_one(decision({.query_id = router, .scope = {"acme", router}}));
  }
  std::vector<LogPosition> expected;
  for (int i = 0; i < 20; ++i) {
    const std::string router(1, "abc"[i % 3]);
    expected.push_back(
        append_one(feedback({.query_id = router, .payload = std::to_string(i)})).position);
  }
  std::vector<LogPosition> paged;
  LogPosition before = 0;
  while (true) {
    const auto page = store_->recent_feedback("acme", before, 3);
    ASSERT_TRUE(page.ok()) << page.error().message;
    if (page->empty()) break;
    for (const StoredRecord& stored : *page) paged.push_back(stored.position);
    before = paged.back();
  }
  EXPECT_EQ(paged, std::vector<LogPosition>(expected.rbegin(), expected.rend()));
}

TEST_F(PostgresStoreTest, ASequenceThatWasSetBackIsSetForward) {
  const LogPosition first = append_one(decision({.query_id = "q1"})).position;
  for (int i = 0; i < 5; ++i) append_one(feedback({.query_id = "q1", .payload = {char('a' + i)}}));
  sql("SELECT setval('log_positions', 1, false)");
  EXPECT_GT(append_one(feedback({.query_id = "q1", .payload = "last"})).position, first + 5)
      << "A copy of the tables without the sequence, as logical replication makes one.";
  sql("SELECT setval('log_positions', 1, false)");
  EXPECT_GT(append_one(decision({.query_id = "q2"})).position, first + 6);
}

TEST_F(PostgresStoreTest, ExpiredKeysAreForgottenInTime) {
  append_one(decision({.query_id = "q1", .open_for = 60}));
  for (int i = 0; i < 5; ++i) {
    append_one(
        feedback({.query_id = "q1", .payload = std::to_string(i), .key = std::to_string(i)}));
  }
  EXPECT_EQ(sql("SELECT count(*) FROM idempotency_keys"), "5");
  for (int i = 0; i < 16; ++i) {
    append_one(decision({.query_id = "x" + std::to_string(i), .time = kStart + 9 * kDay}));
  }
  EXPECT_EQ(sql("SELECT count(*) FROM idempotency_keys"), "0");
}

TEST_F(PostgresStoreTest, TheViewsAnswerWhatAnOperatorAsks) {
  append_one(decision({.query_id = "q1", .session_id = "s", .arm = "a"}));
  append_one(decision({.query_id = "q2", .session_id = "s", .arm = "a"}));
  append_one(decision({.query_id = std::string("q\0\xff", 3), .arm = "b"}));
  append_one(feedback({.query_id = "q1", .payload = "up", .reward = 1.0}));
  append_one(feedback({.query_id = "q1", .payload = "down", .reward = 0.0}));
  append_one(feedback({.query_id = "q2", .reward = 0.5}));
  append_one(outcome({.query_id = "q1", .cost_usd = 5.0}));
  append_one(outcome({.query_id = "q1", .cost_usd = 2.0}));
  append_one(outcome({.query_id = "q1", .latency_ms = 100.0}));
  append_one(session_feedback({.session_id = "s"}));
  EXPECT_EQ(sql("SELECT concat_ws(' ', decisions, observed, mean_reward, mean_cost_usd, "
                "mean_latency_ms) FROM arm_daily WHERE arm = 'a'"),
            "2 2 0.25 2 100")
      << "The last value of each signal and of each outcome field counts.";
  EXPECT_EQ(sql("SELECT concat_ws(' ', decisions, observed) FROM arm_daily WHERE arm = 'b'"),
            "1 0");
  EXPECT_EQ(sql("SELECT DISTINCT concat_ws(' ', day, tenant, router) FROM arm_daily"),
            "2026-09-21 acme default");
  EXPECT_EQ(sql("SELECT concat_ws(' ', records, mean_reward) FROM signal_counts "
                "WHERE signal_type = 'thumbs'"),
            "3 0.5");
  EXPECT_EQ(sql("SELECT concat_ws(' ', session_id, decisions, arms, observed, cost_usd, "
                "session_feedback) FROM session_summary"),
            "s 2 1 2 2 1");
  EXPECT_EQ(sql("SELECT shown(query_id) FROM records WHERE kind = 'decision' "
                "ORDER BY position DESC"),
            "q\\000\\377");
}

TEST_F(PostgresStoreTest, ABodyThatDoesNotDecodeIsCorrupt) {
  append_one(decision({.query_id = "q1"}));
  sql("UPDATE records SET body = '\\x0105'");
  const auto found = store_->scan(kScope, 0, 10);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, ErrorCode::corrupt);
}

TEST_F(PostgresStoreTest, AScanLongerThanAPageIsWhole) {
  constexpr int kGroups = 9;
  constexpr int kGroup = 500;
  for (int g = 0; g < kGroups; ++g) {
    std::vector<AppendRequest> group;
    for (int i = 0; i < kGroup; ++i) {
      group.push_back(decision({.query_id = std::to_string(g * kGroup + i)}));
    }
    ASSERT_TRUE(store_->append(group).ok());
  }
  EXPECT_EQ(store_->scan(kScope, 0, 1'000'000)->size(), std::size_t{kGroups * kGroup});
  EXPECT_EQ(store_->scan(kScope, 0, 4200)->size(), 4200U);
}

TEST(PostgresDurability, AnAsynchronousCommitIsShownAloneAndRefusedBesideAReplica) {
  PostgresCluster cluster({"synchronous_commit=off"});
  {
    const auto alone = open_postgres(cluster.url());
    ASSERT_TRUE(alone.ok()) << alone.error().message;
    EXPECT_EQ(setting(*alone.value(), "synchronous_commit"), "off");
    EXPECT_EQ(setting(*alone.value(), "survives"), "the end of this process, not of the server");
  }
  const ScratchFolder folder;
  std::filesystem::create_directory(folder.file("wal"));
  // To the server, whoever streams its log is a replica.
  const pid_t replica = testing_postgres::start_program(
      {testing_postgres::postgres_program("pg_receivewal"), "--directory=" + folder.file("wal"),
       "--dbname=" + cluster.url()},
      folder.file("log"));
  std::string replicas = "0";
  for (int i = 0; i < 1000 && replicas == "0"; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    replicas = cluster.run("postgres", "SELECT count(*) FROM pg_stat_replication")[0][0].c_str();
  }
  EXPECT_EQ(replicas, "1");
  const auto refused = open_postgres(cluster.url());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::invalid);
  EXPECT_NE(refused.error().message.find("synchronous_commit"), std::string::npos);
  ::kill(replica, SIGTERM);
  testing_postgres::exit_code(replica);
}

TEST(PostgresSecrets, NoErrorRepeatsThePassword) {
  PostgresCluster& cluster = cluster_of_this_process();
  const std::string there = "127.0.0.1:" + std::to_string(cluster.port());
  const std::string nowhere = "127.0.0.1:" + std::to_string(testing_postgres::free_port());
  for (const std::string& url :
       {"postgresql://pointsman:s3cret@" + there + "/postgres",
        "postgresql://pointsman:s3cret@" + nowhere + "/postgres",
        "postgres://pointsman:s3cret@" + there + "/s3cret",
        "postgresql://pointsman:s3cret@" + there + "/postgres?password=s3cret&sslmode=s3cret",
        std::string("postgresql://user:s3cret/host"), std::string("postgresql://u:s3cret@h@x:y/d"),
        "postgresql://" + there + "/?user=s3cret&passwor=s3cret"}) {
    StoreOptions options;
    options.url = url;
    const auto opened = open_store(options);
    ASSERT_FALSE(opened.ok()) << url;
    EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
    if (url.find("user=s3cret") != std::string::npos) continue;  // A user's name is none.
    EXPECT_EQ(opened.error().message.find("s3cret"), std::string::npos) << opened.error().message;
  }
}

TEST(PostgresSecrets, AnEncodedPasswordIsHiddenBothWays) {
  const PostgresUrl url("postgresql://me:p%40ss@host/db?sslpassword=other");
  EXPECT_EQ(url.without_secrets("p@ss, p%40ss and other"), "***, *** and ***");
  EXPECT_EQ(url.connect_failure("connection to server failed: FATAL:  no pg_hba.conf for p@ss\nX"),
            "PostgreSQL refuses the connection: no pg_hba.conf for ***");
}

TEST(PostgresSecrets, WhatTheUrlSaysOfConnectingStands) {
  using std::chrono::milliseconds;
  EXPECT_NE(PostgresUrl("postgresql://h/d")
                .connection_string(milliseconds(2500))
                .find("?connect_timeout=3&"),
            std::string::npos);
  const std::string said =
      PostgresUrl("postgresql://h/d?connect_timeout=9").connection_string(milliseconds(2500));
  EXPECT_EQ(said.find("connect_timeout=3"), std::string::npos) << said;
}

}  // namespace
}  // namespace pointsman::testing_stores
