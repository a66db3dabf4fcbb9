// A log that is longer than what its fold keeps at hand.

#include "engine/log/log_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/routers/losing_store.h"
#include "tests/engine/routers/replica.h"

namespace pointsman::testing_stores {
namespace {

constexpr int kLong = 6'000;     ///< Decisions: a batch and a part.
constexpr int kSchema = 1'100;   ///< Decisions after which the schema is frozen.
constexpr std::size_t kFew = 0;  ///< Decisions at hand: the fold's least, 2,048.

std::string query_id(int i) { return "q" + std::to_string(i); }

/// Appends to the store alone, in large groups: who follows the log folds it.
class Filler final {
 public:
  Filler(Store& store, Replica& replica) : store_(store), replica_(replica) {
    replica_.configure();
    for (int i = 0; i < kSchema; ++i) like_ = replica_.route(query_id(i));
  }
  Filler(const Filler&) = delete;
  Filler& operator=(const Filler&) = delete;
  ~Filler() { flush(); }

  void route(int i) {
    if (i < kSchema) return;
    like_.query_id = query_id(i);
    add(append_decision(kReplicaScope, replica_.stamp(), like_, {}));
  }

  void rate(int i, double reward) {
    Fingerprint payload{};
    std::memcpy(payload.data(), &reward, sizeof(reward));
    add(append_feedback(Scope{"default", ""}, replica_.stamp(),
                        Feedback{query_id(i), "rating", {reward, 1.0}, "{}"}, payload));
  }

 private:
  void add(AppendRequest request) {
    group_.push_back(std::move(request));
    if (group_.size() == 512) flush();
  }
  void flush() {
    const auto results = store_.append(group_);
    ASSERT_TRUE(results);
    for (const AppendResult& result : *results) EXPECT_LE(result.status, AppendStatus::revised);
    group_.clear();
  }

  Store& store_;
  Replica& replica_;
  Decision like_;
  std::vector<AppendRequest> group_;
};

/// Decisions of which a third get their feedback long after, when every fold has forgotten them.
void fill(Store& store, Replica& replica) {
  Filler filler(store, replica);
  for (int i = 0; i < kLong; ++i) filler.route(i);
  for (int i = 0; i < kLong / 3; ++i) filler.rate(i, 0.25);
  for (int i = 0; i < kLong / 9; ++i) filler.rate(i, 0.75);
}

Routers::Options with_few_at_hand() {
  Routers::Options options;
  options.fold.cached_decisions = kFew;
  return options;
}

TEST(LogReader, GivesEachRecordOnce) {
  LosingStore store;
  Replica replica(store, 1);
  fill(store, replica);
  const auto whole = store.scan(kReplicaScope, 0, 1'000'000);
  LogReader log(store, kReplicaScope, 0);
  std::vector<StoredRecord> read;
  for (;;) {
    const auto batch = log.next();
    ASSERT_TRUE(batch);
    read.insert(read.end(), batch->begin(), batch->end());
    if (batch->size() < LogReader::kBatch) break;
  }
  ASSERT_GT(read.size(), LogReader::kBatch);
  ASSERT_EQ(read.size(), whole->size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    ASSERT_EQ(read[i].position, (*whole)[i].position);
  }
}

TEST(LogReader, AFoldThatHasItsDecisionsAtHandAsksForNone) {
  LosingStore store;
  Replica replica(store, 1);
  {
    Filler filler(store, replica);
    for (int i = 0; i < kLong; ++i) {
      filler.route(i);
      filler.rate(i, 0.25);
    }
  }
  store.finds = 0;
  store.found_together = 0;
  const Replica late(store, 2, with_few_at_hand());
  EXPECT_EQ(store.finds, 0U);
  EXPECT_EQ(store.found_together, 0U);
  EXPECT_EQ(late.report().checksum, fresh_checksum(store));
}

TEST(LogReader, AFoldOfALongLogAsksForItsForgottenDecisionsTogether) {
  LosingStore store;
  Replica replica(store, 1);
  fill(store, replica);
  store.finds = 0;
  store.found_together = 0;
  const Replica late(store, 2, with_few_at_hand());
  EXPECT_EQ(store.finds, 0U);
  EXPECT_EQ(store.found_together, static_cast<std::size_t>(kLong) / 3);
  EXPECT_EQ(late.report().checksum, fresh_checksum(store));
}

TEST(LogReader, ACommitAsksForWhatItsFoldHasForgottenTogether) {
  LosingStore store;
  Replica writer(store, 1);
  fill(store, writer);
  Replica late(store, 2, with_few_at_hand());
  std::vector<AppendRequest> group;
  for (int i = 0; i < 100; ++i) {
    group.push_back(append_feedback(Scope{"default", ""}, late.stamp(),
                                    Feedback{query_id(kLong / 2 + i), "thumbs", {1.0, 1.0}, "{}"},
                                    {}));
  }
  store.finds = 0;
  store.found_together = 0;
  const auto committed = late.routers->commit(std::move(group));
  ASSERT_TRUE(committed);
  EXPECT_EQ(committed->back().status, AppendStatus::recorded);
  EXPECT_EQ(store.finds, 0U);
  EXPECT_EQ(store.found_together, 100U);
  EXPECT_EQ(late.report().checksum, fresh_checksum(store));
}

TEST(FetchedDecisions, GiveWhatIsAtOrBelowAndAskTheStoreForTheOthers) {
  LosingStore store;
  Replica replica(store, 1);
  replica.configure();
  replica.learn(2, "q");
  const auto whole = *store.find(kReplicaScope.tenant, "q0", 1'000);
  ASSERT_EQ(whole.size(), 2U);
  FetchedDecisions source(store);
  ASSERT_TRUE(source.fetch(kReplicaScope.tenant, std::vector<std::string>{"q0"}, 1'000));
  store.finds = 0;
  const auto fetched = source.find(kReplicaScope.tenant, "q0", 1'000);
  ASSERT_EQ(fetched->size(), 2U);
  EXPECT_EQ(fetched->front().position, whole.front().position);
  EXPECT_EQ(source.find(kReplicaScope.tenant, "q0", whole.back().position - 1)->size(), 1U);
  EXPECT_EQ(store.finds, 0U);
  EXPECT_EQ(source.find(kReplicaScope.tenant, "q1", 1'000)->size(), 2U);
  EXPECT_EQ(store.finds, 1U);
}

}  // namespace
}  // namespace pointsman::testing_stores
