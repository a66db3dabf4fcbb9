// The Redis and PostgreSQL stores through a proxy that delays, cuts, half-closes and drops answers.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "engine/policies/keyed_random.h"
#include "stores/open_store.h"
#include "tests/faults/shared_store.h"
#include "tests/faults/tcp_proxy.h"
#include "tests/stores/conformance/store_requests.h"

namespace pointsman::testing {
namespace {

using namespace std::chrono_literals;
using testing_stores::kScope;

/// A decision and a signal on it, with a key.
std::vector<AppendRequest> group_of(const std::string& name) {
  return {testing_stores::decision({.query_id = name}),
          testing_stores::feedback({.query_id = name, .key = "k" + name})};
}

bool is_excuse(const Error& error) {
  return error.code == ErrorCode::in_doubt || error.code == ErrorCode::unavailable;
}

class ProxiedStore : public ::testing::TestWithParam<const char*> {
 protected:
  // The tables are made with time to spare, before anybody is short of it.
  void SetUp() override { EXPECT_NE(open_directly(), nullptr); }

  static std::unique_ptr<Store> open(const StoreOptions& options) {
    auto opened = open_store(options);
    EXPECT_TRUE(opened.ok()) << opened.error().message;
    return opened.ok() ? std::move(*opened) : nullptr;
  }
  std::unique_ptr<Store> open_directly() {
    StoreOptions options;
    options.url = server_->url();
    return open(options);
  }
  std::unique_ptr<Store> open_proxied() {
    StoreOptions options;
    options.url = server_->url_through(proxy_.port());
    options.redis.command_timeout = 500ms;
    options.postgres.statement_timeout = 500ms;
    options.postgres.longest_pause = 100ms;
    return open(options);
  }

  /// The same group until it is acknowledged, as a client that has a 503. Gives the statuses.
  static std::vector<AppendStatus> append_until_done(Store& store,
                                                     const std::vector<AppendRequest>& group) {
    const auto deadline = std::chrono::steady_clock::now() + 180s;
    auto results = store.append(group);
    while (!results.ok() && std::chrono::steady_clock::now() < deadline) {
      EXPECT_TRUE(is_excuse(results.error())) << results.error().message;
      std::this_thread::sleep_for(5ms);
      results = store.append(group);
    }
    EXPECT_TRUE(results.ok()) << "it does not recover: " << results.error().message;
    std::vector<AppendStatus> statuses;
    if (!results.ok()) return statuses;
    for (const AppendResult& result : *results) statuses.push_back(result.status);
    return statuses;
  }

  /// The names of the groups in the log, read without the proxy: each whole, and once.
  std::set<std::string> names_in_log() {
    std::set<std::string> decisions;
    std::set<std::string> signals;
    const auto direct = open_directly();
    if (!direct) return decisions;
    const auto log = direct->scan(kScope, 0, 10'000'000);
    EXPECT_TRUE(log.ok()) << log.error().message;
    if (!log.ok()) return decisions;
    for (const StoredRecord& stored : *log) {
      if (const auto* made = std::get_if<Decision>(&stored.record.body)) {
        EXPECT_TRUE(decisions.insert(made->query_id).second) << "twice: " << made->query_id;
      } else if (const auto* signal = std::get_if<Feedback>(&stored.record.body)) {
        EXPECT_TRUE(signals.insert(signal->query_id).second) << "twice: " << signal->query_id;
      }
    }
    EXPECT_EQ(decisions, signals) << "a group is there whole, or not at all";
    return decisions;
  }

  std::unique_ptr<SharedStore> server_ = make_shared_store(GetParam());
  TcpProxy proxy_{server_->port()};
};

using enum AppendStatus;

TEST_P(ProxiedStore, AnAnswerThatIsLostAfterTheCommitIsInDoubtAndTheSameAgainIsADuplicate) {
  const auto store = open_proxied();
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->append(group_of("q1")).ok());
  proxy_.drop_answer_to(server_->append_marker());
  const auto group = group_of("q2");
  const auto lost = store->append(group);
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.error().code, ErrorCode::in_doubt) << lost.error().message;
  EXPECT_EQ(proxy_.answers_dropped(), 1U);
  EXPECT_EQ(names_in_log(), (std::set<std::string>{"q1", "q2"})) << "it was committed";
  EXPECT_EQ(append_until_done(*store, group), (std::vector{duplicate, duplicate}));
  EXPECT_EQ(names_in_log(), (std::set<std::string>{"q1", "q2"}));
}

TEST_P(ProxiedStore, WhatIsCutOffBeforeItIsSentIsUnavailableAndItRecoversByItself) {
  const auto store = open_proxied();
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->append(group_of("q1")).ok());
  proxy_.cut();
  const auto group = group_of("q2");
  // The first call may find out that the connection is gone only as it speaks.
  EXPECT_FALSE(store->append(group).ok());
  const auto away = store->append(group);
  ASSERT_FALSE(away.ok());
  EXPECT_EQ(away.error().code, ErrorCode::unavailable) << away.error().message;
  EXPECT_FALSE(store->find(kScope.tenant, "q1", 1'000'000).ok());
  EXPECT_EQ(names_in_log(), (std::set<std::string>{"q1"})) << "what never arrived is not there";
  proxy_.mend();
  EXPECT_EQ(append_until_done(*store, group), (std::vector{recorded, recorded}));
  EXPECT_EQ(store->find(kScope.tenant, "q2", 1'000'000'000)->size(), 2U);
}

TEST_P(ProxiedStore, AHalfClosedConnectionIsAnErrorAtOnceAndTheGroupIsThereOnce) {
  const auto store = open_proxied();
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->append(group_of("q1")).ok());
  proxy_.half_close();
  const auto group = group_of("q2");
  append_until_done(*store, group);
  EXPECT_EQ(append_until_done(*store, group), (std::vector{duplicate, duplicate}));
  EXPECT_EQ(names_in_log(), (std::set<std::string>{"q1", "q2"}));
}

TEST_P(ProxiedStore, AnAnswerThatComesTooLateIsInDoubtAndTheGroupIsThereOnce) {
  const auto store = open_proxied();
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->append(group_of("q1")).ok());
  // Longer than any time-out above, which is the store's and PostgreSQL's grace.
  proxy_.set_delay(5s);
  const auto group = group_of("q2");
  const auto late = store->append(group);
  ASSERT_FALSE(late.ok());
  EXPECT_TRUE(is_excuse(late.error())) << late.error().message;
  proxy_.set_delay(0ms);
  proxy_.cut_once();
  append_until_done(*store, group);
  EXPECT_EQ(append_until_done(*store, group), (std::vector{duplicate, duplicate}));
  EXPECT_EQ(names_in_log(), (std::set<std::string>{"q1", "q2"}));
}

TEST_P(ProxiedStore, LosesNothingAcknowledgedAndCountsNothingTwiceThroughAllOfThese) {
  constexpr int kWriters = 4;
  const int rounds = is_long() ? 300 : 30;
  std::atomic<bool> stop{false};
  std::atomic<int> open_stores{0};
  std::atomic<int> acknowledged{0};
  std::vector<std::set<std::string>> names(kWriters);
  std::vector<std::thread> writers;
  for (std::size_t w = 0; w < kWriters; ++w) {
    writers.emplace_back([&, w] {
      const auto store = open_proxied();
      ++open_stores;
      for (int i = 0; store && !stop; ++i) {
        const std::string name = std::to_string(w) + "-" + std::to_string(i);
        for (const AppendStatus status : append_until_done(*store, group_of(name))) {
          EXPECT_TRUE(status == recorded || status == duplicate);
        }
        names[w].insert(name);
        ++acknowledged;
      }
    });
  }
  // The writers open their stores before anything breaks.
  while (open_stores < kWriters) std::this_thread::sleep_for(1ms);
  KeyedRandom random(7, "faults");
  for (int round = 0; round < rounds && !HasFailure(); ++round) {
    const int before = acknowledged;
    switch (round % 4) {
      case 0:
        proxy_.drop_answer_to(server_->append_marker());
        break;
      case 1:
        proxy_.half_close();
        break;
      case 2:
        proxy_.set_delay(std::chrono::milliseconds(1 + round % 7));
        break;
      default:
        proxy_.cut();
        std::this_thread::sleep_for(
            std::chrono::microseconds(static_cast<std::int64_t>(20'000.0 * random.next_unit())));
        proxy_.mend();
        proxy_.set_delay(0ms);
    }
    const auto deadline = std::chrono::steady_clock::now() + 180s;
    while (acknowledged < before + 5 && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(1ms);
    }
    EXPECT_GE(acknowledged, before + 5) << "it does not go on in round " << round;
  }
  stop = true;
  for (std::thread& writer : writers) writer.join();
  EXPECT_GT(proxy_.answers_dropped(), 0U);
  std::set<std::string> all;
  for (const auto& own : names) all.insert(own.begin(), own.end());
  EXPECT_EQ(names_in_log(), all);
}

INSTANTIATE_TEST_SUITE_P(Faults, ProxiedStore, ::testing::Values("redis", "postgres"),
                         [](const auto& suite) { return std::string(suite.param); });

}  // namespace
}  // namespace pointsman::testing
