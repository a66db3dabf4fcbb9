#include "engine/fold/default_policy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "engine/fold/landmark_map.h"
#include "engine/fold/observation.h"
#include "engine/fold/standardiser.h"
#include "engine/policies/policy.h"
#include "engine/policies/policy_spec.h"

namespace pointsman {
namespace {

using Places = std::vector<std::uint32_t>;

RouterConfig config_of(std::vector<FieldSpec> fields) {
  RouterConfig config;
  config.policy = DefaultOptions{};
  config.features.text_counters = false;
  config.features.fields = std::move(fields);
  return config;
}

/// `n` decisions of one number each; of those before `observed` the reward is known.
std::vector<DecisionState> decisions(std::size_t n, std::size_t observed, double reward) {
  std::vector<DecisionState> made(n);
  for (std::size_t i = 0; i < n; ++i) {
    made[i].raw = {static_cast<float>(i % 7)};
    if (i < observed) made[i].folded = Observation{.reward = reward, .weight = 1.0};
  }
  return made;
}

SchemaRevision learnt(const RouterConfig& config, const std::vector<DecisionState>& states) {
  std::vector<const DecisionState*> first;
  std::vector<const std::vector<float>*> rows;
  for (const DecisionState& state : states) {
    first.push_back(&state);
    rows.push_back(&state.raw);
  }
  SchemaRevision revision = revise_schema(1, rows, raw_dims(config.features));
  learn_default(config, first, revision);
  return revision;
}

TEST(DefaultPolicy, TheMapIsOverTheNumericFieldsAlone) {
  RouterConfig config = config_of({{"a", {}}, {"word", {"x", "y", "z"}}, {"b", {}}});
  EXPECT_EQ(map_inputs(config), (Places{0, 4}));
  config.features.embedding_dims = 10;
  config.features.hashed_fields = 8;
  EXPECT_EQ(map_inputs(config), (Places{10, 14}));
  config.policy = LinUcbOptions{};
  EXPECT_EQ(map_inputs(config), Places{});
  EXPECT_EQ(map_inputs(config_of({{"word", {"x", "y"}}})), Places{});
}

TEST(DefaultPolicy, TheInterceptStartsALittleAboveTheFirstRewards) {
  const RouterConfig config = config_of({{"a", {}}});
  const double mean = (16 * 0.25 + 0.5) / 17.0;
  EXPECT_DOUBLE_EQ(*learnt(config, decisions(64, 64, 0.25)).intercept_mean,
                   mean + 0.5 * std::sqrt(mean * (1.0 - mean)));
  EXPECT_EQ(*learnt(config, decisions(64, 64, 1.0)).intercept_mean, 1.0) << "never above 1";
}

TEST(DefaultPolicy, OnlyTheFirstSixteenObservedRewardsCount) {
  const RouterConfig config = config_of({{"a", {}}});
  std::vector<DecisionState> states = decisions(64, 20, 0.25);
  for (std::size_t i = 16; i < 20; ++i) states[i].folded.reward = 1.0;
  EXPECT_EQ(learnt(config, states).intercept_mean,
            learnt(config, decisions(64, 64, 0.25)).intercept_mean);
}

TEST(DefaultPolicy, WithFewRewardsTheOptimisticStartStays) {
  const RouterConfig config = config_of({{"a", {}}});
  const SchemaRevision revision = learnt(config, decisions(64, 7, 0.25));
  EXPECT_FALSE(revision.intercept_mean.has_value());
  EXPECT_EQ(make_prior(config, revision).mean[0], config.posterior.intercept_mean);
}

TEST(DefaultPolicy, AnotherPolicyLearnsNothingHere) {
  RouterConfig config = config_of({{"a", {}}});
  config.policy = LinUcbOptions{};
  const SchemaRevision revision = learnt(config, decisions(64, 64, 0.25));
  EXPECT_TRUE(revision.landmarks.empty());
  EXPECT_FALSE(revision.intercept_mean.has_value());
}

TEST(DefaultPolicy, ThePriorHasOneBlockForEachKindOfCoordinate) {
  RouterConfig config = config_of({{"a", {}}, {"word", {"x", "y"}}});
  config.posterior.field_precision = 7.0;
  config.posterior.embedding_precision = 90.0;
  config.features.embedding_dims = 1;
  SchemaRevision revision;
  revision.intercept_mean = 0.3;
  const LinearPrior prior = make_prior(config, revision);
  ASSERT_EQ(prior.mean.size(), 5 + LandmarkMap::kWidth);
  ASSERT_EQ(prior.precision.size(), prior.mean.size());
  EXPECT_EQ(prior.mean[0], 0.3);
  EXPECT_EQ(std::vector<double>(prior.precision.begin(), prior.precision.begin() + 6),
            (std::vector<double>{10.0, 90.0, 7.0, 7.0, 7.0, 0.1}));
  config.policy = LinUcbOptions{};
  EXPECT_EQ(make_prior(config, revision).mean[0], 1.0) << "what another policy learnt";
  EXPECT_EQ(make_prior(config, revision).mean.size(), 5U);
}

TEST(DefaultPolicy, ManyFieldsAreHeldCloserToZero) {
  std::vector<FieldSpec> fields;
  for (int i = 0; i < 60; ++i) fields.push_back({"f" + std::to_string(i), {}});
  EXPECT_DOUBLE_EQ(make_prior(config_of(fields), {}).precision[60], 15.0);
}

TEST(DefaultPolicy, ItChoosesAsLinUcbOfItsAlphaDoes) {
  const std::vector<ArmUtility> arms = {{.arm = "a", .mean = 0.5, .sigma = 0.1},
                                        {.arm = "b", .mean = 0.4, .sigma = 0.4}};
  std::vector<double> p(2);
  propensities(DefaultOptions{.alpha = 0.2}, arms, {}, p);
  EXPECT_EQ(p, (std::vector<double>{1.0, 0.0}));
  propensities(DefaultOptions{.alpha = 0.5}, arms, {}, p);
  EXPECT_EQ(p, (std::vector<double>{0.0, 1.0}));
}

TEST(DefaultPolicy, ASpecNamesItsOptions) {
  const auto spec = parse_policy_spec("default:alpha=.3,landmark_precision=2,bandwidth=.5");
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->policy, PolicyOptions(DefaultOptions{0.3, 2.0, 0.5}));
  EXPECT_EQ(parse_policy_spec("default:bandwidth=0").error().field, "bandwidth");
  EXPECT_EQ(parse_policy_spec("linucb:bandwidth=1").error().field, "bandwidth");
}

}  // namespace
}  // namespace pointsman
