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

#include "engine/policies/keyed_random.h"
#include "engine/routers/routers.h"
#include "stores/open_store.h"

namespace pointsman {

/// An engine over a store of its own, driven as a server drives it: ids and fingerprints from a
/// counter, times a step apart. It saves a checkpoint when it is told to.
class EngineDriver {
 public:
  explicit EngineDriver(const std::string& url = "memory:") {
    auto store = open_store({.url = url});
    EXPECT_TRUE(store) << store.error().message;
    store_ = std::move(*store);
    reopen();
  }

  /// As after a restart: a new engine over the same store.
  void reopen() {
    routers_.reset();
    auto opened = Routers::open(
        *store_, {.checkpoint_every = 0, .record_ids = [this] { return stamp().id; }});
    ASSERT_TRUE(opened) << opened.error().message;
    routers_ = std::move(*opened);
  }
  void checkpoint() { ASSERT_TRUE(routers_->checkpoint_all()); }

  void configure(const Scope& scope, RouterConfig config) {
    // The log applies a configuration once: one that comes again needs a hash of its own.
    config.source_hash = "config-" + std::to_string(tick_);
    append(append_config(scope, stamp(), std::move(config)));
  }

  /// `request` without its time. Borrows from it.
  Decision route(const Scope& scope, DecideRequest request) {
    const RecordStamp now = stamp();
    request.now = now.time;
    auto decision = decide(*snapshot(scope), request);
    EXPECT_TRUE(decision) << decision.error().message;
    append(append_decision(scope, now, *decision, print(std::string(request.query_id))));
    return *decision;
  }

  void rate(const std::string& query_id, const Reward& reward) {
    append(append_feedback(Scope{"default", ""}, stamp(),
                           Feedback{query_id, "rating", reward, "{}"},
                           print(std::to_string(++ratings_))));
  }
  void rate(const std::string& query_id, double reward) { rate(query_id, Reward{reward, 1.0}); }

  void cost(const std::string& query_id, double usd) {
    append(append_outcome(Scope{"default", ""}, stamp(),
                          Outcome{.query_id = query_id, .cost_usd = usd}));
  }

  void append(AppendRequest request) {
    std::vector<AppendRequest> group;
    group.push_back(std::move(request));
    const auto committed = routers_->commit(std::move(group));
    ASSERT_TRUE(committed) << committed.error().message;
  }

  std::shared_ptr<const RouterSnapshot> snapshot(const Scope& scope) const {
    return routers_->snapshot(scope);
  }
  Routers& routers() { return *routers_; }
  const Routers& routers() const { return *routers_; }
  Store& store() { return *store_; }

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

 private:
  std::unique_ptr<Store> store_;
  std::unique_ptr<Routers> routers_;
  std::uint64_t tick_ = 0;
  Timestamp now_{std::chrono::sys_days(std::chrono::year(2026) / 3 / 1)};
  int ratings_ = 0;
};

/// The same with one router.
class RouterDriver : public EngineDriver {
 public:
  explicit RouterDriver(const RouterConfig& config) { configure(config); }

  void configure(RouterConfig config) { EngineDriver::configure(kScope, std::move(config)); }
  void put_arm(const ArmSpec& spec) { append(append_arm(kScope, stamp(), ArmPut{spec})); }
  void remove_arm(const std::string& id) {
    append(append_arm_removed(kScope, stamp(), ArmRemoved{id}));
  }

  Decision route(const std::string& query_id, const std::vector<float>& raw,
                 std::vector<std::string> arms = {}) {
    DecideRequest request;
    request.query_id = query_id;
    request.raw = raw;
    request.arms = std::move(arms);
    return EngineDriver::route(kScope, std::move(request));
  }

  std::shared_ptr<const RouterSnapshot> snapshot() const { return EngineDriver::snapshot(kScope); }
  std::uint64_t checksum() const { return report().checksum; }
  RouterReport report() const { return routers().report(kScope); }

  /// How the arms look now to this context.
  Evaluation look(const std::vector<float>& raw, const std::string& query_id = "look") const {
    DecideRequest request;
    request.query_id = query_id;
    request.raw = raw;
    Evaluation evaluation;
    EXPECT_TRUE(evaluate(*snapshot(), request, evaluation));
    return evaluation;
  }

  const Scope kScope{"default", "default"};
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
