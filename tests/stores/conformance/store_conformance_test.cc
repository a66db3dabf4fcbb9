#include "tests/stores/conformance/store_conformance.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

namespace pointsman::testing_stores {
namespace {

using enum AppendStatus;

std::vector<std::string> payloads(const std::vector<StoredRecord>& records) {
  std::vector<std::string> found;
  for (const StoredRecord& stored : records) {
    if (const auto* body = std::get_if<Feedback>(&stored.record.body)) {
      found.push_back(body->payload);
    }
  }
  return found;
}

TEST_P(StoreConformance, ADecisionIsFoundWithAllThatIsSaidOfItInOrder) {
  append_one(decision({.query_id = "q1"}));
  append_one(decision({.query_id = "q2"}));
  append_one(outcome({.query_id = "q1", .cost_usd = .001}));
  append_one(feedback({.query_id = "q2"}));
  append_one(feedback({.query_id = "q1"}));
  const auto found = value(store().find("acme", "q1", kNoUpper));
  ASSERT_EQ(found.size(), 3U);
  EXPECT_STREQ(kind_name(found[0].record.body), "decision");
  EXPECT_STREQ(kind_name(found[1].record.body), "outcome");
  EXPECT_STREQ(kind_name(found[2].record.body), "feedback");
  EXPECT_LT(found[0].position, found[1].position);
  EXPECT_LT(found[1].position, found[2].position);
  EXPECT_EQ(found[2].scope, kScope);
  EXPECT_EQ(value(store().find("acme", "q1", found[1].position)).size(), 2U)
      << "The upper position is part of what is found.";
  EXPECT_TRUE(value(store().find("acme", "nobody", kNoUpper)).empty());
}

TEST_P(StoreConformance, ARecordKeepsItsIdItsTimeAndItsBytes) {
  const AppendRequest request = decision({.query_id = "q1", .session_id = "s", .time = kStart + 7});
  append_one(request);
  const auto found = value(store().find("acme", "q1", kNoUpper));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].record.id, request.record.id);
  EXPECT_EQ(found[0].record.time, at(kStart + 7));
  const auto& body = std::get<Decision>(found[0].record.body);
  EXPECT_EQ(body.session_id, "s");
  EXPECT_EQ(body.arms, std::get<Decision>(request.record.body).arms);
}

TEST_P(StoreConformance, FeedbackTakesItsRouterFromItsDecision) {
  append_one(decision({.query_id = "q1", .scope = {"acme", "drafts"}}));
  const AppendResult result = append_one(feedback({.query_id = "q1"}));
  EXPECT_EQ(result.status, recorded);
  EXPECT_EQ(result.scope, (Scope{"acme", "drafts"}));
  EXPECT_EQ(append_one(feedback({.query_id = "q1", .signal_type = "x", .router = "other"})).status,
            unknown);
}

TEST_P(StoreConformance, FeedbackOnAnUnknownDecisionIsUnknownAndLeavesNothing) {
  EXPECT_EQ(append_one(feedback({.query_id = "q1", .key = "k"})).status, unknown);
  append_one(decision({.query_id = "q1"}));
  EXPECT_EQ(append_one(feedback({.query_id = "q1", .key = "k"})).status, recorded)
      << "The refused attempt did not use up its key.";
}

TEST_P(StoreConformance, TheSameKeyAndBodyIsADuplicateOfTheFirst) {
  append_one(decision({.query_id = "q1"}));
  const AppendResult first = append_one(feedback({.query_id = "q1", .key = "k"}));
  EXPECT_EQ(first.status, recorded);
  append_one(feedback({.query_id = "q1", .payload = "down", .key = "k2"}));
  const AppendResult repeat = append_one(feedback({.query_id = "q1", .key = "k"}));
  EXPECT_EQ(repeat.status, duplicate) << "The key decides, although the signal has changed since.";
  EXPECT_EQ(repeat.position, first.position);
  EXPECT_EQ(repeat.scope, kScope);
  EXPECT_EQ(log().size(), 3U);
}

TEST_P(StoreConformance, TheSameKeyWithAnotherBodyIsAConflict) {
  append_one(decision({.query_id = "q1"}));
  append_one(feedback({.query_id = "q1", .key = "k"}));
  EXPECT_EQ(append_one(feedback({.query_id = "q1", .payload = "down", .key = "k"})).status,
            conflict);
  EXPECT_EQ(append_one(feedback({.query_id = "gone", .payload = "down", .key = "k"})).status,
            unknown)
      << "Existence is judged before conflict.";
  EXPECT_EQ(log().size(), 2U);
}

TEST_P(StoreConformance, AKeyCountsWithinItsTenantAndRoute) {
  append_one(decision({.query_id = "q1"}));
  append_one(decision({.query_id = "q1", .scope = {"other", "default"}}));
  EXPECT_EQ(append_one(feedback({.query_id = "q1", .key = "k"})).status, recorded);
  EXPECT_EQ(
      append_one(feedback({.query_id = "q1", .payload = "down", .key = "k", .tenant = "other"}))
          .status,
      recorded);
  AppendRequest on_another_route = outcome({.query_id = "q1", .cost_usd = 1});
  on_another_route.key = IdempotencyKey{"outcome", "k", print_of("cost")};
  EXPECT_EQ(append_one(on_another_route).status, recorded);
}

TEST_P(StoreConformance, WithoutAKeyTheCurrentPayloadIsADuplicateAndAnotherARevision) {
  append_one(decision({.query_id = "q1"}));
  const AppendResult up = append_one(feedback({.query_id = "q1", .payload = "up"}));
  const AppendResult again = append_one(feedback({.query_id = "q1", .payload = "up"}));
  const AppendResult down = append_one(feedback({.query_id = "q1", .payload = "down"}));
  const AppendResult up_again = append_one(feedback({.query_id = "q1", .payload = "up"}));
  const AppendResult repeat = append_one(feedback({.query_id = "q1", .payload = "up"}));
  EXPECT_EQ(up.status, recorded);
  EXPECT_EQ(again.status, duplicate);
  EXPECT_EQ(again.position, up.position);
  EXPECT_EQ(down.status, revised);
  EXPECT_EQ(up_again.status, revised);
  EXPECT_GT(up_again.position, down.position);
  EXPECT_EQ(repeat.status, duplicate);
  EXPECT_EQ(repeat.position, up_again.position) << "Of the record that set the current value.";
  EXPECT_EQ(payloads(log()), (std::vector<std::string>{"up", "down", "up"}));
}

TEST_P(StoreConformance, ANewKeyWithTheCurrentPayloadIsADuplicateAndIsRemembered) {
  append_one(decision({.query_id = "q1"}));
  const AppendResult first = append_one(feedback({.query_id = "q1", .payload = "up"}));
  const AppendResult keyed = append_one(feedback({.query_id = "q1", .payload = "up", .key = "k"}));
  EXPECT_EQ(keyed.status, duplicate);
  EXPECT_EQ(keyed.position, first.position);
  append_one(feedback({.query_id = "q1", .payload = "down"}));
  const AppendResult repeat = append_one(feedback({.query_id = "q1", .payload = "up", .key = "k"}));
  EXPECT_EQ(repeat.status, duplicate) << "Else a late repeat would turn the signal round.";
  EXPECT_EQ(repeat.position, first.position);
}

TEST_P(StoreConformance, SignalTypesOfADecisionAreApart) {
  append_one(decision({.query_id = "q1"}));
  EXPECT_EQ(append_one(feedback({.query_id = "q1", .signal_type = "thumbs"})).status, recorded);
  EXPECT_EQ(append_one(feedback({.query_id = "q1", .signal_type = "rating"})).status, recorded);
  EXPECT_EQ(append_one(feedback({.query_id = "q1", .signal_type = "thumbs"})).status, duplicate);
  EXPECT_EQ(
      append_one(feedback({.query_id = "q1", .payload = "x", .signal_type = "rating"})).status,
      revised);
}

TEST_P(StoreConformance, AnOutcomeIsJudgedFieldByField) {
  append_one(decision({.query_id = "q1"}));
  const auto cost = append_one(outcome({.query_id = "q1", .cost_usd = 1}));
  EXPECT_EQ(cost.status, recorded);
  const auto latency = append_one(outcome({.query_id = "q1", .latency_ms = 20}));
  EXPECT_EQ(latency.status, recorded);
  const auto both = append_one(outcome({.query_id = "q1", .cost_usd = 1, .latency_ms = 20}));
  EXPECT_EQ(both.status, duplicate);
  EXPECT_EQ(both.position, latency.position) << "The record from which both have held.";
  const auto changed = append_one(outcome({.query_id = "q1", .cost_usd = 1, .latency_ms = 30}));
  EXPECT_EQ(changed.status, revised);
  EXPECT_EQ(append_one(outcome({.query_id = "q1", .cost_usd = 1})).position, cost.position);
  EXPECT_EQ(append_one(outcome({.query_id = "q1", .latency_ms = 30})).position, changed.position);
}

TEST_P(StoreConformance, ARepeatedDecisionGetsTheFirstPositionAndAnotherBodyAConflict) {
  const AppendResult first = append_one(decision({.query_id = "q1", .body = "same"}));
  const AppendResult repeat = append_one(decision({.query_id = "q1", .body = "same", .arm = "b"}));
  EXPECT_EQ(first.status, recorded);
  EXPECT_EQ(repeat.status, duplicate);
  EXPECT_EQ(repeat.position, first.position);
  EXPECT_EQ(append_one(decision({.query_id = "q1", .body = "other"})).status, conflict);
  EXPECT_EQ(
      append_one(decision({.query_id = "q1", .scope = {"acme", "x"}, .body = "other"})).status,
      conflict)
      << "A query_id names one decision in all routers of a tenant.";
  const auto found = value(store().find("acme", "q1", kNoUpper));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(std::get<Decision>(found[0].record.body).arms[0].arm, "a");
}

TEST_P(StoreConformance, ADecisionWithoutASlotIsToldByItsRecordId) {
  AppendRequest request = decision({.query_id = "q1"});
  request.slots.clear();
  const AppendResult first = append_one(request);
  const AppendResult again = append_one(request);
  EXPECT_EQ(again.status, duplicate) << "The same group, given again after a doubtful commit.";
  EXPECT_EQ(again.position, first.position);
  request.record.id = next_id();
  EXPECT_EQ(append_one(request).status, conflict);
}

TEST_P(StoreConformance, AGroupGivenAgainIsAllDuplicates) {
  const std::vector<AppendRequest> group = {
      decision({.query_id = "q1"}), feedback({.query_id = "q1", .key = "k"}),
      outcome({.query_id = "q1", .cost_usd = 1}), config("h1")};
  const auto first = append(group);
  const auto again = append(group);
  for (std::size_t i = 0; i < group.size(); ++i) {
    EXPECT_EQ(first[i].status, recorded) << i;
    EXPECT_EQ(again[i].status, duplicate) << i;
    EXPECT_EQ(again[i].position, first[i].position) << i;
  }
  EXPECT_EQ(log().size(), group.size());
}

TEST_P(StoreConformance, DuplicatesInsideAGroupAreRecognised) {
  const auto results = append({decision({.query_id = "q1"}), decision({.query_id = "q1"}),
                               feedback({.query_id = "q1", .payload = "up", .key = "k"}),
                               feedback({.query_id = "q1", .payload = "up", .key = "k"}),
                               feedback({.query_id = "q1", .payload = "down"}),
                               feedback({.query_id = "q1", .payload = "up", .key = "k"}),
                               feedback({.query_id = "none"})});
  const std::vector<AppendStatus> expected = {recorded, duplicate, recorded, duplicate,
                                              revised,  duplicate, unknown};
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_EQ(results[i].status, expected[i]) << i;
  EXPECT_EQ(results[3].position, results[2].position);
  EXPECT_EQ(results[5].position, results[2].position);
  EXPECT_EQ(log().size(), 3U);
}

TEST_P(StoreConformance, FirstWinsMakesEveryLaterRecordOfTheNameADuplicate) {
  const AppendResult first = append_one(config("h1"));
  EXPECT_EQ(first.status, recorded);
  AppendRequest other = config("h1");
  other.slots[0].value = print_of("computed elsewhere");
  const AppendResult second = append_one(other);
  EXPECT_EQ(second.status, duplicate);
  EXPECT_EQ(second.position, first.position);
  EXPECT_EQ(append_one(config("h2")).status, recorded);
}

TEST_P(StoreConformance, WithoutASubjectOnlyTheKeyCanMakeADuplicate) {
  AppendRequest request = config("h1");
  request.subject_kind = SubjectKind::none;
  EXPECT_EQ(append_one(request).status, recorded);
  EXPECT_EQ(append_one(request).status, recorded);
  request.key = IdempotencyKey{"arms", "k", print_of("body")};
  EXPECT_EQ(append_one(request).status, recorded);
  EXPECT_EQ(append_one(request).status, duplicate);
}

TEST_P(StoreConformance, AnEmptyGroupIsNothing) { EXPECT_TRUE(append({}).empty()); }

TEST_P(StoreConformance, ExpiryIsJudgedFromRecordedTimes) {
  append_one(decision({.query_id = "q1", .time = kStart, .open_for = 100}));
  EXPECT_EQ(append_one(feedback({.query_id = "q1", .time = kStart + 100})).status, recorded)
      << "The last moment is part of it.";
  EXPECT_EQ(
      append_one(feedback({.query_id = "q1", .payload = "down", .time = kStart + 101})).status,
      unknown);
  EXPECT_EQ(append_one(outcome({.query_id = "q1", .cost_usd = 1, .time = kStart + 101})).status,
            unknown);
  EXPECT_EQ(value(store().find("acme", "q1", kNoUpper)).size(), 2U)
      << "What was accepted counts for ever.";
}

TEST_P(StoreConformance, AKeyOutlivesAShortDecisionByItsSevenDays) {
  append_one(decision({.query_id = "q1", .time = kStart, .open_for = 60}));
  append_one(feedback({.query_id = "q1", .key = "k", .time = kStart}));
  EXPECT_EQ(append_one(feedback({.query_id = "q1", .key = "k", .time = kStart + 7 * kDay})).status,
            duplicate);
  EXPECT_EQ(append_one(feedback({.query_id = "q1", .key = "k", .time = kStart + 8 * kDay})).status,
            unknown);
}

TEST_P(StoreConformance, AKeyLivesAsLongAsItsDecision) {
  append_one(decision({.query_id = "q1", .time = kStart, .open_for = 30 * kDay}));
  append_one(feedback({.query_id = "q1", .key = "k", .time = kStart}));
  append_one(feedback({.query_id = "q1", .payload = "down", .time = kStart}));
  EXPECT_EQ(append_one(feedback({.query_id = "q1", .key = "k", .time = kStart + 30 * kDay})).status,
            duplicate);
}

TEST_P(StoreConformance, SessionFeedbackIsJudgedARouter) {
  append_one(decision({.query_id = "q1", .scope = {"acme", "a"}, .session_id = "s"}));
  append_one(decision({.query_id = "q2", .scope = {"acme", "b"}, .session_id = "s"}));
  const auto in_a = append_one(session_feedback({.session_id = "s", .router = "a", .key = "k"}));
  EXPECT_EQ(in_a.status, recorded);
  EXPECT_EQ(append_one(session_feedback({.session_id = "s", .router = "b", .key = "k"})).status,
            recorded)
      << "One session feedback is a record in each router, all with its key.";
  const auto repeat = append_one(session_feedback({.session_id = "s", .router = "a", .key = "k"}));
  EXPECT_EQ(repeat.status, duplicate);
  EXPECT_EQ(repeat.position, in_a.position);
  EXPECT_EQ(
      append_one(session_feedback({.session_id = "s", .router = "b", .payload = "bad", .key = "k"}))
          .status,
      conflict);
  EXPECT_EQ(
      append_one(session_feedback({.session_id = "s", .router = "c", .payload = "bad", .key = "k"}))
          .status,
      conflict)
      << "In a router that it has not reached, too.";
  EXPECT_EQ(
      append_one(session_feedback({.session_id = "s", .router = "a", .payload = "bad"})).status,
      revised);
  EXPECT_EQ(append_one(session_feedback({.session_id = "s", .router = ""})).status, unknown);
}

TEST_P(StoreConformance, ASessionKnowsItsDecisionsItsFeedbackAndItsRouters) {
  append_one(decision({.query_id = "q1", .scope = {"acme", "a"}, .session_id = "s"}));
  append_one(decision({.query_id = "q2", .scope = {"acme", "b"}, .session_id = "s"}));
  append_one(decision({.query_id = "q3", .scope = {"acme", "a"}, .session_id = "t"}));
  append_one(decision({.query_id = "q4", .scope = {"acme", "a"}}));
  append_one(session_feedback({.session_id = "s", .router = "a"}));
  append_one(feedback({.query_id = "q1"}));
  const auto in_a = value(store().session_records({"acme", "a"}, "s", kNoUpper));
  ASSERT_EQ(in_a.size(), 2U);
  EXPECT_EQ(std::get<Decision>(in_a[0].record.body).query_id, "q1");
  EXPECT_STREQ(kind_name(in_a[1].record.body), "session_feedback");
  EXPECT_EQ(value(store().session_records({"acme", "a"}, "s", in_a[0].position)).size(), 1U);
  EXPECT_EQ(value(store().session_scopes("acme", "s")),
            (std::vector<Scope>{{"acme", "a"}, {"acme", "b"}}));
  EXPECT_TRUE(value(store().session_scopes("acme", "nobody")).empty());
  EXPECT_TRUE(value(store().session_scopes("other", "s")).empty());
}

TEST_P(StoreConformance, TenantsNeverSeeEachOther) {
  append_one(decision({.query_id = "q1", .session_id = "s"}));
  append_one(feedback({.query_id = "q1"}));
  EXPECT_EQ(append_one(feedback({.query_id = "q1", .tenant = "other"})).status, unknown);
  EXPECT_TRUE(value(store().find("other", "q1", kNoUpper)).empty());
  EXPECT_TRUE(value(store().scan({"other", "default"}, 0, 10)).empty());
  EXPECT_TRUE(value(store().recent_feedback("other", 0, 10)).empty());
  EXPECT_TRUE(value(store().session_records({"other", "default"}, "s", kNoUpper)).empty());
  EXPECT_EQ(
      append_one(decision({.query_id = "q1", .scope = {"other", "default"}, .body = "x"})).status,
      recorded)
      << "A query_id is a tenant's own.";
  EXPECT_EQ(value(store().find("acme", "q1", kNoUpper)).size(), 2U);
}

TEST_P(StoreConformance, NulsAndInvalidUtf8AreKeptAsBytes) {
  const std::string payload("{\"t\":\"\0\xff\xfe\xed\xa0\x80\"}", 14);
  const std::string key("k\0\xff one", 7);
  const std::string query("q\0x", 3);
  append_one(decision({.query_id = query}));
  append_one(decision({.query_id = std::string("q\0y", 3), .body = "another"}));
  EXPECT_EQ(append_one(feedback({.query_id = query, .payload = payload, .key = key})).status,
            recorded);
  EXPECT_EQ(append_one(feedback({.query_id = query, .payload = payload, .key = key})).status,
            duplicate);
  const auto found = value(store().find("acme", query, kNoUpper));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(std::get<Feedback>(found[1].record.body).payload, payload);
}

TEST_P(StoreConformance, APoisonRecordFailsAlone) {
  const std::string huge(2 * kMaxRecordBytes, 'x');
  const auto results = append({decision({.query_id = "q1"}),
                               feedback({.query_id = "q1", .payload = huge, .key = "k"}),
                               feedback({.query_id = "q1", .payload = "up"})});
  EXPECT_EQ(results[0].status, recorded);
  EXPECT_EQ(results[1].status, failed);
  EXPECT_FALSE(results[1].message.empty());
  EXPECT_EQ(results[2].status, recorded);
  EXPECT_EQ(payloads(log()), std::vector<std::string>{"up"});
  EXPECT_EQ(append_one(feedback({.query_id = "q1", .payload = "smaller", .key = "k"})).status,
            revised)
      << "The failed one left neither a key nor a slot.";
}

TEST_P(StoreConformance, AStoreThatIsWhatItWasPassesItsChecksAndTheyLeaveItsLogAsItWas) {
  append_one(decision({.query_id = "q1"}));
  for (const StoreCheck how : {StoreCheck::identity, StoreCheck::writing, StoreCheck::writing}) {
    const Status checked = store().check(how);
    EXPECT_TRUE(checked.ok()) << checked.error().message;
  }
  EXPECT_EQ(log().size(), 1U);
  if (durable()) open();
  EXPECT_TRUE(store().check(StoreCheck::identity).ok());
}

INSTANTIATE_TEST_SUITE_P(Stores, StoreConformance,
                         testing::Values(Backend::memory, Backend::sqlite_full,
                                         Backend::sqlite_normal, Backend::redis, Backend::postgres),
                         backend_name);
}  // namespace
}  // namespace pointsman::testing_stores
