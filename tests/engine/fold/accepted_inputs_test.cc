// Whatever was accepted: every distribution sums to one, and every number in every answer is
// finite.

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/fold/decide.h"
#include "engine/fold/router_fold.h"
#include "engine/log/open_decisions.h"
#include "engine/policies/policy_catalogue.h"

namespace pointsman {
namespace {

const Scope kScope{"t", "r"};
constexpr std::size_t kEmbedding = 12;

/// Numbers as a caller sends them who means no harm half of the time.
class Numbers final {
 public:
  explicit Numbers(std::uint64_t seed) : random_(seed) {}

  std::size_t below(std::size_t bound) { return random_() % bound; }
  bool chance(double share = 0.5) { return unit() < share; }
  double unit() { return static_cast<double>(random_() >> 11U) * 0x1p-53; }

  /// In the range: its ends, near them, and of every magnitude between.
  double within(const NumberRange& range) {
    const double span = range.max - range.min;
    const std::array<double, 6> tried = {range.min,
                                         range.max,
                                         std::nextafter(range.min, range.max),
                                         range.min + span * unit(),
                                         range.min + span * std::pow(10.0, -12.0 * unit()),
                                         chance() ? 0.0 : 1.0};
    const double value = tried[below(tried.size())];
    return range.holds(value) ? value : range.max;
  }
  std::optional<double> maybe(const NumberRange& range) {
    if (chance(0.4)) return std::nullopt;
    return within(range);
  }

  /// Any finite float, most of them of the usual sizes.
  double feature() {
    if (chance(0.9)) return 4.0 * unit() - 2.0;
    const std::array<double, 8> hard = {0.0,  3.4e38, -3.4e38,      1e-45,
                                        1e30, -1e30,  1764290000.0, -0.0};
    return hard[below(hard.size())];
  }

 private:
  std::mt19937_64 random_;
};

// What a caller may say of dollars and milliseconds.
constexpr NumberRange kUsd{.min = 0.0, .max = 1e6};
constexpr NumberRange kUsdPerMillion{.min = 0.0, .max = 1e6};
constexpr NumberRange kMilliseconds{.min = 0.0, .max = 1e9};
constexpr NumberRange kBudget{.min = 1e-9, .max = 1e6};

/// One router that is asked and told at random, and looked at after each answer.
class Router final {
 public:
  explicit Router(std::uint64_t seed) : numbers_(seed), open_(400), fold_(kScope, {}) {
    features_.text_counters = false;
    features_.embedding_dims = kEmbedding;
    features_.embedding_projection = numbers_.chance() ? 5 : 0;
    features_.fields = {{"number", {}}, {"task", {"chat", "code"}}};
    features_.hashed_fields = 4;
    for (const char* const id : {"a", "b", "c", "d"}) arms_.push_back(arm(id));
    configure();
  }

  /// One accepted input.
  void step() {
    const std::size_t kind = numbers_.below(100);
    if (kind < 50) return decide();
    if (kind < 75) return give_feedback();
    if (kind < 92) return report_outcome();
    if (kind < 96) return put_arm();
    if (kind < 98) return remove_arm();
    configure();
  }

  bool sound() const { return faults_.empty(); }
  const std::string& faults() const { return faults_; }
  std::size_t inputs() const { return inputs_; }

 private:
  ArmSpec arm(const std::string& id) {
    ArmSpec made;
    made.id = id;
    made.input_usd_per_million_tokens = numbers_.maybe(kUsdPerMillion);
    made.output_usd_per_million_tokens = numbers_.maybe(kUsdPerMillion);
    made.expected_cost_usd = numbers_.maybe(kUsd);
    made.expected_latency_ms = numbers_.maybe(kMilliseconds);
    return made;
  }

  UtilityOptions utility() {
    UtilityOptions made;
    made.value_usd = numbers_.maybe(kUsd);
    if (numbers_.chance()) made.usd_per_second = numbers_.within(kUsd);
    return made;
  }

  void configure() {
    RouterConfig config;
    config.features = features_;
    const auto policies = policy_catalogue();
    config.policy = policies[numbers_.below(policies.size())].make();
    if (std::string* const named = named_arm(config.policy)) *named = "b";
    for (const PolicyOption& option : catalogued(config.policy).options) {
      if (numbers_.chance()) option.of(config.policy) = numbers_.within(option.range);
    }
    for (const PosteriorOption& option : posterior_catalogue()) {
      if (numbers_.chance()) option.of(config.posterior) = numbers_.within(option.range);
    }
    const NumberRange floor{.min = 0.0, .max = 1.0 / static_cast<double>(arms_.size())};
    if (numbers_.chance()) config.propensity_floor = numbers_.within(floor);
    config.utility = utility();
    config.budget.usd_per_request = numbers_.maybe(kBudget);
    config.budget.usd_per_day = numbers_.maybe(kBudget);
    config.nursery.min_decisions = numbers_.below(100);
    config.arms = arms_;
    ASSERT_TRUE(check_learner({config.policy, config.posterior, config.propensity_floor}).ok());
    policy_ = policy_name(config.policy);
    append(std::move(config));
  }

  void decide() {
    const std::shared_ptr<const RouterSnapshot> snapshot = fold_.snapshot();
    std::vector<float> embedding(numbers_.chance(0.8) ? kEmbedding : 0);
    for (float& value : embedding) value = static_cast<float>(numbers_.feature());
    std::vector<FieldValue> fields;
    if (numbers_.chance(0.9)) fields.push_back({"number", numbers_.feature()});
    if (numbers_.chance()) fields.push_back({"task", std::string_view("chat")});
    if (numbers_.chance(0.2)) fields.push_back({"undeclared", numbers_.feature()});
    std::vector<float> raw(snapshot->encoder->dims());
    RequestFeatures features;
    features.embedding = embedding;
    features.fields = fields;
    if (!snapshot->encoder->encode(features, raw).ok()) return;  // It was not accepted.
    DecideRequest request;
    request.query_id = "q" + std::to_string(++queries_);
    request.raw = raw;
    request.now = now_ += std::chrono::seconds(numbers_.below(4000));
    if (numbers_.chance(0.2)) request.utility = utility();
    const auto decision = pointsman::decide(*snapshot, request);
    if (!decision.ok()) return;  // A limit left no arm.
    check(*decision);
    append(*decision);
    recent_.push_back(request.query_id);
    if (recent_.size() > 300) recent_.erase(recent_.begin());
  }

  void give_feedback() {
    if (recent_.empty()) return;
    const Reward reward{numbers_.within(kUnitInterval), numbers_.within(kUnitInterval)};
    append(Feedback{some_query(), numbers_.chance() ? "thumbs" : "stars", reward, ""});
  }

  void report_outcome() {
    if (recent_.empty()) return;
    Outcome outcome;
    outcome.query_id = some_query();
    outcome.cost_usd = numbers_.maybe(kUsd);
    outcome.latency_ms = numbers_.maybe(kMilliseconds);
    if (numbers_.chance()) outcome.input_tokens = numbers_.below(1'000'000'000);
    if (numbers_.chance()) outcome.output_tokens = numbers_.below(1'000'000'000);
    if (numbers_.chance(0.1)) outcome.error = "timeout";
    append(std::move(outcome));
  }

  void put_arm() {
    const std::string id(1, static_cast<char>('a' + numbers_.below(6)));
    std::erase_if(arms_, [&](const ArmSpec& one) { return one.id == id; });
    arms_.push_back(arm(id));
    append(ArmPut{arms_.back()});
  }

  void remove_arm() {
    if (arms_.size() < 2) return;
    const std::size_t at = numbers_.below(arms_.size());
    append(ArmRemoved{arms_[at].id});
    arms_.erase(arms_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  std::string some_query() { return recent_[numbers_.below(recent_.size())]; }

  void append(RecordBody body) {
    ++inputs_;
    const StoredRecord stored{kScope, fold_.position() + 1, {{}, now_, std::move(body)}};
    const Status folded = fold_.apply(stored, open_);
    ASSERT_TRUE(folded.ok()) << folded.error().message;
    open_.put(stored);
    if (auto revision = fold_.due_schema_revision()) append(*std::move(revision));
  }

  void expect_finite(const char* what, double value) {
    if (std::isfinite(value) || !faults_.empty()) return;
    faults_ = std::string(what) + " is not finite under " + policy_ + " at input " +
              std::to_string(inputs_);
  }

  void check(const Decision& decision) {
    double sum = 0.0;
    for (const ArmView& arm : decision.arms) {
      sum += arm.propensity;
      expect_finite("a propensity", arm.propensity);
      expect_finite("an expected reward", arm.expected_reward);
      expect_finite("an uncertainty", arm.uncertainty);
      expect_finite("a utility", arm.utility);
      expect_finite("an expected cost", arm.expected_cost_usd.value_or(0.0));
      expect_finite("an expected latency", arm.expected_latency_ms.value_or(0.0));
      if (arm.propensity < 0.0 && faults_.empty()) faults_ = "a propensity below 0, " + policy_;
    }
    expect_finite("lambda", decision.lambda);
    if (faults_.empty() && std::abs(sum - 1.0) > 1e-9) {
      faults_ = "propensities sum to " + std::to_string(sum) + " under " + policy_ + " at input " +
                std::to_string(inputs_);
    }
    if (faults_.empty() && !(decision.arms[decision.chosen].propensity > 0.0)) {
      faults_ = "an arm of propensity 0 was chosen under " + policy_;
    }
  }

  Numbers numbers_;
  FeatureLayout features_;
  std::vector<ArmSpec> arms_;
  OpenDecisions open_;
  RouterFold fold_;
  Timestamp now_{};
  std::uint64_t queries_ = 0;
  std::size_t inputs_ = 0;
  std::vector<std::string> recent_;
  std::string policy_;
  std::string faults_;
};

TEST(AcceptedInputs, LeaveEveryDistributionWholeAndEveryNumberFinite) {
  std::size_t inputs = 0;
  for (std::uint64_t seed = 1; inputs < 100'000; ++seed) {
    Router router(seed);
    while (router.inputs() < 2'000) {
      router.step();
      ASSERT_TRUE(router.sound()) << "seed " << seed << ": " << router.faults();
      ASSERT_FALSE(HasFatalFailure());
    }
    inputs += router.inputs();
  }
}

}  // namespace
}  // namespace pointsman
