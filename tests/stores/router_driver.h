#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/keyed_random.h"
#include "engine/routers.h"
#include "stores/open_store.h"

namespace pointsman {

/// One router over a store in memory, driven as a server drives it: ids and fingerprints from a
/// counter, times a step apart.
class RouterDriver final {
 public:
  explicit RouterDriver(const RouterConfig& config) {
    StoreOptions options;
    options.url = "memory:";
    auto store = open_store(options);
    EXPECT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    reopen();
    configure(config);
  }

  /// As after a restart: a new engine over the same store.
  void reopen() {
    routers_.reset();
    auto opened = Routers::open(
        *store_, {.checkpoint_every = 0, .record_ids = [this] { return stamp().id; }});
    ASSERT_TRUE(opened) << opened.error().message;
    routers_ = std::move(*opened);
  }

  void configure(RouterConfig config) {
    config.source_hash = "config-" + std::to_string(tick_);
    commit(append_config(kScope, stamp(), std::move(config)));
  }
  void put_arm(const ArmSpec& spec) { commit(append_arm(kScope, stamp(), ArmPut{spec})); }
  void remove_arm(const std::string& id) {
    commit(append_arm_removed(kScope, stamp(), ArmRemoved{id}));
  }

  Decision route(const std::string& query_id, const std::vector<float>& raw,
                 std::vector<std::string> arms = {}) {
    DecideRequest request;
    request.query_id = query_id;
    request.raw = raw;
    request.arms = std::move(arms);
    const RecordStamp now = stamp();
    request.now = now.time;
    auto decision = decide(*snapshot(), request);
    EXPECT_TRUE(decision) << decision.error().message;
    commit(append_decision(kScope, now, *decision, print(query_id)));
    return *decision;
  }

  void rate(const std::string& query_id, double reward) {
    commit(append_feedback(Scope{"default", ""}, stamp(),
                           Feedback{query_id, "rating", {reward, 1.0}, "{}"},
                           print(std::to_string(++ratings_))));
  }

  void cost(const std::string& query_id, double usd) {
    commit(append_outcome(Scope{"default", ""}, stamp(),
                          Outcome{.query_id = query_id, .cost_usd = usd}));
  }

  void append(AppendRequest request) { commit(std::move(request)); }

  std::shared_ptr<const RouterSnapshot> snapshot() const { return routers_->snapshot(kScope); }
  std::uint64_t checksum() const { return routers_->report(kScope).checksum; }
  RouterReport report() const { return routers_->report(kScope); }
  Routers& routers() { return *routers_; }
  Store& store() { return *store_; }

  /// How the arms look now to this context.
  Evaluation look(const std::vector<float>& raw) const {
    DecideRequest request;
    request.query_id = "look";
    request.raw = raw;
    Evaluation evaluation;
    EXPECT_TRUE(evaluate(*snapshot(), request, evaluation));
    return evaluation;
  }

  RecordStamp stamp() {
    ++tick_;
    now_ += step;
    RecordStamp made;
    KeyedRandom random(tick_, "stamp");
    const std::uint64_t bits = random.next_u64();
    std::memcpy(made.id.data(), &bits, sizeof(bits));
    made.time = now_;
    return made;
  }

  static Fingerprint print(const std::string& text) {
    Fingerprint made{};
    std::memcpy(made.data(), text.data(), std::min(text.size(), made.size()));
    return made;
  }

  std::chrono::milliseconds step{1000};  ///< Between two records.
  const Scope kScope{"default", "default"};

 private:
  void commit(AppendRequest request) {
    std::vector<AppendRequest> group;
    group.push_back(std::move(request));
    const auto committed = routers_->commit(std::move(group));
    ASSERT_TRUE(committed) << committed.error().message;
  }

  std::unique_ptr<Store> store_;
  std::unique_ptr<Routers> routers_;
  std::uint64_t tick_ = 0;
  Timestamp now_{std::chrono::sys_days(std::chrono::year(2026) / 3 / 1)};
  int ratings_ = 0;
};

/// A router of these arms that sees `fields` numbers, f0, f1, …
inline RouterConfig numbers_router(const std::vector<ArmSpec>& arms, std::size_t fields,
                                   const PolicyOptions& policy) {
  RouterConfig config;
  config.policy = policy;
  config.features = FeatureLayout{.text_counters = false};
  for (std::size_t i = 0; i < fields; ++i) {
    config.features.fields.push_back({"f" + std::to_string(i), {}});
  }
  config.arms = arms;
  return config;
}

}  // namespace pointsman
