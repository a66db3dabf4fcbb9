// A log that is longer than what its fold keeps at hand.

#include "engine/log_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/stores/losing_store.h"
#include "tests/stores/replica.h"

namespace pointsman::testing_stores {
namespace {

constexpr int kLong = 9'000;     ///< Decisions: two batches and a part.
constexpr std::size_t kFew = 0;  ///< Decisions at hand: the fold's least, 2,048.

/// Decisions that get their feedback long after, in the order they were made.
void fill(Replica& replica) {
  replica.configure();
  for (int i = 0; i < kLong; ++i) replica.route("q" + std::to_string(i));
  for (int i = 0; i < kLong; i += 3) replica.rate("q" + std::to_string(i), 0.25);
  for (int i = 0; i < kLong; i += 9) replica.rate("q" + std::to_string(i), 0.75);
}

Routers::Options with_few_at_hand() {
  Routers::Options options;
  options.fold.cached_decisions = kFew;
  return options;
}

TEST(LogReader, GivesEachRecordOnceAndWithItWhatItSaysOfLongAgo) {
  LosingStore store;
  Replica replica(store, 1);
  fill(replica);
  const auto whole = store.scan(kReplicaScope, 0, 1'000'000);
  LogReader log(store, kReplicaScope, 0, 2'048);
  std::vector<StoredRecord> read;
  std::size_t fetched = 0;
  for (;;) {
    const auto batch = log.next();
    ASSERT_TRUE(batch);
    read.insert(read.end(), batch->records.begin(), batch->records.end());
    for (const auto& [query_id, records] : batch->earlier) {
      const auto alone = store.find(kReplicaScope.tenant, query_id, batch->records.back().position);
      ASSERT_EQ(records.size(), alone->size()) << query_id;
      for (std::size_t i = 0; i < records.size(); ++i) {
        EXPECT_EQ(records[i].position, (*alone)[i].position) << query_id;
      }
    }
    fetched += batch->earlier.size();
    if (batch->records.size() < LogReader::kBatch) break;
  }
  ASSERT_EQ(read.size(), whole->size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    ASSERT_EQ(read[i].position, (*whole)[i].position);
  }
  EXPECT_GE(fetched, std::size_t{kLong} / 3) << "each was too long ago when it was spoken of";
}

TEST(LogReader, ADecisionAtHandIsNotFetched) {
  LosingStore store;
  Replica replica(store, 1);
  replica.configure();
  replica.learn(kLong, "q");
  store.found_together = 0;
  LogReader log(store, kReplicaScope, 0, 2'048);
  while (log.next()->records.size() == LogReader::kBatch) {
  }
  EXPECT_LE(store.found_together, 2U) << "a decision may stand right before a batch";
}

TEST(LogReader, AFoldOfALongLogAsksForItsForgottenDecisionsTogether) {
  LosingStore store;
  Replica replica(store, 1);
  fill(replica);
  store.finds = 0;
  store.found_together = 0;
  const Replica late(store, 2, with_few_at_hand());
  EXPECT_EQ(store.finds, 0U);
  EXPECT_GT(store.found_together, static_cast<std::size_t>(kLong) / 3);
  EXPECT_EQ(late.report().checksum, replica.report().checksum);
  EXPECT_EQ(late.report().checksum, fresh_checksum(store));
}

TEST(FetchedDecisions, GiveWhatIsAtOrBelowAndAskTheStoreForTheOthers) {
  LosingStore store;
  Replica replica(store, 1);
  replica.configure();
  replica.learn(2, "q");
  RecordsByDecision fetched;
  fetched["q0"] = *store.find(kReplicaScope.tenant, "q0", 1'000);
  store.finds = 0;
  FetchedDecisions source(fetched, store);
  ASSERT_EQ(source.find(kReplicaScope.tenant, "q0", 1'000)->size(), 2U);
  EXPECT_EQ(source.find(kReplicaScope.tenant, "q0", fetched["q0"].back().position - 1)->size(), 1U);
  EXPECT_EQ(store.finds, 0U);
  EXPECT_EQ(source.find(kReplicaScope.tenant, "q1", 1'000)->size(), 2U);
  EXPECT_EQ(store.finds, 1U);
}

}  // namespace
}  // namespace pointsman::testing_stores
