// The rules of an append are written twice, in C++ (append_rules.cc) and in SQL (append.sql): here
// both judge the same random groups.

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "stores/memory/memory_store.h"
#include "stores/postgres/postgres_waves.h"
#include "tests/stores/conformance/store_conformance.h"

namespace pointsman::testing_stores {
namespace {

/// Requests over so few names that most of them meet an earlier one.
class RandomRequests final {
 public:
  explicit RandomRequests(unsigned seed) : random_(seed) {}

  AppendRequest next() {
    now_ += static_cast<std::int64_t>(pick(1500));
    AppendRequest made = plain();
    made.record.time = at(kStart + now_);
    if (auto* body = std::get_if<Decision>(&made.record.body)) {
      body->expires_at = made.record.time + std::chrono::hours(10 + 40 * pick(10));
    }
    if (pick(3) == 0) {
      made.key = IdempotencyKey{pick(2) == 0 ? "r1" : "r2", name("k", 12), print_of(name("b", 2))};
    }
    return made;
  }

  /// Every third group is one of signals alone, of one tenant, which has a shorter way.
  std::vector<AppendRequest> next_group() {
    std::vector<AppendRequest> group;
    if (pick(3) > 0) {
      for (unsigned n = 1 + pick(24); n > 0; --n) group.push_back(next());
      return group;
    }
    const std::string tenant = name("t", 2);
    for (unsigned n = 1 + pick(6); n > 0; --n) {
      now_ += static_cast<std::int64_t>(pick(1500));
      group.push_back(signal(tenant));
      group.back().record.time = at(kStart + now_);
    }
    return group;
  }

 private:
  unsigned pick(unsigned n) { return static_cast<unsigned>(random_() % n); }
  std::string name(const std::string& head, unsigned n) { return head + std::to_string(pick(n)); }

  AppendRequest plain() {
    // More routers than PostgreSQL would hold all of for a signal.
    const Scope scope{name("t", 2), name("router", 6)};
    switch (pick(9)) {
      case 0:
      case 1: {
        AppendRequest made = decision({.query_id = name("q", 25),
                                       .scope = scope,
                                       .session_id = name("s", 3),
                                       .body = name("body", 2)});
        if (pick(8) == 0) made.slots.clear();
        return made;
      }
      case 2: {
        AppendRequest made = outcome({.query_id = name("q", 25), .cost_usd = pick(3)});
        if (pick(2) == 0) made.slots.push_back({"outcome.latency_ms", print_of(name("l", 2))});
        made.scope.tenant = scope.tenant;
        return made;
      }
      case 3: {
        AppendRequest made = session_feedback({.session_id = name("s", 3),
                                               .router = pick(12) == 0 ? "" : scope.router,
                                               .payload = name("p", 2),
                                               .signal_type = name("type", 2)});
        made.scope.tenant = scope.tenant;
        return made;
      }
      case 4: {
        AppendRequest made = config(name("h", 4));
        made.scope = scope;
        made.first_wins = pick(2) == 0;
        made.slots[0].value = print_of(name("value", 3));
        if (pick(4) == 0) made.subject_kind = SubjectKind::none;
        return made;
      }
      default: {
        AppendRequest made = signal(scope.tenant);
        if (pick(5) == 0) made.scope.router = scope.router;
        return made;
      }
    }
  }

  AppendRequest signal(const std::string& tenant) {
    AppendRequest made;
    if (pick(4) == 0) {
      made = outcome({.query_id = name("q", 25), .cost_usd = pick(3)});
      made.scope.tenant = tenant;
    } else {
      const bool huge = pick(20) == 0;
      made = feedback({.query_id = name("q", 25),
                       .payload = huge ? std::string(2 * kMaxRecordBytes, 'x') : name("p", 3),
                       .signal_type = name("type", 3),
                       .tenant = tenant});
    }
    made.first_wins = pick(8) == 0;
    return made;
  }

  std::mt19937 random_;
  std::int64_t now_ = 0;
};

TEST(PostgresRules, RandomGroupsGetTheAnswersOfTheRulesInCpp) {
  std::map<AppendStatus, int> seen;
  for (unsigned seed = 1; seed <= 4; ++seed) {
    RandomRequests requests(seed);
    MemoryStore memory({.max_record_bytes = kMaxRecordBytes});
    PostgresStoreOptions options;
    options.url = url_of_new_database();
    options.max_record_bytes = kMaxRecordBytes;
    const auto opened = PostgresStore::open(options);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    PostgresStore& postgres = *opened.value();
    std::map<LogPosition, LogPosition> same;  // Memory's position to PostgreSQL's.
    same[0] = 0;
    for (int g = 0; g < 90; ++g) {
      const std::vector<AppendRequest> group = requests.next_group();
      const auto expected = memory.append(group);
      const auto found = postgres.append(group);
      ASSERT_TRUE(expected.ok());
      ASSERT_TRUE(found.ok()) << found.error().message;
      LogPosition newest = 0;
      for (std::size_t i = 0; i < group.size(); ++i) {
        const AppendResult& ours = (*expected)[i];
        const AppendResult& theirs = (*found)[i];
        const std::string which = "seed " + std::to_string(seed) + ", group " + std::to_string(g) +
                                  ", request " + std::to_string(i);
        ASSERT_EQ(theirs.status, ours.status) << which;
        EXPECT_EQ(theirs.scope, ours.scope) << which;
        ++seen[ours.status];
        if (ours.status == AppendStatus::recorded || ours.status == AppendStatus::revised) {
          same[ours.position] = theirs.position;
          EXPECT_GT(theirs.position, newest) << which << ": positions follow the requests.";
          newest = theirs.position;
        }
        // A key may be taken in several routers, by sessions: any of them is an answer.
        const bool any = ours.status == AppendStatus::conflict && group[i].key.has_value();
        ASSERT_TRUE(same.contains(ours.position)) << which;
        if (!any) {
          EXPECT_EQ(theirs.position, same[ours.position]) << which;
        }
      }
    }
    const auto scopes = memory.scopes();
    for (const Scope& scope : *scopes) {
      const auto expected = memory.scan(scope, 0, 100'000);
      const auto found = postgres.scan(scope, 0, 100'000);
      ASSERT_EQ(found->size(), expected->size());
      for (std::size_t i = 0; i < found->size(); ++i) {
        EXPECT_EQ((*found)[i].record.id, (*expected)[i].record.id);
      }
      const StoreCounts ours = memory.counts(scope, at(kStart)).value();
      const StoreCounts theirs = postgres.counts(scope, at(kStart)).value();
      EXPECT_EQ(theirs.decisions, ours.decisions);
      EXPECT_EQ(theirs.feedback_by_type, ours.feedback_by_type);
      EXPECT_EQ(theirs.open_decisions, ours.open_decisions);
    }
  }
  for (const AppendStatus status :
       {AppendStatus::recorded, AppendStatus::revised, AppendStatus::duplicate,
        AppendStatus::conflict, AppendStatus::unknown, AppendStatus::failed}) {
    EXPECT_GT(seen[status], 10) << "The groups reach every answer: " << static_cast<int>(status);
  }
}

std::vector<std::int32_t> wave_ends(const std::vector<AppendRequest>& group) {
  return waves_of(group).end;
}

TEST(PostgresWaves, WhatIsAboutDifferentSlotsIsJudgedTogether) {
  EXPECT_EQ(wave_ends({feedback({.query_id = "q1"}), feedback({.query_id = "q2"}),
                       feedback({.query_id = "q1", .signal_type = "rating"}),
                       outcome({.query_id = "q1", .cost_usd = 1}), decision({.query_id = "q3"})}),
            (std::vector<std::int32_t>{5}));
}

TEST(PostgresWaves, WhatARequestChangesIsReadInALaterWave) {
  const std::vector<AppendRequest> group = {
      decision({.query_id = "q1"}), feedback({.query_id = "q1", .key = "k"}),
      feedback({.query_id = "q2", .key = "k"}), feedback({.query_id = "q3"}),
      decision({.query_id = "q1"})};
  const PostgresWaves waves = waves_of(group);
  EXPECT_EQ(waves.order, (std::vector<std::int32_t>{1, 4, 2, 3, 5}));
  EXPECT_EQ(waves.end, (std::vector<std::int32_t>{2, 3, 5}));
}

}  // namespace
}  // namespace pointsman::testing_stores
