// PostgreSQL killed, stopped and silent, and several writers on one log.

#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "stores/postgres/postgres_store.h"
#include "tests/stores/conformance/store_conformance.h"

namespace pointsman::testing_stores {
namespace {

using std::chrono::milliseconds;
using testing_postgres::PostgresCluster;

std::unique_ptr<PostgresStore> open_postgres(
    const std::string& url, milliseconds statement_timeout = milliseconds(10'000)) {
  PostgresStoreOptions options;
  options.url = url;
  options.statement_timeout = statement_timeout;
  options.longest_pause = milliseconds(100);
  auto opened = PostgresStore::open(options);
  EXPECT_TRUE(opened.ok()) << opened.error().message;
  return opened.ok() ? std::move(opened).value() : nullptr;
}

/// A decision and a signal on it, named so that they are told apart in the log.
std::vector<AppendRequest> group_of(const std::string& name) {
  return {decision({.query_id = name}), feedback({.query_id = name, .key = name})};
}

/// What the log holds of group_of(): the names, each once.
std::set<std::string> whole_groups(const std::vector<StoredRecord>& log) {
  std::set<std::string> decisions;
  std::set<std::string> signals;
  for (const StoredRecord& stored : log) {
    if (const auto* body = std::get_if<Decision>(&stored.record.body)) {
      EXPECT_TRUE(decisions.insert(body->query_id).second) << "twice: " << body->query_id;
    } else if (const auto* signal = std::get_if<Feedback>(&stored.record.body)) {
      EXPECT_TRUE(signals.insert(signal->query_id).second) << "twice: " << signal->query_id;
    }
  }
  EXPECT_EQ(decisions, signals) << "A group is there whole, or not at all.";
  return decisions;
}

TEST(PostgresFaults, WhatWasAcknowledgedSurvivesKillNineAndDoubtfulGroupsAreThereOnce) {
  constexpr int kWriters = 8;
  constexpr int kKills = 3;
  PostgresCluster cluster;
  const std::string url = cluster.url();
  ASSERT_NE(open_postgres(url), nullptr);
  std::atomic<bool> stop{false};
  std::atomic<int> acknowledged{0};
  std::atomic<int> doubtful{0};
  std::vector<std::vector<std::string>> names(kWriters);
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      const auto store = open_postgres(url);
      if (!store) return;
      for (int i = 0; !stop; ++i) {
        const std::string name = std::to_string(w) + "-" + std::to_string(i);
        const auto group = group_of(name);
        // The same group until it is acknowledged, as a client with a key does.
        auto results = store->append(group);
        while (!results.ok()) {
          EXPECT_TRUE(results.error().code == ErrorCode::in_doubt ||
                      results.error().code == ErrorCode::unavailable)
              << results.error().message;
          doubtful += results.error().code == ErrorCode::in_doubt;
          std::this_thread::sleep_for(milliseconds(5));
          results = store->append(group);
        }
        for (const AppendResult& result : *results) {
          EXPECT_TRUE(result.status == AppendStatus::recorded ||
                      result.status == AppendStatus::duplicate);
        }
        names[static_cast<std::size_t>(w)].push_back(name);
        ++acknowledged;
      }
    });
  }
  for (int kill = 0; kill < kKills; ++kill) {
    const int before = acknowledged;
    while (acknowledged < before + 200) std::this_thread::sleep_for(milliseconds(1));
    cluster.kill_nine();
    cluster.start();
  }
  const int before = acknowledged;
  while (acknowledged < before + 100) std::this_thread::sleep_for(milliseconds(1));
  stop = true;
  for (std::thread& writer : writers) writer.join();
  EXPECT_GT(doubtful, 0) << "The kills met appends under way.";

  const auto store = open_postgres(url);
  ASSERT_NE(store, nullptr);
  const auto log = store->scan(kScope, 0, 10'000'000);
  ASSERT_TRUE(log.ok()) << log.error().message;
  const std::set<std::string> found = whole_groups(*log);
  for (const auto& own : names) {
    for (const std::string& name : own) EXPECT_TRUE(found.contains(name)) << "lost: " << name;
  }
  EXPECT_EQ(found.size(), static_cast<std::size_t>(acknowledged));
}

TEST(PostgresFaults, AReaderBesideEightWritersSkipsNothing) {
  constexpr int kWriters = 8;
  constexpr int kGroups = 40;
  constexpr int kGroup = 16;
  const std::string url = url_of_new_database();
  const auto reader = open_postgres(url);
  ASSERT_NE(reader, nullptr);
  std::atomic<int> writing{kWriters};
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      const auto store = open_postgres(url);
      for (int g = 0; store && g < kGroups; ++g) {
        std::vector<AppendRequest> group;
        for (int i = 0; i < kGroup; ++i) {
          const std::string name =
              std::to_string(w) + "-" + std::to_string(g) + "-" + std::to_string(i);
          // Every other group is of two logs, of which the reader follows one.
          const bool other = g % 2 == 1 && i % 4 == 3;
          group.push_back(decision({.query_id = name, .scope = {"acme", other ? "b" : "default"}}));
        }
        EXPECT_TRUE(store->append(group).ok());
      }
      --writing;
    });
  }
  std::vector<LogPosition> seen;
  LogPosition after = 0;
  while (true) {
    const bool last = writing == 0;
    const auto page = reader->scan(kScope, after, 1000);
    ASSERT_TRUE(page.ok()) << page.error().message;
    for (const StoredRecord& stored : *page) seen.push_back(stored.position);
    if (!page->empty()) after = seen.back();
    if (last && page->empty()) break;
  }
  for (std::thread& writer : writers) writer.join();
  const auto log = reader->scan(kScope, 0, 1'000'000);
  ASSERT_TRUE(log.ok()) << log.error().message;
  std::vector<LogPosition> all;
  for (const StoredRecord& stored : *log) all.push_back(stored.position);
  EXPECT_EQ(seen, all);
  EXPECT_EQ(all.size(), std::size_t{kWriters * kGroups * kGroup - kWriters * kGroups / 2 * 4});
}

TEST(PostgresFaults, OneQueryIdInTwoRoutersAtOnceIsOneDecision) {
  constexpr int kRounds = 150;
  const std::string url = url_of_new_database();
  std::vector<std::vector<AppendStatus>> statuses(2);
  std::atomic<int> ready{0};
  std::vector<std::thread> writers;
  for (const int w : {0, 1}) {
    writers.emplace_back([&, w] {
      const auto store = open_postgres(url);
      for (int i = 0; store && i < kRounds; ++i) {
        // Each waits for the other, so that they meet as often as can be.
        ++ready;
        while (ready < 2 * (i + 1)) std::this_thread::yield();
        const std::vector<AppendRequest> group = {decision({.query_id = "q" + std::to_string(i),
                                                            .scope = {"acme", w == 0 ? "a" : "b"},
                                                            .body = w == 0 ? "a" : "b"})};
        const auto results = store->append(group);
        EXPECT_TRUE(results.ok()) << results.error().message;
        statuses[static_cast<std::size_t>(w)].push_back(results.ok() ? results->front().status
                                                                     : AppendStatus::failed);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  for (std::size_t i = 0; i < kRounds; ++i) {
    const std::multiset<AppendStatus> both = {statuses[0][i], statuses[1][i]};
    EXPECT_EQ(both, (std::multiset<AppendStatus>{AppendStatus::recorded, AppendStatus::conflict}));
  }
}

TEST(PostgresFaults, AKeyThatTwoRoutersTakeAtOnceIsTakenOnce) {
  constexpr int kRounds = 150;
  const std::string url = url_of_new_database();
  const auto first = open_postgres(url);
  ASSERT_NE(first, nullptr);
  ASSERT_TRUE(
      first
          ->append(std::vector<AppendRequest>{decision({.query_id = "a", .scope = {"acme", "a"}}),
                                              decision({.query_id = "b", .scope = {"acme", "b"}})})
          .ok());
  std::atomic<int> recorded{0};
  std::atomic<int> conflicts{0};
  std::atomic<int> ready{0};
  std::vector<std::thread> writers;
  for (const std::string name : {"a", "b"}) {
    writers.emplace_back([&, name] {
      const auto store = open_postgres(url);
      for (int i = 0; store && i < kRounds; ++i) {
        ++ready;
        while (ready < 2 * (i + 1)) std::this_thread::yield();
        const std::string round = std::to_string(i);
        const auto results = store->append(std::vector<AppendRequest>{
            feedback({.query_id = name, .payload = name + round, .key = "k" + round})});
        EXPECT_TRUE(results.ok()) << results.error().message;
        if (!results.ok()) continue;
        recorded += results->front().status == AppendStatus::recorded ||
                    results->front().status == AppendStatus::revised;
        conflicts += results->front().status == AppendStatus::conflict;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(recorded, kRounds);
  EXPECT_EQ(conflicts, kRounds);
}

TEST(PostgresFaults, AServerThatStopsAnsweringIsInDoubtAndTheGroupIsThereOnce) {
  PostgresCluster& cluster = cluster_of_this_process();
  const std::string url = url_of_new_database();
  const std::string database = url.substr(url.rfind('/') + 1);
  const auto store = open_postgres(url, milliseconds(300));
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->append(group_of("q1")).ok());
  // Its session's process stands still: the host still acknowledges what is sent, and nobody says
  // anything.
  const auto backend =
      cluster
          .run(database,
               "SELECT pid FROM pg_stat_activity WHERE application_name = 'pointsman' "
               "AND datname = current_database()")[0][0]
          .as<pid_t>();
  ::kill(backend, SIGSTOP);
  const auto group = group_of("q2");
  const auto silent = store->append(group);
  ASSERT_FALSE(silent.ok());
  EXPECT_EQ(silent.error().code, ErrorCode::in_doubt) << silent.error().message;
  ::kill(backend, SIGCONT);
  auto results = store->append(group);
  for (int i = 0; i < 100 && !results.ok(); ++i) {
    std::this_thread::sleep_for(milliseconds(50));
    results = store->append(group);
  }
  ASSERT_TRUE(results.ok()) << results.error().message;
  EXPECT_EQ(whole_groups(store->scan(kScope, 0, 100).value()), (std::set<std::string>{"q1", "q2"}));
}

TEST(PostgresFaults, AWriterThatHoldsALogTooLongMakesTheOthersUnavailable) {
  PostgresCluster& cluster = cluster_of_this_process();
  const std::string url = url_of_new_database();
  const auto store = open_postgres(url, milliseconds(300));
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->append(group_of("q1")).ok());
  {
    pqxx::connection other(cluster.url(url.substr(url.rfind('/') + 1)));
    pqxx::work holding(other);
    holding.exec("SELECT FROM pointsman.heads FOR UPDATE");
    const auto refused = store->append(group_of("q2"));
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable) << refused.error().message;
    EXPECT_EQ(store->scan(kScope, 0, 100)->size(), 2U) << "Reading goes on.";
  }
  const auto results = store->append(group_of("q2"));
  ASSERT_TRUE(results.ok()) << results.error().message;
  EXPECT_EQ(results->front().status, AppendStatus::recorded);
}

TEST(PostgresFaults, AStoreOutlivesARestartOfItsServer) {
  PostgresCluster cluster;
  const auto store = open_postgres(cluster.url());
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->append(group_of("q1")).ok());
  ASSERT_TRUE(store->find("acme", "q1", kNoUpper).ok());
  cluster.stop();
  const auto away = store->append(group_of("q2"));
  ASSERT_FALSE(away.ok());
  EXPECT_EQ(away.error().code, ErrorCode::unavailable)
      << "Nothing was sent: the session was seen to be gone. " << away.error().message;
  EXPECT_FALSE(store->find("acme", "q1", kNoUpper).ok());
  cluster.start();
  auto results = store->append(group_of("q2"));
  for (int i = 0; i < 100 && !results.ok(); ++i) {
    std::this_thread::sleep_for(milliseconds(20));
    results = store->append(group_of("q2"));
  }
  ASSERT_TRUE(results.ok()) << results.error().message;
  EXPECT_EQ(store->find("acme", "q1", kNoUpper)->size(), 2U);
}

}  // namespace
}  // namespace pointsman::testing_stores
