#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/stores/conformance/store_conformance.h"

namespace pointsman::testing_stores {
namespace {

using enum AppendStatus;

/// The conformance tests of scans, pages, counts and checkpoints.
class StoreReading : public StoreConformance {};

TEST_P(StoreReading, ScanGivesAScopeInOrderFromWhereItIsAsked) {
  for (int i = 0; i < 10; ++i) {
    append_one(decision({.query_id = "q" + std::to_string(i)}));
    append_one(decision({.query_id = "x" + std::to_string(i), .scope = {"acme", "other"}}));
  }
  const auto all = log();
  ASSERT_EQ(all.size(), 10U);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(std::get<Decision>(all[i].record.body).query_id, "q" + std::to_string(i));
    if (i > 0) {
      EXPECT_GT(all[i].position, all[i - 1].position);
    }
  }
  const auto some = value(store().scan(kScope, all[3].position, 4));
  ASSERT_EQ(some.size(), 4U);
  EXPECT_EQ(some.front().position, all[4].position);
  EXPECT_TRUE(value(store().scan(kScope, all.back().position, 4)).empty());
  EXPECT_TRUE(value(store().scan(kScope, 0, 0)).empty());
  EXPECT_EQ(value(store().scopes()), (std::vector<Scope>{{"acme", "default"}, {"acme", "other"}}));
}

TEST_P(StoreReading, HeadsSayWhereEachLogStands) {
  EXPECT_TRUE(value(store().heads()).empty());
  append_one(decision({.query_id = "q1"}));
  append_one(decision({.query_id = "x1", .scope = {"acme", "other"}}));
  const LogPosition newest = append_one(feedback({.query_id = "q1"})).position;
  EXPECT_EQ(append_one(feedback({.query_id = "nobody"})).status, unknown);
  EXPECT_EQ(
      append_one(feedback({.query_id = "q1", .payload = std::string(kMaxRecordBytes, 'x')})).status,
      failed);
  const auto heads = value(store().heads());
  ASSERT_EQ(heads.size(), 2U);
  EXPECT_EQ(heads[0].scope, kScope);
  EXPECT_EQ(heads[0].position, newest) << "what was not appended moves nothing";
  EXPECT_EQ(heads[1].scope, (Scope{"acme", "other"}));
  EXPECT_EQ(heads[1].position, log({"acme", "other"}).back().position);
}

TEST_P(StoreReading, ARecordsIdIsToldByItsPosition) {
  const AppendRequest first = decision({.query_id = "q1"});
  const LogPosition position = append_one(first).position;
  append_one(decision({.query_id = "q2"}));
  EXPECT_EQ(value(store().record_id_at(kScope, position)), std::optional(first.record.id));
  EXPECT_EQ(value(store().record_id_at(kScope, position + 1'000)), std::nullopt);
  EXPECT_EQ(value(store().record_id_at({"acme", "other"}, position)), std::nullopt);
}

TEST_P(StoreReading, SeveralDecisionsAreFoundAtOnceEachInOrder) {
  std::vector<std::string> asked;
  for (int i = 0; i < 300; ++i) {
    asked.push_back("q" + std::to_string(i));
    append_one(decision({.query_id = asked.back()}));
  }
  for (int i = 0; i < 300; i += 2) append_one(outcome({.query_id = asked[i], .cost_usd = 1.0}));
  const LogPosition upper = append_one(feedback({.query_id = "q7"})).position;
  append_one(feedback({.query_id = "q9"}));
  asked.push_back("nobody's");
  std::map<std::string, std::vector<StoredRecord>> found;
  std::string query_id;
  for (const StoredRecord& stored : value(store().find_all("acme", asked, upper))) {
    if (const auto* made = std::get_if<Decision>(&stored.record.body)) query_id = made->query_id;
    if (const auto* cost = std::get_if<Outcome>(&stored.record.body)) query_id = cost->query_id;
    if (const auto* said = std::get_if<Feedback>(&stored.record.body)) query_id = said->query_id;
    found[query_id].push_back(stored);
  }
  EXPECT_EQ(found.size(), 300U);
  for (const auto& [id, records] : found) {
    const auto alone = value(store().find("acme", id, upper));
    ASSERT_EQ(records.size(), alone.size()) << id;
    for (std::size_t i = 0; i < alone.size(); ++i) {
      EXPECT_EQ(records[i].position, alone[i].position) << id;
      EXPECT_EQ(records[i].scope, kScope);
    }
  }
  EXPECT_EQ(found["q7"].size(), 2U);
  EXPECT_EQ(found["q9"].size(), 1U) << "its feedback is above";
  EXPECT_TRUE(value(store().find_all("acme", {}, upper)).empty());
  EXPECT_TRUE(value(store().find_all("other", asked, upper)).empty());
}

TEST_P(StoreReading, RecentFeedbackPagesFromTheNewestWithoutGapsOrRepeats) {
  append_one(decision({.query_id = "q1", .session_id = "s"}));
  std::vector<LogPosition> expected;
  for (int i = 0; i < 7; ++i) {
    expected.push_back(
        append_one(feedback({.query_id = "q1", .payload = std::to_string(i)})).position);
    append_one(outcome({.query_id = "q1", .cost_usd = i}));
  }
  expected.push_back(append_one(session_feedback({.session_id = "s"})).position);
  std::reverse(expected.begin(), expected.end());
  std::vector<LogPosition> paged;
  LogPosition before = 0;
  while (true) {
    const auto page = value(store().recent_feedback("acme", before, 3));
    if (page.empty()) break;
    ASSERT_LE(page.size(), 3U);
    for (const StoredRecord& stored : page) paged.push_back(stored.position);
    before = paged.back();
  }
  EXPECT_EQ(paged, expected);
}

TEST_P(StoreReading, CountsSayWhatWasRecordedAndWhatIsStillOpen) {
  append_one(decision({.query_id = "q1", .session_id = "s", .time = kStart, .open_for = 100}));
  append_one(decision({.query_id = "q2", .time = kStart, .open_for = 200}));
  append_one(decision({.query_id = "q2", .time = kStart, .open_for = 200}));
  append_one(feedback({.query_id = "q1", .payload = "up"}));
  append_one(feedback({.query_id = "q1", .payload = "down"}));
  append_one(feedback({.query_id = "q1", .payload = "down"}));
  append_one(feedback({.query_id = "q1", .signal_type = "rating"}));
  append_one(outcome({.query_id = "q1", .cost_usd = 1}));
  append_one(session_feedback({.session_id = "s"}));
  append_one(decision({.query_id = "q3", .scope = {"acme", "other"}}));
  const StoreCounts counts = value(store().counts(kScope, at(kStart + 100)));
  EXPECT_EQ(counts.decisions, 2U);
  EXPECT_EQ(counts.outcomes, 1U);
  EXPECT_EQ(counts.session_feedback, 1U);
  EXPECT_EQ(counts.feedback_by_type,
            (std::vector<std::pair<std::string, std::uint64_t>>{{"rating", 1}, {"thumbs", 2}}));
  EXPECT_EQ(counts.open_decisions, 2U);
  EXPECT_EQ(value(store().counts(kScope, at(kStart + 101))).open_decisions, 1U);
  EXPECT_EQ(value(store().counts({"no", "body"}, at(kStart))).decisions, 0U);
}

Checkpoint checkpoint(LogPosition position, std::uint64_t checksum) {
  return {.scope = kScope,
          .format = 3,
          .position = position,
          .checksum = checksum,
          .chunks = {{"arm/a", std::string("\0\xff", 2)}, {"manifest", std::to_string(position)}}};
}

TEST_P(StoreReading, TheNewestTwoCheckpointsAreKeptWithTheirChunksInOrder) {
  const std::uint64_t large = 0xffff'0000'1234'5678U;
  for (const LogPosition position : {10U, 30U, 20U}) {
    ASSERT_TRUE(store().save_checkpoint(checkpoint(position, large + position)).ok());
  }
  const auto kept = value(store().load_checkpoints(kScope));
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].position, 30U);
  EXPECT_EQ(kept[1].position, 20U);
  EXPECT_EQ(kept[0].checksum, large + 30);
  EXPECT_EQ(kept[0].format, 3U);
  EXPECT_EQ(kept[0].scope, kScope);
  EXPECT_EQ(kept[0].chunks, checkpoint(30, 0).chunks);
  EXPECT_TRUE(value(store().load_checkpoints({"acme", "other"})).empty());
}

TEST_P(StoreReading, ACheckpointSavedAgainIsFineAndAnotherChecksumIsAConflict) {
  ASSERT_TRUE(store().save_checkpoint(checkpoint(10, 1)).ok());
  EXPECT_TRUE(store().save_checkpoint(checkpoint(10, 1)).ok());
  const Status other = store().save_checkpoint(checkpoint(10, 2));
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, ErrorCode::conflict);
  const auto kept = value(store().load_checkpoints(kScope));
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].checksum, 1U);
}

TEST_P(StoreReading, ACheckpointIsDroppedByItsKeyAndChecksumAndLeavesTheOthers) {
  ASSERT_TRUE(store().save_checkpoint(checkpoint(10, 1)).ok());
  ASSERT_TRUE(store().save_checkpoint(checkpoint(20, 2)).ok());
  EXPECT_TRUE(store().drop_checkpoint(checkpoint(20, 3)).ok()) << "another's checksum";
  EXPECT_EQ(value(store().load_checkpoints(kScope)).size(), 2U);
  EXPECT_TRUE(store().drop_checkpoint(checkpoint(20, 2)).ok());
  EXPECT_TRUE(store().drop_checkpoint(checkpoint(20, 2)).ok()) << "it is gone already";
  const auto kept = value(store().load_checkpoints(kScope));
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].position, 10U);
  EXPECT_EQ(kept[0].chunks, checkpoint(10, 0).chunks);
  ASSERT_TRUE(store().save_checkpoint(checkpoint(20, 3)).ok()) << "the key is free again";
  EXPECT_EQ(value(store().load_checkpoints(kScope))[0].checksum, 3U);
}

TEST_P(StoreReading, SettingsNameTheKindAndWhatItSurvives) {
  bool kind = false;
  bool survives = false;
  for (const auto& [name, text] : store().settings()) {
    kind = kind || (name == "kind" && !text.empty());
    survives = survives || (name == "survives" && !text.empty());
  }
  EXPECT_TRUE(kind);
  EXPECT_TRUE(survives);
}

class DurableStore : public StoreConformance {};

TEST_P(DurableStore, EverythingIsThereAfterItIsOpenedAgain) {
  append_one(decision({.query_id = "q1", .session_id = "s"}));
  const AppendResult first = append_one(feedback({.query_id = "q1", .key = "k"}));
  append_one(session_feedback({.session_id = "s"}));
  ASSERT_TRUE(store().save_checkpoint(checkpoint(2, 9)).ok());
  open();
  EXPECT_EQ(log().size(), 3U);
  EXPECT_EQ(value(store().find("acme", "q1", kNoUpper)).size(), 2U);
  const AppendResult repeat = append_one(feedback({.query_id = "q1", .key = "k"}));
  EXPECT_EQ(repeat.status, duplicate);
  EXPECT_EQ(repeat.position, first.position);
  EXPECT_EQ(append_one(session_feedback({.session_id = "s"})).status, duplicate);
  EXPECT_EQ(append_one(decision({.query_id = "q1", .body = "other"})).status, conflict);
  EXPECT_EQ(value(store().load_checkpoints(kScope)).size(), 1U);
  EXPECT_EQ(value(store().counts(kScope, at(kStart))).decisions, 1U);
  EXPECT_GT(append_one(decision({.query_id = "q2"})).position, log()[2].position);
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreReading,
                         testing::Values(Backend::memory, Backend::sqlite_full,
                                         Backend::sqlite_normal, Backend::redis, Backend::postgres),
                         backend_name);
INSTANTIATE_TEST_SUITE_P(Stores, DurableStore,
                         testing::Values(Backend::sqlite_full, Backend::sqlite_normal,
                                         Backend::redis, Backend::postgres),
                         backend_name);

}  // namespace
}  // namespace pointsman::testing_stores
