#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "tests/stores/conformance/store_conformance.h"

namespace pointsman::testing_stores {
namespace {

class StoreConcurrency : public StoreConformance {};

TEST_P(StoreConcurrency, SixteenWritersWithRepeatsRecordEachEventOnce) {
  constexpr int kThreads = 16;
  constexpr int kEvents = 60;
  constexpr int kDecisions = 8;
  for (int i = 0; i < kDecisions; ++i) append_one(decision({.query_id = "q" + std::to_string(i)}));

  std::atomic<int> recorded{0};
  std::atomic<int> duplicates{0};
  std::atomic<int> others{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937 random(static_cast<unsigned>(t));
      for (int i = 0; i < kEvents; ++i) {
        // Three of ten events are one that another thread, or this one, sends too.
        const bool shared = random() % 10 < 3;
        const std::string name = shared ? "shared" + std::to_string(random() % 40)
                                        : "own" + std::to_string(t) + "-" + std::to_string(i);
        const std::size_t which = std::hash<std::string>{}(name) % kDecisions;
        const auto results = store().append(
            std::vector<AppendRequest>{feedback({.query_id = "q" + std::to_string(which),
                                                 .payload = name,
                                                 .signal_type = name,
                                                 .key = name})});
        if (!results.ok()) {
          ++others;
        } else if (results->front().status == AppendStatus::recorded) {
          ++recorded;
        } else if (results->front().status == AppendStatus::duplicate) {
          ++duplicates;
        } else {
          ++others;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(others, 0);
  EXPECT_GT(duplicates, 100);
  std::set<std::string> names;
  int logged = 0;
  for (const StoredRecord& stored : log()) {
    const auto* body = std::get_if<Feedback>(&stored.record.body);
    if (body == nullptr) continue;
    ++logged;
    names.insert(body->payload);
  }
  EXPECT_EQ(logged, recorded);
  EXPECT_EQ(names.size(), static_cast<std::size_t>(logged)) << "No event is in the log twice.";
  EXPECT_EQ(recorded + duplicates, kThreads * kEvents);
}

TEST_P(StoreConcurrency, AScanBesideAWriterHasNeitherGapsNorRepeats) {
  constexpr int kGroups = 60;
  constexpr int kGroup = 20;
  std::atomic<bool> written{false};
  std::thread writer([&] {
    for (int g = 0; g < kGroups; ++g) {
      std::vector<AppendRequest> group;
      for (int i = 0; i < kGroup; ++i) {
        group.push_back(decision({.query_id = std::to_string(g * kGroup + i)}));
      }
      EXPECT_TRUE(store().append(group).ok());
    }
    written = true;
  });
  std::vector<std::string> seen;
  LogPosition after = 0;
  std::size_t largest_step = 0;
  while (true) {
    const bool last = written;
    const auto page = store().scan(kScope, after, 37);
    ASSERT_TRUE(page.ok()) << page.error().message;
    for (const StoredRecord& stored : *page) {
      EXPECT_GT(stored.position, after);
      after = stored.position;
      seen.push_back(std::get<Decision>(stored.record.body).query_id);
    }
    largest_step = std::max(largest_step, page->size());
    if (last && page->empty()) break;
  }
  writer.join();
  ASSERT_EQ(seen.size(), static_cast<std::size_t>(kGroups * kGroup));
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], std::to_string(i));
  EXPECT_LE(largest_step, 37U);
}

TEST_P(StoreConcurrency, ReadersOfEveryKindRunBesideAWriter) {
  append_one(decision({.query_id = "q", .session_id = "s"}));
  std::atomic<bool> stop{false};
  std::atomic<int> reads{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 8; ++t) {
    readers.emplace_back([&] {
      // At least once each, however fast the writer is.
      do {
        const auto found = store().find("acme", "q", kNoUpper);
        EXPECT_TRUE(found.ok() && !found->empty());
        const auto counts = store().counts(kScope, at(kStart));
        EXPECT_TRUE(counts.ok() && counts->decisions == 1);
        EXPECT_TRUE(store().recent_feedback("acme", 0, 5).ok());
        EXPECT_TRUE(store().session_scopes("acme", "s").ok());
        EXPECT_TRUE(store().load_checkpoints(kScope).ok());
        EXPECT_FALSE(store().settings().empty());
        ++reads;
      } while (!stop);
    });
  }
  for (int i = 0; i < 200; ++i) {
    append_one(feedback({.query_id = "q", .payload = std::to_string(i)}));
    const Checkpoint saved{kScope, 1, static_cast<LogPosition>(i), 7, {{"manifest", "m"}}};
    EXPECT_TRUE(store().save_checkpoint(saved).ok());
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GE(reads, 8);
  EXPECT_EQ(value(store().find("acme", "q", kNoUpper)).size(), 201U);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreConcurrency,
                         testing::Values(Backend::memory, Backend::sqlite_full, Backend::redis,
                                         Backend::postgres),
                         backend_name);

}  // namespace
}  // namespace pointsman::testing_stores
