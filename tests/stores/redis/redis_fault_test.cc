#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "stores/redis/redis_nodes.h"
#include "stores/redis/redis_store.h"
#include "tests/stores/conformance/store_conformance.h"
#include "tests/stores/conformance/store_requests.h"
#include "tests/stores/redis/fake_redis.h"
#include "tests/stores/redis/redis_backend.h"

namespace pointsman::testing_stores {
namespace {

using namespace std::chrono_literals;
using enum AppendStatus;
using testing_redis::RedisServer;

std::unique_ptr<RedisStore> open_redis(const std::string& url,
                                       std::chrono::milliseconds command_timeout = 2s) {
  RedisStoreOptions options;
  options.url = url;
  options.command_timeout = command_timeout;
  auto opened = RedisStore::open(options);
  EXPECT_TRUE(opened.ok()) << opened.error().message;
  return opened.ok() ? std::move(opened).value() : nullptr;
}

/// A decision and its feedback, with a key.
std::vector<AppendRequest> pair_of(const std::string& name) {
  return {decision({.query_id = name}), feedback({.query_id = name, .key = "k" + name})};
}

// ---- The end of Redis's process ----------------------------------------------------------------

/// Gives each group again until it is answered, as a client does with a 503.
struct Writers {
  RedisStore& store;
  std::atomic<bool> stop{false};
  std::atomic<int> acknowledged{0};
  std::atomic<int> in_doubt{0};
  std::atomic<int> unavailable{0};
  std::atomic<int> wrong{0};

  void write(int thread) {
    for (int n = 0; !stop; ++n) {
      const auto group = pair_of(std::to_string(thread) + "-" + std::to_string(n));
      bool doubtful = false;
      while (true) {
        const auto results = store.append(group);
        if (results.ok()) {
          for (const AppendResult& result : *results) {
            const bool repeat = doubtful && result.status == duplicate;
            if (result.status != recorded && !repeat) ++wrong;
          }
          ++acknowledged;
          break;
        }
        if (results.error().code == ErrorCode::in_doubt) {
          doubtful = true;
          ++in_doubt;
        } else if (results.error().code == ErrorCode::unavailable) {
          ++unavailable;
        } else {
          ++wrong;
        }
        std::this_thread::sleep_for(5ms);
      }
    }
  }
};

/// Reads the log as a replica does, and keeps what it saw.
std::vector<std::pair<LogPosition, RecordId>> follow(RedisStore& store,
                                                     const std::atomic<bool>& written) {
  std::vector<std::pair<LogPosition, RecordId>> seen;
  LogPosition after = 0;
  while (true) {
    const bool last = written;
    const auto page = store.scan(kScope, after, 100);
    if (!page.ok()) {
      std::this_thread::sleep_for(5ms);
      continue;
    }
    for (const StoredRecord& stored : *page) {
      after = stored.position;
      seen.emplace_back(stored.position, stored.record.id);
    }
    if (last && page->empty()) return seen;
  }
}

TEST(RedisFaults, WhatWasAcknowledgedSurvivesKillNineUnderEightWritersAndIsThereOnce) {
  RedisServer server;
  const auto store = open_redis(server.url());
  ASSERT_NE(store, nullptr);
  Writers writers{.store = *store};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) threads.emplace_back([&, t] { writers.write(t); });
  std::atomic<bool> written{false};
  std::vector<std::pair<LogPosition, RecordId>> followed;
  std::thread reader([&] { followed = follow(*store, written); });

  int before = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 2000 && writers.acknowledged < before + 100; ++i) {
      std::this_thread::sleep_for(5ms);
    }
    EXPECT_GE(writers.acknowledged, before + 100) << "It goes on by itself, in round " << round;
    before = writers.acknowledged;
    server.kill_nine();
    server.start();
  }
  writers.stop = true;
  for (std::thread& thread : threads) thread.join();
  written = true;
  reader.join();

  EXPECT_EQ(writers.wrong, 0);
  EXPECT_GT(writers.in_doubt + writers.unavailable, 0);
  const auto log = store->scan(kScope, 0, 10'000'000);
  ASSERT_TRUE(log.ok()) << log.error().message;
  std::map<std::string, int> decisions;
  std::map<std::string, int> signals;
  std::vector<std::pair<LogPosition, RecordId>> ids;
  for (const StoredRecord& stored : *log) {
    ids.emplace_back(stored.position, stored.record.id);
    if (const auto* body = std::get_if<Decision>(&stored.record.body)) ++decisions[body->query_id];
    if (const auto* body = std::get_if<Feedback>(&stored.record.body)) ++signals[body->query_id];
  }
  // Every writer gives each group again until it is acknowledged, so these are all there are.
  EXPECT_EQ(decisions.size(), static_cast<std::size_t>(writers.acknowledged));
  EXPECT_EQ(decisions, signals);
  for (const auto& [name, times] : decisions) EXPECT_EQ(times, 1) << name;
  EXPECT_EQ(log->size(), 2 * decisions.size());
  EXPECT_EQ(followed, ids) << "A reader that follows the log skips nothing.";
  EXPECT_EQ(store->counts(kScope, at(kStart))->decisions, decisions.size());
}

TEST(RedisFaults, WhileRedisIsAwayCallsFailAtOnceAndItComesBackByItself) {
  RedisServer server;
  const auto store = open_redis(server.url());
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->append(pair_of("q1")).ok());
  server.kill_nine();
  for (int i = 0; i < 50; ++i) {
    const auto refused = store->append(pair_of("q2"));
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::unavailable)
        << "Nothing was sent: the connection was found dead first.";
    EXPECT_FALSE(store->scan(kScope, 0, 10).ok());
  }
  server.start();
  bool back = false;
  for (int i = 0; i < 1000 && !back; ++i) {
    back = store->append(pair_of("q2")).ok();
    if (!back) std::this_thread::sleep_for(10ms);
  }
  EXPECT_TRUE(back);
  EXPECT_EQ(store->scan(kScope, 0, 10)->size(), 4U);
}

// ---- Answers that do not come ------------------------------------------------------------------

TEST(RedisFaults, AnAnswerLostAfterTheAppendIsInDoubtAndTheRepeatIsADuplicate) {
  const RedisServer server;
  LossyRelay relay(server.port());
  const auto store = open_redis(relay.url());
  ASSERT_NE(store, nullptr);
  const auto group = pair_of("q1");
  relay.lose_next_answer_to_a_script();
  const auto doubtful = store->append(group);
  ASSERT_FALSE(doubtful.ok());
  EXPECT_EQ(doubtful.error().code, ErrorCode::in_doubt) << doubtful.error().message;
  const auto repeat = store->append(group);
  ASSERT_TRUE(repeat.ok()) << repeat.error().message;
  for (const AppendResult& result : *repeat) EXPECT_EQ(result.status, duplicate);
  EXPECT_EQ(store->scan(kScope, 0, 10)->size(), 2U);
}

TEST(RedisFaults, AReadWhoseAnswerIsLostIsReadAgainUnnoticed) {
  const RedisServer server;
  LossyRelay relay(server.port());
  const auto store = open_redis(relay.url());
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->append(pair_of("q1")).ok());
  relay.lose_next_answer_to_a_script();
  const auto found = store->find("acme", "q1", ~LogPosition{0});
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_EQ(found->size(), 2U);
}

TEST(RedisFaults, ARedisThatSaysNothingIsGivenUpAfterTheTimeout) {
  const RedisServer server;
  LossyRelay relay(server.port());
  const auto store = open_redis(relay.url(), 100ms);
  ASSERT_NE(store, nullptr);
  relay.swallow(true);
  const auto silent = store->append(pair_of("q1"));
  ASSERT_FALSE(silent.ok());
  EXPECT_EQ(silent.error().code, ErrorCode::unavailable) << "Only hints were asked for so far.";
  relay.swallow(false);
  EXPECT_TRUE(store->append(pair_of("q1")).ok());
}

// ---- A failover that loses acknowledged records -------------------------------------------------

TEST(RedisFaults, AfterALossOfAcknowledgedRecordsPositionsRepeatWithOtherRecordIds) {
  RedisServer server;
  const ScratchFolder folder;
  const std::filesystem::path copy = folder.file("older");
  auto store = open_redis(server.url());
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->append(pair_of("kept")).ok());
  std::filesystem::copy(server.aof_folder(), copy, std::filesystem::copy_options::recursive);
  const auto lost = store->append(pair_of("lost"));
  ASSERT_TRUE(lost.ok());
  const LogPosition last = lost->back().position;
  const auto before = store->scan(kScope, last - 1, 1);
  ASSERT_EQ(before->size(), 1U);

  server.stop();
  std::filesystem::remove_all(server.aof_folder());
  std::filesystem::copy(copy, server.aof_folder(), std::filesystem::copy_options::recursive);
  server.start();

  store = open_redis(server.url());
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->scan(kScope, 0, 10)->size(), 2U);
  EXPECT_TRUE(store->scan(kScope, last - 1, 1)->empty())
      << "First a replica finds nothing where its last record was ...";
  const auto other = store->append(pair_of("other"));
  ASSERT_TRUE(other.ok()) << other.error().message;
  EXPECT_EQ(other->back().position, last);
  const auto after = store->scan(kScope, last - 1, 1);
  ASSERT_EQ(after->size(), 1U);
  EXPECT_EQ((*after)[0].position, last);
  EXPECT_NE((*after)[0].record.id, (*before)[0].record.id)
      << "... and then another record: its id tells the fork.";
  const auto again = store->append(pair_of("lost"));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->back().status, recorded) << "What was lost may be given again.";
}

// ---- Clusters ----------------------------------------------------------------------------------

TEST(RedisFaults, MovedIsFollowedAndRemembered) {
  const RedisServer server;
  std::atomic<int> asked{0};
  const FakeRedis fake([&](const std::vector<std::string>& words) {
    ++asked;
    // The key stands first, behind a script's name and number of keys.
    const std::string& key = words[words[0].starts_with("EVAL") ? 3 : 1];
    return "-MOVED " + std::to_string(redis_slot(key)) +
           " 127.0.0.1:" + std::to_string(server.port()) + "\r\n";
  });
  const auto store = open_redis(fake.url());
  ASSERT_NE(store, nullptr);
  const auto first = store->append(pair_of("q1"));
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(first->back().status, recorded);
  EXPECT_EQ(store->find("acme", "q1", ~LogPosition{0})->size(), 2U);
  const int learning = asked;
  EXPECT_GT(learning, 0);
  EXPECT_EQ(store->append(pair_of("q1"))->back().status, duplicate);
  EXPECT_EQ(store->find("acme", "q1", ~LogPosition{0})->size(), 2U);
  EXPECT_EQ(asked, learning) << "The slots' new node is asked at once.";
}

TEST(RedisFaults, AskIsFollowedForOneCommandAndNotRemembered) {
  const RedisServer server;
  std::atomic<int> asked{0};
  std::atomic<int> asking{0};
  const FakeRedis target([&](const std::vector<std::string>& words) -> std::string {
    if (words[0] == "ASKING") {
      ++asking;
      return "+OK\r\n";
    }
    return "*0\r\n";
  });
  const FakeRedis source([&](const std::vector<std::string>&) {
    ++asked;
    return "-ASK 1 " + target.url().substr(8) + "\r\n";
  });
  const auto store = open_redis(source.url());
  ASSERT_NE(store, nullptr);
  const int opening = asked;
  for (int i = 1; i <= 3; ++i) {
    const auto page = store->scan(kScope, 0, 10);
    ASSERT_TRUE(page.ok()) << page.error().message;
    EXPECT_EQ(asked, opening + 2 * i) << "The records and the mark of what was pruned.";
    EXPECT_EQ(asking, opening + 2 * i);
  }
}

TEST(RedisFaults, AClusterOfTwoNodesTakesAGroupOfManyRouters) {
  // Redis's own choice of the bus's port may lie above the last port.
  const auto bus_port = [] {
    std::uint16_t port = 0;
    ::close(testing_redis::listen_on_local(port));
    return std::to_string(port);
  };
  const std::string second_bus = bus_port();
  const RedisServer first({"--cluster-enabled", "yes", "--cluster-port", bus_port()});
  const RedisServer second({"--cluster-enabled", "yes", "--cluster-port", second_bus});
  ASSERT_EQ(first.command("CLUSTER ADDSLOTSRANGE 0 8191"), "+OK");
  ASSERT_EQ(second.command("CLUSTER ADDSLOTSRANGE 8192 16383"), "+OK");
  ASSERT_EQ(
      first.command("CLUSTER MEET 127.0.0.1 " + std::to_string(second.port()) + " " + second_bus),
      "+OK");
  // Each node serves a key of its own once it has seen all slots.
  const auto serves = [](const RedisServer& server, const std::string& key) {
    return server.command("GET " + key) == "$-1";
  };
  for (int i = 0; i < 3000 && !(serves(first, "{b}") && serves(second, "{a}")); ++i) {
    std::this_thread::sleep_for(10ms);
  }
  ASSERT_TRUE(serves(first, "{b}") && serves(second, "{a}"));

  const auto store = open_redis(first.url());
  ASSERT_NE(store, nullptr);
  std::vector<AppendRequest> group;
  for (int i = 0; i < 12; ++i) {
    const std::string n = std::to_string(i);
    group.push_back(decision({.query_id = "q" + n, .scope = {"acme", "r" + n}, .session_id = "s"}));
    group.push_back(feedback({.query_id = "q" + n, .key = "k" + n}));
  }
  for (const AppendStatus expected : {recorded, duplicate}) {
    const auto results = store->append(group);
    ASSERT_TRUE(results.ok()) << results.error().message;
    for (const AppendResult& result : *results) EXPECT_EQ(result.status, expected);
  }
  EXPECT_EQ(store->scopes()->size(), 12U);
  EXPECT_EQ(store->session_scopes("acme", "s")->size(), 12U);
  EXPECT_EQ(store->recent_feedback("acme", 0, 100)->size(), 12U);
  EXPECT_EQ(store->find("acme", "q7", ~LogPosition{0})->size(), 2U);
  EXPECT_NE(first.command("DBSIZE"), ":0");
  EXPECT_NE(second.command("DBSIZE"), ":0");
  const auto elsewhere = store->append(
      std::vector<AppendRequest>{feedback({.query_id = "q3", .payload = "x", .key = "k5"})});
  ASSERT_TRUE(elsewhere.ok());
  EXPECT_EQ((*elsewhere)[0].status, conflict) << "The key is another router's, on either node.";

  const auto scopes = store->scopes();
  for (const Scope& scope : *scopes) {
    const auto pruned =
        store->prune({.scope = scope, .below = 1'000'000, .now = at(kStart + 90 * kDay)});
    ASSERT_TRUE(pruned.ok()) << pruned.error().message;
    EXPECT_EQ(pruned->removed, 2U);
    EXPECT_EQ(store->scan(scope, 0, 10).error().code, ErrorCode::pruned);
  }
  EXPECT_TRUE(store->session_scopes("acme", "s")->empty());
  EXPECT_TRUE(store->find("acme", "q7", ~LogPosition{0})->empty());
  const AppendRequest anew = decision({.query_id = "q7", .scope = {"acme", "r7"}});
  EXPECT_EQ((*store->append({&anew, 1}))[0].status, recorded);
  EXPECT_EQ(store->find("acme", "q7", ~LogPosition{0})->size(), 1U);
}

TEST(RedisFaults, ARedirectInACircleEnds) {
  const FakeRedis fake([&](const std::vector<std::string>&) { return "-MOVED 1 :1\r\n"; });
  RedisStoreOptions options;
  options.url = fake.url();
  const auto opened = RedisStore::open(options);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace pointsman::testing_stores
