#include "stores/memory/memory_store.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/stores/conformance/store_conformance.h"

namespace pointsman::testing_stores {
namespace {

AppendStatus append_one(Store& store, const AppendRequest& request) {
  const auto results = store.append({&request, 1});
  return results.ok() ? results->front().status : AppendStatus::failed;
}

std::string setting(const Store& store, const std::string& name) {
  for (const auto& [known, value] : store.settings()) {
    if (known == name) return value;
  }
  return "";
}

TEST(MemoryStore, TheOldestRecordsGoAndSettingsSayHowMany) {
  MemoryStore store({.max_records = 10});
  for (int i = 0; i < 25; ++i) {
    append_one(store, decision({.query_id = "q" + std::to_string(i), .session_id = "s"}));
  }
  EXPECT_EQ(setting(store, "evicted_records"), "15");
  EXPECT_EQ(setting(store, "records"), "10");
  const auto kept = store.scan(kScope, 0, 100);
  ASSERT_TRUE(kept.ok());
  ASSERT_EQ(kept->size(), 10U);
  EXPECT_EQ(kept->front().position, 16U);
  EXPECT_EQ(store.session_records(kScope, "s", kNoUpper)->size(), 10U);
  EXPECT_EQ(store.counts(kScope, at(kStart))->open_decisions, 10U);
  EXPECT_EQ(store.counts(kScope, at(kStart))->decisions, 25U);
}

TEST(MemoryStore, FeedbackOnAnEvictedDecisionIsUnknown) {
  MemoryStore store({.max_records = 4});
  append_one(store, decision({.query_id = "old"}));
  EXPECT_EQ(append_one(store, feedback({.query_id = "old"})), AppendStatus::recorded);
  for (int i = 0; i < 3; ++i) {
    append_one(store, decision({.query_id = "q" + std::to_string(i)}));
  }
  EXPECT_EQ(append_one(store, feedback({.query_id = "old", .payload = "down"})),
            AppendStatus::unknown);
  EXPECT_TRUE(store.find("acme", "old", kNoUpper)->empty());
  EXPECT_EQ(append_one(store, decision({.query_id = "old", .body = "another"})),
            AppendStatus::recorded);
}

TEST(MemoryStore, AllIndexesStayInStepWhileOldRecordsGo) {
  MemoryStore store({.max_records = 50});
  for (int i = 0; i < 400; ++i) {
    const std::string n = std::to_string(i);
    append_one(store, decision({.query_id = "q" + n, .session_id = "s" + std::to_string(i / 7)}));
    append_one(store, feedback({.query_id = "q" + n, .key = "k" + n}));
    append_one(store, outcome({.query_id = "q" + n, .cost_usd = 1.0}));
    append_one(store, session_feedback({.session_id = "s" + std::to_string(i / 7), .payload = n}));
  }
  const auto kept = store.scan(kScope, 0, 1000);
  ASSERT_TRUE(kept.ok());
  EXPECT_EQ(kept->size(), 50U);
  const auto recent = store.recent_feedback("acme", 0, 1000);
  ASSERT_TRUE(recent.ok()) << recent.error().message;
  EXPECT_EQ(recent->size(), 25U);
  EXPECT_EQ(store.find("acme", "q399", kNoUpper)->size(), 3U);
  EXPECT_EQ(store.session_scopes("acme", "s0")->size(), 0U);
}

}  // namespace
}  // namespace pointsman::testing_stores
