// Routers that rest, on every store: whatever is asked of them, in whatever order, they answer as
// their twins do that never rest, to the bit.

#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "engine/features/default_text_model.h"
#include "engine/policies/keyed_random.h"
#include "engine/routers/routers.h"
#include "tests/stores/conformance/store_conformance.h"

namespace pointsman::testing_stores {
namespace {

constexpr int kRouters = 40;
constexpr int kOld = 8;  ///< Routers whose schema comes to rest, so that they save checkpoints.
constexpr std::size_t kAwakeBytes = std::size_t{5} << 18;

Scope scope_of(int router) { return {"default", "r" + std::to_string(router)}; }

/// Eight kinds of router, so that all that a fold holds has to come back.
RouterConfig config_of(int router) {
  RouterConfig made;
  made.source_hash = "first-" + std::to_string(router);
  made.policy = LinTsOptions{.alpha = 0.3};
  made.features = FeatureLayout{.text_counters = false, .fields = {{"u", {}}, {"v", {}}}};
  made.arms = {ArmSpec{.id = "a", .model = "m-a", .expected_cost_usd = 0.004},
               ArmSpec{.id = "b", .model = "m-b", .expected_cost_usd = 0.001},
               ArmSpec{.id = "c", .model = "m-c", .expected_cost_usd = 0.002}};
  switch (router % kOld) {
    case 1:
      made.utility.value_usd = 0.01;
      made.budget = {.usd_per_request = 0.0022, .usd_per_day = 5.0};
      break;
    case 2:
      made.sticky_sessions = true;
      break;
    case 3:
      made.posterior.gamma = 0.99;
      break;
    case 4:
      made.policy = HybridLinUcbOptions{};
      made.posterior.gamma = 0.999;
      break;
    case 5:
      made.policy = SquareCbOptions{};
      made.nursery.min_decisions = 30;
      break;
    case 6:
      made.features =
          FeatureLayout{.text_counters = true,
                        .text_model_dims = static_cast<std::uint32_t>(default_text_model().dims()),
                        .text_model_hash = default_text_model().hash()};
      break;
    case 7:
      made.policy = BetaThompsonOptions{};
      made.posterior.gamma = 0.995;
      break;
    default:
      break;
  }
  return made;
}

Fingerprint print_of(const std::string& text) {
  Fingerprint made{};
  std::memcpy(made.data(), text.data(), std::min(text.size(), made.size()));
  return made;
}

Result<std::unique_ptr<Routers>> open_routers(Store& store, std::size_t awake_bytes,
                                              std::function<RecordId()> ids) {
  Routers::Options options;
  options.fold.text_model = &default_text_model();
  options.checkpoint_every = 400;
  options.record_ids = std::move(ids);
  options.awake_bytes = awake_bytes;
  return Routers::open(store, std::move(options));
}

/// The same stream for routers that rest and for their twins, which are compared at every step.
class Twins final {
 public:
  explicit Twins(Backend backend) : backend_(backend) {
    open_store();
    reopen();
    auto twins = open_routers(plain_store_, 0, ids(2));
    EXPECT_TRUE(twins) << twins.error().message;
    twins_ = std::move(*twins);
    std::vector<AppendRequest> group;
    for (int r = 0; r < kRouters; ++r) {
      group.push_back(append_config(scope_of(r), stamp(), config_of(r)));
    }
    commit(std::move(group));
  }

  /// As after a crash: no checkpoint is saved, the routers begin anew, and so does a durable store.
  void reopen() {
    past_.rests += routers_ ? routers_->rest_counters().rests : 0;
    past_.wakes += routers_ ? routers_->rest_counters().wakes : 0;
    routers_.reset();
    if (backend_ != Backend::memory) open_store();
    auto opened = open_routers(*store_, kAwakeBytes, ids(1));
    ASSERT_TRUE(opened) << opened.error().message;
    routers_ = std::move(*opened);
  }

  /// `n` decisions of one router, eight to a commit, among feedback and outcomes on earlier ones of
  /// it and now and then of others.
  void burst(int router, int n) {
    for (int i = 0; i < n; i += 8) {
      std::vector<AppendRequest> group;
      for (int k = 0; k < 8; ++k) {
        if (auto made = decided(router)) group.push_back(std::move(*made));
        if (random_.next_unit() < 0.7) say_something(router, group);
        if (random_.next_unit() < 0.02) {
          say_something(static_cast<int>(random_.next_u64() % kRouters), group);
        }
      }
      commit(std::move(group));
    }
  }

  void commit(std::vector<AppendRequest> group) {
    auto twin = twins_->commit(group);
    auto mine = routers_->commit(std::move(group));
    ASSERT_TRUE(mine) << mine.error().message;
    ASSERT_TRUE(twin) << twin.error().message;
    for (std::size_t i = 0; i < mine->size(); ++i) {
      EXPECT_EQ((*mine)[i].status, (*twin)[i].status);
      EXPECT_EQ((*mine)[i].reward.value, (*twin)[i].reward.value);
      EXPECT_EQ((*mine)[i].observation, (*twin)[i].observation);
      EXPECT_EQ((*mine)[i].propagated, (*twin)[i].propagated);
    }
  }

  void put_arm(int router, const ArmSpec& spec) {
    commit(one(append_arm(scope_of(router), stamp(), ArmPut{spec})));
  }
  void configure(int router, RouterConfig config) {
    config.source_hash = "config-" + std::to_string(tick_);
    commit(one(append_config(scope_of(router), stamp(), std::move(config))));
  }

  void expect_equal(int router) {
    const RouterReport mine = routers_->report(scope_of(router));
    const RouterReport twin = twins_->report(scope_of(router));
    EXPECT_EQ(mine.checksum, twin.checksum) << "router " << router;
    EXPECT_EQ(mine.decisions, twin.decisions) << "router " << router;
    EXPECT_EQ(mine.schema_version, twin.schema_version) << "router " << router;
    EXPECT_EQ(mine.forks, 0U);
    EXPECT_EQ(mine.divergences, 0U);
    ASSERT_EQ(mine.arms.size(), twin.arms.size());
    for (std::size_t a = 0; a < mine.arms.size(); ++a) {
      EXPECT_EQ(mine.arms[a].theta, twin.arms[a].theta);
      EXPECT_EQ(mine.arms[a].stats.pulls, twin.arms[a].stats.pulls);
    }
  }

  Routers& routers() { return *routers_; }
  RestCounters counters() const {
    RestCounters all = routers_->rest_counters();
    all.rests += past_.rests;
    all.wakes += past_.wakes;
    return all;
  }

 private:
  static std::vector<AppendRequest> one(AppendRequest request) {
    std::vector<AppendRequest> group;
    group.push_back(std::move(request));
    return group;
  }

  void open_store() {
    store_.reset();
    auto opened = open_backend(backend_, folder_.file("log.db"));
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
  }

  std::function<RecordId()> ids(std::uint64_t who) {
    return [this, who] {
      KeyedRandom random(who, std::to_string(++own_ids_));
      RecordId id{};
      const std::uint64_t words[2] = {random.next_u64(), random.next_u64()};
      std::memcpy(id.data(), words, sizeof(words));
      return id;
    };
  }

  RecordStamp stamp() {
    KeyedRandom random(7, std::to_string(++tick_));
    RecordStamp made;
    const std::uint64_t words[2] = {random.next_u64(), random.next_u64()};
    std::memcpy(made.id.data(), words, sizeof(words));
    made.time = Timestamp(std::chrono::seconds(1'790'000'000 + tick_));
    return made;
  }

  /// The decision that both make, as a request to append it.
  std::optional<AppendRequest> decided(int router) {
    const Scope scope = scope_of(router);
    const auto snapshot = routers_->wake(scope);
    EXPECT_TRUE(snapshot) << snapshot.error().message;
    if (!snapshot) return std::nullopt;
    const auto twin_snapshot = twins_->snapshot(scope);
    const std::string id = std::to_string(router) + "-" + std::to_string(made_[router].size());
    std::vector<float> raw((*snapshot)->encoder->dims());
    const std::string text = id + " why is the sky " + std::to_string(random_.next_u64() % 9);
    const FieldValue fields[] = {{"u", random_.next_unit()}, {"v", 10.0 * random_.next_unit()}};
    RequestFeatures features;
    if (config_of(router).features.text_counters) {
      features.has_text = true;
      features.text = text;
    } else {
      features.fields = fields;
    }
    EXPECT_TRUE((*snapshot)->encoder->encode(features, raw));
    DecideRequest request;
    request.query_id = id;
    request.raw = raw;
    if (random_.next_unit() < 0.4) {
      request.session_id =
          "s" + std::to_string(router) + "-" + std::to_string(made_[router].size() / 20);
    }
    const RecordStamp now = stamp();
    request.now = now.time;
    auto mine = decide(**snapshot, request);
    const auto twin = decide(*twin_snapshot, request);
    EXPECT_TRUE(mine) << mine.error().message;
    EXPECT_TRUE(twin) << twin.error().message;
    EXPECT_EQ(mine->arms, twin->arms) << id << ": propensities, means, costs";
    EXPECT_EQ(mine->chosen, twin->chosen);
    EXPECT_EQ(mine->reason, twin->reason);
    EXPECT_EQ(mine->lambda, twin->lambda);
    made_[router].push_back(request.session_id);
    return append_decision(scope, now, *std::move(mine), print_of(id));
  }

  /// Feedback, an outcome or session feedback on a decision that is in the log already.
  void say_something(int router, std::vector<AppendRequest>& group) {
    const auto& made = made_[router];
    if (made.size() < 9) return;
    const std::size_t recent = std::min<std::size_t>(made.size() - 8, 60);
    const std::size_t number = made.size() - 9 - random_.next_u64() % recent;
    const std::string id = std::to_string(router) + "-" + std::to_string(number);
    const double value = static_cast<double>(random_.next_u64() % 5) / 4.0;
    const double kind = random_.next_unit();
    if (kind < 0.7) {
      group.push_back(append_feedback(Scope{"default", ""}, stamp(),
                                      Feedback{id, "rating", {value, 1.0}, "{}"},
                                      print_of(std::to_string(value))));
    } else if (kind < 0.9 || made[number].empty()) {
      group.push_back(append_outcome(
          Scope{"default", ""}, stamp(),
          Outcome{.query_id = id, .cost_usd = 0.001 + 0.004 * value, .latency_ms = 100 * value}));
    } else {
      group.push_back(
          append_session_feedback(scope_of(router), stamp(),
                                  SessionFeedback{made[number], "rating", {value, 1.0}, 0.5, "{}"},
                                  print_of(std::to_string(value))));
    }
  }

  const Backend backend_;
  ScratchFolder folder_;
  std::unique_ptr<Store> store_;
  MemoryStore plain_store_;
  std::unique_ptr<Routers> routers_;
  std::unique_ptr<Routers> twins_;
  std::map<int, std::vector<std::string>> made_;  ///< The sessions of each router's decisions.
  KeyedRandom random_{11, "stream"};
  std::uint64_t tick_ = 0;
  std::uint64_t own_ids_ = 0;
  RestCounters past_;
};

class Resting : public testing::TestWithParam<Backend> {};

TEST_P(Resting, ARandomStreamOverFortyRoutersGivesTheBitsOfTheirTwinsThatNeverRest) {
  Twins twins(GetParam());
  KeyedRandom random(3, "order");
  // The old ones get past 1,024 decisions, a burst at a time, among all the others.
  for (int round = 0; round < 23; ++round) {
    for (int i = 0; i < kOld; ++i) {
      twins.burst((3 * i + round) % kOld, 48);
      twins.burst(static_cast<int>(random.next_u64() % kRouters), 8);
    }
    if (round % 9 == 4) twins.reopen();
    if (round == 12) {
      for (const int r : {0, 5})
        twins.put_arm(r, ArmSpec{.id = "d", .model = "m-d", .expected_cost_usd = 0.003});
      RouterConfig frozen = config_of(2);
      frozen.mode = ServingMode::frozen;
      twins.configure(2, frozen);
    }
    if (round == 20) twins.configure(2, config_of(2));
  }
  int settled = 0;
  for (int r = 0; r < kRouters; ++r) {
    twins.expect_equal(r);  // As it is, awake or at rest.
    ASSERT_TRUE(twins.routers().wake(scope_of(r)));
    twins.expect_equal(r);
    settled += twins.routers().report(scope_of(r)).schema_version == Standardiser::kFrozenVersion;
  }
  EXPECT_EQ(settled, kOld) << "the stream was too short for checkpoints";
  const RestCounters counters = twins.counters();
  EXPECT_EQ(counters.awake + counters.resting, static_cast<std::uint64_t>(kRouters));
  // A store that evicts keeps the young ones awake: nothing there may be folded again.
  const bool young_rest = GetParam() != Backend::memory;
  EXPECT_GT(counters.wakes, young_rest ? 300U : 30U);
  if (young_rest) {
    EXPECT_LE(counters.awake_bytes, kAwakeBytes);
    EXPECT_LE(counters.awake, 20U);
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, Resting,
                         testing::Values(Backend::memory, Backend::sqlite_normal, Backend::redis,
                                         Backend::postgres),
                         backend_name);

}  // namespace
}  // namespace pointsman::testing_stores
