#include "engine/policies/policy_catalogue.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>

#include "engine/log/records.h"
#include "engine/policies/policy_help.h"
#include "engine/policies/policy_spec.h"

namespace pointsman {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string spec_of(const CataloguedPolicy& entry, const std::string& option) {
  const std::string arm = named_arm(entry.make()) != nullptr ? ":ARM," : ":";
  return std::string(entry.name) + arm + option;
}

TEST(PolicyCatalogue, ListsEachPolicyInItsPlaceUnderANameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < policy_catalogue().size(); ++i) {
    const CataloguedPolicy& entry = policy_catalogue()[i];
    EXPECT_EQ(entry.make().index(), i);
    EXPECT_EQ(&catalogued(entry.make()), &entry);
    EXPECT_EQ(find_policy(entry.name), &entry);
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
  }
  EXPECT_EQ(find_policy("thompson"), nullptr);
}

TEST(PolicyCatalogue, EveryDefaultLiesInItsRange) {
  for (const CataloguedPolicy& entry : policy_catalogue()) {
    EXPECT_TRUE(check_learner({entry.make(), PosteriorOptions{}, 0.0}).ok()) << entry.name;
  }
}

TEST(PolicyCatalogue, EveryOptionIsAMemberOfItsOwn) {
  for (const CataloguedPolicy& entry : policy_catalogue()) {
    PolicyOptions policy = entry.make();
    double value = 0.5;
    for (const PolicyOption& option : entry.options) option.of(policy) = value += 0.01;
    value = 0.5;
    for (const PolicyOption& option : entry.options) EXPECT_EQ(option.get(policy), value += 0.01);
  }
  PosteriorOptions prior;
  double value = 0.5;
  for (const PosteriorOption& option : posterior_catalogue()) option.of(prior) = value += 0.01;
  EXPECT_EQ(sizeof(PosteriorOptions), posterior_catalogue().size() * sizeof(double));
  value = 0.5;
  for (const PosteriorOption& option : posterior_catalogue()) {
    EXPECT_EQ(option.get(prior), value += 0.01) << option.key;
  }
}

TEST(PolicyCatalogue, ASpecTakesBothEndsOfARangeAndNothingBeyondThem) {
  for (const CataloguedPolicy& entry : policy_catalogue()) {
    for (const PolicyOption& option : entry.options) {
      const auto spec = [&](double value) {
        return parse_policy_spec(
            spec_of(entry, std::string(option.key) + "=" + std::to_string(value)));
      };
      ASSERT_TRUE(std::isfinite(option.range.max)) << entry.name << " " << option.key;
      EXPECT_TRUE(spec(option.range.max).ok()) << entry.name << " " << option.key;
      EXPECT_EQ(spec(option.range.min).ok(), !option.range.above_min) << option.key;
      EXPECT_EQ(spec(option.range.max * 1.01).error().field, option.key);
      EXPECT_EQ(spec(option.range.min - 0.01).error().field, option.key);
    }
  }
}

TEST(PolicyCatalogue, ALearnerOutOfRangeIsRefusedWithTheFieldNamed) {
  const PolicyOptions sound = LinTsOptions{};
  for (const double wild : {kNan, kInfinity, -1.0, 1e300}) {
    EXPECT_EQ(check_learner({LinTsOptions{wild}, {}, 0.0}).error().field, "policy/alpha");
    const PosteriorOptions prior{.text_precision = wild};
    EXPECT_EQ(check_learner({sound, prior, 0.0}).error().field, "posterior/text_precision");
    EXPECT_EQ(check_learner({sound, {}, wild}).error().field, "propensity_floor");
  }
}

TEST(PolicyCatalogue, OptionsOfAnOlderLogMoveToTheNearestValueOfTheirRange) {
  PolicyOptions policy = DefaultOptions{.alpha = 1e300, .landmark_precision = 0, .bandwidth = kNan};
  PosteriorOptions prior{.intercept_mean = -kInfinity, .field_precision = 7.0, .gamma = 0.0};
  double floor = 2.0;
  bound_learner(policy, prior, floor);
  EXPECT_EQ(policy, PolicyOptions(DefaultOptions{.alpha = 1000.0, .landmark_precision = 1e-4}));
  EXPECT_EQ(floor, 1.0);
  EXPECT_EQ(prior.intercept_mean, -1000.0);
  EXPECT_EQ(prior.field_precision, 7.0);
  EXPECT_GT(prior.gamma, 0.0);
}

TEST(PolicyCatalogue, WhatIsNotNamedIsOnePolicyEverywhere) {
  EXPECT_EQ(RouterConfig{}.policy, unnamed_policy());
  EXPECT_EQ(unnamed_policy_spec().policy, unnamed_policy());
  EXPECT_EQ(unnamed_policy_spec().posterior, RouterConfig{}.posterior);
}

TEST(PolicyCatalogue, TheHelpTellsOfEveryOptionInLinesThatFitATerminal) {
  const std::string help = policy_help();
  for (const CataloguedPolicy& entry : policy_catalogue()) {
    EXPECT_NE(help.find("\n  " + std::string(entry.name)), std::string::npos) << entry.name;
    for (const PolicyOption& option : entry.options) {
      EXPECT_NE(help.find("\n      " + std::string(option.key) + " = "), std::string::npos);
    }
  }
  for (std::size_t at = 0; at < help.size();) {
    const std::size_t end = help.find('\n', at);
    // A multiplication dot takes two bytes and one column.
    EXPECT_LE(end - at, 106U) << help.substr(at, end - at);
    at = end + 1;
  }
}

}  // namespace
}  // namespace pointsman
