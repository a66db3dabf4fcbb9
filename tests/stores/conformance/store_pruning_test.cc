#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/stores/conformance/store_conformance.h"

namespace pointsman::testing_stores {
namespace {

using enum AppendStatus;

constexpr std::int64_t kOver = kStart + 60 * kDay;  ///< Long after all that is open for a day.

/// The conformance tests of Store::prune.
class StorePruning : public StoreConformance {
 protected:
  struct Ran {
    std::uint64_t removed = 0;
    std::uint64_t kept = 0;
    int steps = 0;
  };

  struct Spec {
    LogPosition below = 0;
    std::int64_t now = kOver;
    std::size_t limit = 1000;
    Scope scope = kScope;
    int most_steps = 1000;  ///< As after a crash: it breaks off.
  };

  Ran prune(const Spec& spec) {
    Ran ran;
    PruneStep step{
        .scope = spec.scope, .below = spec.below, .now = at(spec.now), .limit = spec.limit};
    for (bool last = false; !last && ran.steps < spec.most_steps; ++ran.steps) {
      const auto done = value(store().prune(step));
      ran.removed += done.removed;
      ran.kept += done.kept;
      step.after = done.looked_to;
      last = done.last;
    }
    EXPECT_LT(ran.steps, 1000) << "It does not end.";
    return ran;
  }

  /// What is left of a log, with what stands above the mark.
  std::vector<StoredRecord> rest(const Scope& scope = kScope) {
    const LogPosition below = value(store().pruned_below(scope));
    return value(store().scan(scope, below == 0 ? 0 : below - 1, 1'000'000));
  }

  bool is_there(const std::string& query_id) {
    return !value(store().find(kScope.tenant, query_id, kNoUpper)).empty();
  }

  void append_old(const std::string& query_id, const std::string& session = {}) {
    append_one(decision({.query_id = query_id, .session_id = session, .open_for = kDay}));
    append_one(outcome({.query_id = query_id, .cost_usd = .5, .latency_ms = 9.0}));
    append_one(feedback({.query_id = query_id, .key = "key " + query_id}));
  }

  /// Something to stand on: a record above everything so far.
  LogPosition mark() {
    return append_one(decision({.query_id = "mark " + std::to_string(++marks_),
                                .time = kOver,
                                .open_for = kDay}))
        .position;
  }

 private:
  int marks_ = 0;
};

TEST_P(StorePruning, TakesOutDecisionsThatAreOverWithAllThatWasSaidOfThem) {
  append_one(config("one"));
  append_old("old");
  append_one(feedback({.query_id = "old", .payload = "down"}));  // A revision.
  const LogPosition below = mark();
  EXPECT_EQ(value(store().pruned_below(kScope)), 0U);
  const Ran ran = prune({.below = below});
  EXPECT_EQ(ran.removed, 4U);
  EXPECT_EQ(ran.kept, 1U) << "The configuration.";
  EXPECT_EQ(value(store().pruned_below(kScope)), below);
  EXPECT_FALSE(is_there("old"));
  EXPECT_TRUE(is_there("mark 1"));
  EXPECT_EQ(append_one(config("one")).status, duplicate) << "The router's slots stay.";
  EXPECT_EQ(value(store().heads()).front().position, below);
  EXPECT_TRUE(value(store().recent_feedback(kScope.tenant, 0, 10)).empty());
}

TEST_P(StorePruning, FeedbackOnAPrunedDecisionIsUnknownAndItsIdMayBeUsedAnew) {
  append_old("old");
  prune({.below = mark()});
  EXPECT_EQ(append_one(feedback({.query_id = "old", .time = kOver})).status, unknown);
  EXPECT_EQ(append_one(feedback({.query_id = "old", .time = kStart + 5})).status, unknown)
      << "Whatever its time.";
  const auto again = append_one(decision({.query_id = "old", .body = "another", .time = kOver}));
  EXPECT_EQ(again.status, recorded);
  EXPECT_EQ(append_one(feedback({.query_id = "old", .time = kOver})).status, recorded)
      << "Nothing of the old one's slots is left.";
  EXPECT_EQ(value(store().find(kScope.tenant, "old", kNoUpper)).size(), 2U);
}

TEST_P(StorePruning, AnOpenDecisionKeepsItsSignalsAndTakesMore) {
  append_old("old");
  append_one(decision({.query_id = "open", .open_for = 90 * kDay}));
  const LogPosition first = append_one(feedback({.query_id = "open", .key = "mine"})).position;
  EXPECT_EQ(prune({.below = mark()}).removed, 3U);
  EXPECT_EQ(value(store().find(kScope.tenant, "open", kNoUpper)).size(), 2U);
  const auto same = append_one(feedback({.query_id = "open", .key = "mine", .time = kOver}));
  EXPECT_EQ(same.status, duplicate);
  EXPECT_EQ(same.position, first);
  EXPECT_EQ(append_one(feedback({.query_id = "open", .payload = "down", .time = kOver})).status,
            revised);
  EXPECT_EQ(value(store().counts(kScope, at(kOver))).open_decisions, 2U);
}

TEST_P(StorePruning, AKeyThatIsAliveKeepsWhatItAnswersWith) {
  // Open for a day; the key of feedback at its very end lives seven days more.
  append_one(decision({.query_id = "q", .open_for = kDay}));
  const auto given = feedback({.query_id = "q", .key = "late", .time = kStart + kDay});
  const LogPosition first = append_one(given).position;
  append_one(decision({.query_id = "mark", .time = kStart + 8 * kDay}));
  const LogPosition below = rest().back().position;
  const std::int64_t end_of_key = kStart + 8 * kDay;
  EXPECT_EQ(prune({.below = below, .now = end_of_key}).removed, 0U);
  auto repeated = given;
  repeated.record.time = at(end_of_key);
  const auto answer = append_one(repeated);
  EXPECT_EQ(answer.status, duplicate);
  EXPECT_EQ(answer.position, first);
  EXPECT_EQ(value(store().find(kScope.tenant, "q", first)).size(), 2U);
  EXPECT_EQ(prune({.below = below, .now = end_of_key + 1}).removed, 2U);
  repeated.record.time = at(end_of_key + 1);
  EXPECT_EQ(append_one(repeated).status, unknown);
}

TEST_P(StorePruning, WhatARecordAboveSpeaksOfStays) {
  append_old("old");
  append_one(decision({.query_id = "spoken of", .open_for = kDay}));
  const LogPosition below = append_one(decision({.query_id = "mark", .open_for = kDay})).position;
  append_one(feedback({.query_id = "spoken of"}));
  EXPECT_EQ(prune({.below = below}).removed, 3U);
  EXPECT_EQ(value(store().find(kScope.tenant, "spoken of", kNoUpper)).size(), 2U);
  EXPECT_TRUE(is_there("mark")) << "Nothing at the mark goes, whatever it is.";
}

TEST_P(StorePruning, ASessionGoesAsAWholeOrNotAtAll) {
  append_old("a1", "a");
  append_old("a2", "a");
  append_one(session_feedback({.session_id = "a"}));
  append_old("b1", "b");
  append_one(decision({.query_id = "b2", .session_id = "b", .open_for = 90 * kDay}));
  append_one(session_feedback({.session_id = "b"}));
  append_old("c1", "c");
  append_one(session_feedback({.session_id = "c", .time = kOver - kDay}));
  append_old("d1", "d");
  const LogPosition below = mark();
  append_one(session_feedback({.session_id = "d"}));

  EXPECT_EQ(prune({.below = below, .limit = 2}).removed, 7U) << "The session a alone.";
  EXPECT_FALSE(is_there("a1") || is_there("a2"));
  EXPECT_TRUE(value(store().session_scopes(kScope.tenant, "a")).empty());
  EXPECT_TRUE(value(store().session_records(kScope, "a", kNoUpper)).empty());
  EXPECT_TRUE(is_there("b1")) << "A decision of its session is open.";
  EXPECT_EQ(value(store().session_records(kScope, "b", kNoUpper)).size(), 3U);
  EXPECT_TRUE(is_there("c1")) << "The session's key could be alive.";
  EXPECT_TRUE(is_there("d1")) << "A record above speaks of its session.";
  EXPECT_EQ(append_one(session_feedback({.session_id = "b", .time = kOver})).status, duplicate);
  EXPECT_EQ(append_one(session_feedback({.session_id = "a", .time = kOver})).status, recorded)
      << "Its slots are gone; a server asks session_scopes first and says 404.";
}

TEST_P(StorePruning, AScanThatBeginsInWhatWasPrunedIsAnErrorOfItsOwn) {
  append_one(config("one"));
  append_old("old");
  const LogPosition below = mark();
  append_one(feedback({.query_id = "mark 1", .time = kOver}));
  prune({.below = below});
  for (const LogPosition after : {LogPosition{0}, below / 2, below - 2}) {
    const auto partial = store().scan(kScope, after, 10);
    ASSERT_FALSE(partial.ok()) << after;
    EXPECT_EQ(partial.error().code, ErrorCode::pruned);
    EXPECT_NE(partial.error().message.find(std::to_string(below)), std::string::npos);
  }
  EXPECT_EQ(value(store().scan(kScope, below - 1, 10)).size(), 2U);
  EXPECT_EQ(value(store().scan(kScope, below, 10)).size(), 1U);
  EXPECT_TRUE(value(store().scan(kScope, below + 1000, 10)).empty());
}

TEST_P(StorePruning, ARunThatBreaksOffIsMarkedAndCompletedByTheNext) {
  for (int i = 0; i < 20; ++i) append_old("q" + std::to_string(i));
  const LogPosition below = mark();
  const Ran begun = prune({.below = below, .limit = 7, .most_steps = 2});
  EXPECT_GT(begun.removed, 0U);
  EXPECT_LT(begun.removed, 60U);
  EXPECT_EQ(value(store().pruned_below(kScope)), below) << "The mark stands before all is gone.";
  EXPECT_EQ(store().scan(kScope, 0, 10).error().code, ErrorCode::pruned);
  EXPECT_TRUE(is_there("q19"));
  const Ran completed = prune({.below = below, .limit = 7});
  EXPECT_EQ(begun.removed + completed.removed, 60U);
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(is_there("q" + std::to_string(i)));
  const Ran third = prune({.below = below, .limit = 7});
  EXPECT_EQ(third.removed, 0U) << "The same again changes nothing.";
  EXPECT_EQ(rest().size(), 1U);
}

TEST_P(StorePruning, TheMarkNeverGoesBack) {
  append_old("old");
  const LogPosition first = mark();
  const LogPosition second = mark();
  prune({.below = second});
  prune({.below = first});
  EXPECT_EQ(value(store().pruned_below(kScope)), second);
}

TEST_P(StorePruning, AnotherRoutersLogIsLeftAlone) {
  const Scope other{kScope.tenant, "other"};
  append_old("old");
  append_one(decision({.query_id = "theirs", .scope = other, .session_id = "s", .open_for = kDay}));
  append_one(feedback({.query_id = "theirs"}));
  append_old("ours", "s");
  append_one(session_feedback({.session_id = "s", .router = "other"}));
  append_one(session_feedback({.session_id = "s"}));
  const auto before = log(other);
  prune({.below = mark()});
  EXPECT_FALSE(is_there("old") || is_there("ours"));
  EXPECT_EQ(value(store().pruned_below(other)), 0U);
  const auto after = log(other);
  ASSERT_EQ(after.size(), before.size());
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_EQ(after[i].position, before[i].position);
    EXPECT_EQ(after[i].record.id, before[i].record.id);
  }
  EXPECT_EQ(value(store().session_scopes(kScope.tenant, "s")), (std::vector<Scope>{other}));
  EXPECT_EQ(value(store().session_records(other, "s", kNoUpper)).size(), 2U);
  EXPECT_EQ(append_one(feedback({.query_id = "theirs", .payload = "down"})).status, revised);
}

TEST_P(StorePruning, CountsAreSinceTheStart) {
  append_old("old");
  prune({.below = mark()});
  const StoreCounts counts = value(store().counts(kScope, at(kOver)));
  EXPECT_EQ(counts.decisions, 2U);
  EXPECT_EQ(counts.outcomes, 1U);
  EXPECT_EQ(counts.open_decisions, 1U);
}

TEST_P(StorePruning, OfALogThatIsNotThereNothingIsPruned) {
  const Ran ran = prune({.below = 100, .scope = {"acme", "nobody"}});
  EXPECT_EQ(ran.removed, 0U);
  EXPECT_EQ(ran.kept, 0U);
}

TEST_P(StorePruning, EverythingInADecisionsNameIsBytes) {
  const std::string odd = std::string("{a}:%\0\xff", 7);
  append_old(odd, odd);
  append_one(session_feedback({.session_id = odd}));
  EXPECT_EQ(prune({.below = mark()}).removed, 4U);
  EXPECT_FALSE(is_there(odd));
}

class DurablePruning : public StorePruning {};

TEST_P(DurablePruning, WhatWasPrunedIsStillPrunedAfterARestart) {
  append_old("old");
  append_one(decision({.query_id = "open", .open_for = 90 * kDay}));
  const LogPosition below = mark();
  prune({.below = below, .limit = 2, .most_steps = 1});
  open();
  EXPECT_EQ(value(store().pruned_below(kScope)), below);
  EXPECT_EQ(store().scan(kScope, 0, 10).error().code, ErrorCode::pruned);
  prune({.below = below, .limit = 2});
  EXPECT_TRUE(store().compact());
  open();
  EXPECT_FALSE(is_there("old"));
  EXPECT_TRUE(is_there("open"));
  EXPECT_EQ(append_one(feedback({.query_id = "open", .time = kOver})).status, recorded);
  EXPECT_GT(append_one(decision({.query_id = "new", .time = kOver})).position, below);
}

INSTANTIATE_TEST_SUITE_P(Stores, StorePruning,
                         testing::Values(Backend::memory, Backend::sqlite_full, Backend::redis,
                                         Backend::postgres),
                         backend_name);
INSTANTIATE_TEST_SUITE_P(Stores, DurablePruning,
                         testing::Values(Backend::sqlite_full, Backend::redis, Backend::postgres),
                         backend_name);

}  // namespace
}  // namespace pointsman::testing_stores
