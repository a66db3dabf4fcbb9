#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/policies/keyed_random.h"
#include "engine/routers/log_pruning.h"
#include "engine/routers/routers.h"
#include "tests/stores/conformance/store_conformance.h"

namespace pointsman::testing_stores {
namespace {

const Scope kStreamScope{"acme", "stream"};
constexpr std::chrono::days kOpenFor{2};
constexpr std::chrono::minutes kPause{15};  ///< Between two events.

RouterConfig stream_config() {
  RouterConfig made;
  made.source_hash = "stream";
  made.policy = LinTsOptions{.alpha = 0.3};
  made.posterior.gamma = 0.999;
  made.features = FeatureLayout{.text_counters = false, .fields = {{"u", {}}, {"v", {}}}};
  made.utility.value_usd = 0.01;
  made.budget.usd_per_request = 0.002;
  made.sticky_sessions = true;
  made.decision_ttl_ms = std::chrono::milliseconds(kOpenFor).count();
  made.arms = {ArmSpec{.id = "a", .model = "m-a", .expected_cost_usd = 0.001},
               ArmSpec{.id = "b", .model = "m-b", .expected_cost_usd = 0.004}};
  return made;
}

/// One stream of requests into two stores: one that is pruned at random moments, and one that never
/// is. Both are told the same; what they answer must be the same, and what they have learnt.
class PrunedStream : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override {
    auto opened = open_backend(GetParam(), folder_.file("log.db"));
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    pruned_store_ = std::move(opened).value();
    reopen();
    whole_ = open_routers(whole_store_);
    commit(append_config(kStreamScope, stamp(), stream_config()));
  }

  void reopen() {
    pruned_.reset();
    pruned_ = open_routers(*pruned_store_);
    ASSERT_NE(pruned_, nullptr);
  }

  void tell(KeyedRandom& random) {
    now_ += kPause;
    const double what = random.next_unit();
    if (what < 0.45 || decisions_.empty()) return route(random);
    if (what < 0.75) return rate(random);
    if (what < 0.85) return report_outcome(random);
    if (what < 0.92) return rate_session(random);
    if (!keyed_.empty()) repeat(random);
  }

  /// Now and then a checkpoint, and a pruning below the older of the two that are kept.
  void keep_house(KeyedRandom& random) {
    if (random.next_unit() < 0.01) {
      EXPECT_TRUE(pruned_->checkpoint_all());
    }
    if (random.next_unit() > 0.01) return;
    const auto report =
        prune_log(*pruned_store_, kStreamScope,
                  {.now = now_, .step = 1 + static_cast<std::size_t>(random.next_unit() * 300)});
    if (!report) {
      EXPECT_EQ(report.error().code, ErrorCode::conflict) << "No checkpoint before decision 1,024.";
      return;
    }
    removed_ += report->removed;
    if (random.next_unit() < 0.5) reopen();
  }

  std::uint64_t checksum_of(const Routers& routers) const {
    return routers.report(kStreamScope).checksum;
  }

  std::unique_ptr<Routers> pruned_;
  std::unique_ptr<Routers> whole_;
  std::uint64_t removed_ = 0;
  std::size_t repeated_ = 0;  ///< Repeats that were answered with a duplicate.

 private:
  std::unique_ptr<Routers> open_routers(Store& store) {
    auto opened =
        Routers::open(store, {.checkpoint_every = 0, .record_ids = [this] { return stamp().id; }});
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }

  RecordStamp stamp() {
    KeyedRandom random(5, std::to_string(++ticks_));
    RecordStamp made;
    const std::uint64_t words[2] = {random.next_u64(), random.next_u64()};
    std::memcpy(made.id.data(), words, sizeof(words));
    made.time = now_;
    return made;
  }

  void commit(const AppendRequest& request) {
    const auto one = pruned_->commit({request});
    const auto other = whole_->commit({request});
    ASSERT_TRUE(one && other) << (one ? "" : one.error().message);
    const Committed& a = one->front();
    const Committed& b = other->front();
    ASSERT_EQ(static_cast<int>(a.status), static_cast<int>(b.status))
        << kind_name(request.record.body);
    EXPECT_EQ(a.reward.value, b.reward.value);
    EXPECT_TRUE(a.observation == b.observation);
    EXPECT_EQ(a.propagated, b.propagated);
    if (a.status == AppendStatus::duplicate && request.key) ++repeated_;
  }

  template <class T>
  const T& pick(const std::vector<T>& from, KeyedRandom& random, std::size_t recent) {
    const auto n = std::min(from.size(), recent);
    return from[from.size() - 1 -
                static_cast<std::size_t>(random.next_unit() * static_cast<double>(n))];
  }

  void route(KeyedRandom& random) {
    DecideRequest request;
    request.query_id = "q" + std::to_string(decisions_.size());
    if (random.next_unit() < 0.3) {
      request.session_id = "s" + std::to_string(decisions_.size() / 20);
      if (sessions_.empty() || sessions_.back() != request.session_id) {
        sessions_.push_back(request.session_id);
      }
    }
    const std::vector<float> raw{static_cast<float>(random.next_unit()),
                                 static_cast<float>(random.next_unit())};
    request.raw = raw;
    const RecordStamp made = stamp();
    request.now = made.time;
    const auto decision = decide(*pruned_->snapshot(kStreamScope), request);
    ASSERT_TRUE(decision) << decision.error().message;
    decisions_.push_back(request.query_id);
    commit(append_decision(kStreamScope, made, *decision, print_of(request.query_id)));
  }

  void rate(KeyedRandom& random) {
    // Most while it is open (two days are 192 events), some when it is long over.
    const std::string& query_id = pick(decisions_, random, random.next_unit() < 0.9 ? 80 : 3000);
    const double reward = std::floor(random.next_unit() * 5.0) / 4.0;
    AppendRequest request = append_feedback(
        Scope{kStreamScope.tenant, ""}, stamp(),
        Feedback{query_id, random.next_unit() < 0.7 ? "rating" : "thumbs", {reward, 1.0}, "{}"},
        print_of(std::to_string(reward)));
    if (random.next_unit() < 0.4) {
      request.key = IdempotencyKey{"feedback", "k" + std::to_string(ticks_), print_of(query_id)};
      keyed_.push_back(request);
    }
    commit(request);
  }

  void report_outcome(KeyedRandom& random) {
    Outcome outcome;
    outcome.query_id = pick(decisions_, random, 120);
    if (random.next_unit() < 0.8) outcome.cost_usd = 0.001 + 0.004 * random.next_unit();
    if (random.next_unit() < 0.5) outcome.latency_ms = 100.0 * random.next_unit();
    if (random.next_unit() < 0.1) outcome.error = "timeout";
    commit(append_outcome(Scope{kStreamScope.tenant, ""}, stamp(), outcome));
  }

  void rate_session(KeyedRandom& random) {
    if (sessions_.empty()) return;
    const std::string& session = pick(sessions_, random, random.next_unit() < 0.8 ? 3 : 100);
    // A server asks which routers a session touched; a session that is pruned touched none.
    const auto touched = pruned_store_->session_scopes(kStreamScope.tenant, session);
    ASSERT_TRUE(touched);
    if (touched->empty()) return;
    const double reward = std::floor(random.next_unit() * 3.0) / 2.0;
    AppendRequest request = append_session_feedback(
        kStreamScope, stamp(), SessionFeedback{session, "rating", {reward, 1.0}, 0.5, "{}"},
        print_of(std::to_string(reward)));
    commit(request);
  }

  void repeat(KeyedRandom& random) {
    // A key lives for nine days, which are 864 events.
    AppendRequest request = pick(keyed_, random, 150);
    request.record.time = now_;
    request.record.id = stamp().id;
    commit(request);
  }

  ScratchFolder folder_;
  std::unique_ptr<Store> pruned_store_;
  MemoryStore whole_store_;
  Timestamp now_{std::chrono::sys_days(std::chrono::year(2026) / 5 / 1)};
  std::uint64_t ticks_ = 0;
  std::vector<std::string> decisions_;
  std::vector<std::string> sessions_;
  std::vector<AppendRequest> keyed_;
};

TEST_P(PrunedStream, AnswersAndLearnsAsTheOneThatWasNeverPruned) {
  constexpr int kEvents = 6000;
  KeyedRandom random(11, "stream");
  for (int i = 0; i < kEvents && !HasFatalFailure(); ++i) {
    tell(random);
    keep_house(random);
  }
  EXPECT_EQ(checksum_of(*pruned_), checksum_of(*whole_));
  reopen();
  EXPECT_EQ(checksum_of(*pruned_), checksum_of(*whole_)) << "after a restart";
  EXPECT_GT(removed_, 1500U) << "Otherwise this shows nothing.";
  EXPECT_GT(repeated_, 50U) << "Otherwise this shows nothing.";
}

INSTANTIATE_TEST_SUITE_P(Stores, PrunedStream,
                         testing::Values(Backend::memory, Backend::sqlite_normal, Backend::redis,
                                         Backend::postgres),
                         backend_name);

}  // namespace
}  // namespace pointsman::testing_stores
