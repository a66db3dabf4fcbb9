#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/policies/keyed_random.h"
#include "engine/routers/routers.h"

namespace pointsman::testing_stores {

inline const Scope kReplicaScope{"default", "default"};

inline RouterConfig replica_config() {
  RouterConfig made;
  made.source_hash = "first";
  made.policy = LinTsOptions{.alpha = 0.3};
  made.features = FeatureLayout{.text_counters = false, .fields = {{"u", {}}, {"v", {}}}};
  made.arms = {ArmSpec{.id = "a", .model = "m-a"}, ArmSpec{.id = "b", .model = "m-b"}};
  return made;
}

/// One server's share of the work, without the server.
class Replica final {
 public:
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  Replica(Result<std::unique_ptr<Store>> store, std::uint64_t number) : number_(number) {
    EXPECT_TRUE(store) << store.error().message;
    own_ = std::move(*store);
    open(*own_, {});
  }

  /// Over a store that several share in one process.
  Replica(Store& store, std::uint64_t number, Routers::Options options = {}) : number_(number) {
    open(store, std::move(options));
  }

  RecordStamp stamp() {
    KeyedRandom random(number_, std::to_string(++tick_));
    RecordStamp made;
    const std::uint64_t words[2] = {random.next_u64(), random.next_u64()};
    std::memcpy(made.id.data(), words, sizeof(words));
    made.time = Timestamp(std::chrono::seconds(1'000'000 + tick_));
    return made;
  }

  Committed commit(AppendRequest request) {
    std::vector<AppendRequest> group;
    group.push_back(std::move(request));
    auto committed = routers->commit(std::move(group));
    EXPECT_TRUE(committed) << committed.error().message;
    return committed ? committed->front() : Committed{};
  }

  Committed configure(const Scope& scope = kReplicaScope) {
    return commit(append_config(scope, stamp(), replica_config()));
  }

  /// A decision of a router, which wakes where it rests.
  Decision route(const std::string& query_id, const Scope& scope = kReplicaScope) {
    const auto snapshot = routers->wake(scope);
    KeyedRandom random(7, query_id);
    const std::vector<float> raw{static_cast<float>(random.next_unit()),
                                 static_cast<float>(random.next_unit())};
    DecideRequest request;
    request.query_id = query_id;
    request.raw = raw;
    const RecordStamp now = stamp();
    request.now = now.time;
    auto decision = decide(**snapshot, request);
    EXPECT_TRUE(decision);
    EXPECT_EQ(commit(append_decision(scope, now, *decision, {})).status, AppendStatus::recorded);
    return *decision;
  }

  Committed rate(const std::string& query_id, double reward) {
    Fingerprint payload{};
    std::memcpy(payload.data(), &reward, sizeof(reward));
    return commit(append_feedback(Scope{"default", ""}, stamp(),
                                  Feedback{query_id, "rating", {reward, 1.0}, "{}"}, payload));
  }

  /// `n` decisions, all with feedback.
  void learn(int n, const std::string& prefix, const Scope& scope = kReplicaScope) {
    for (int i = 0; i < n; ++i) {
      const std::string id = prefix + std::to_string(i);
      rate(id, route(id, scope).chosen == 0 ? 0.75 : 0.25);
    }
  }

  RouterReport report(const Scope& scope = kReplicaScope) const { return routers->report(scope); }

  std::unique_ptr<Routers> routers;

 private:
  void open(Store& store, Routers::Options options) {
    options.record_ids = [this] { return stamp().id; };
    auto opened = Routers::open(store, options);
    EXPECT_TRUE(opened) << opened.error().message;
    routers = std::move(*opened);
  }

  std::unique_ptr<Store> own_;
  std::uint64_t number_;
  std::uint64_t tick_ = 0;
};

/// The checksum of a fold of the whole log by somebody else, who does not look at checkpoints.
inline std::uint64_t fresh_checksum(Store& store, const Scope& scope = kReplicaScope) {
  RouterFold fold(scope, {});
  const auto records = store.scan(scope, 0, 10'000'000);
  EXPECT_TRUE(records);
  for (const StoredRecord& stored : *records) EXPECT_TRUE(fold.apply(stored, store));
  return fold.checksum();
}

}  // namespace pointsman::testing_stores
