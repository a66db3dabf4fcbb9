#include "engine/policies/policy_spec.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace pointsman {
namespace {

TEST(PolicySpec, ABareNameKeepsEveryDefault) {
  PosteriorOptions defaults;
  defaults.text_precision = 7.0;
  for (const CataloguedPolicy& entry : policy_catalogue()) {
    if (named_arm(entry.make()) != nullptr) continue;
    const auto spec = parse_policy_spec(entry.name, defaults);
    ASSERT_TRUE(spec.ok()) << entry.name;
    EXPECT_EQ(spec->policy, entry.make());
    EXPECT_EQ(spec->text, entry.name);
    EXPECT_EQ(spec->posterior, defaults);
    EXPECT_EQ(spec->propensity_floor, 0.0);
  }
}

TEST(PolicySpec, EveryKeySetsItsOption) {
  const auto spec = parse_policy_spec(
      "linucb:alpha=.3,floor=0.02,gamma=.997,intercept_mean=-1,intercept_precision=.5,"
      "field_precision=2,text_precision=5e1,embedding_precision=8");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->policy, PolicyOptions(LinUcbOptions{0.3}));
  EXPECT_EQ(spec->propensity_floor, 0.02);
  EXPECT_EQ(spec->posterior, (PosteriorOptions{.intercept_mean = -1.0,
                                               .intercept_precision = 0.5,
                                               .field_precision = 2.0,
                                               .text_precision = 50.0,
                                               .embedding_precision = 8.0,
                                               .gamma = 0.997}));
  EXPECT_EQ(parse_policy_spec("lints:alpha=0")->policy, PolicyOptions(LinTsOptions{0.0}));
  EXPECT_EQ(parse_policy_spec("epsilon_greedy:epsilon=1")->policy,
            PolicyOptions(EpsilonGreedyOptions{1.0}));
  EXPECT_EQ(parse_policy_spec("squarecb:gamma0=3,exponent=.25,gamma=.99")->policy,
            PolicyOptions(SquareCbOptions{3.0, 0.25}));
  EXPECT_EQ(parse_policy_spec("ucb1:alpha=.4")->policy, PolicyOptions(Ucb1Options{0.4}));
  EXPECT_EQ(parse_policy_spec("beta_thompson:a0=2,b0=.5")->policy,
            PolicyOptions(BetaThompsonOptions{2.0, 0.5}));
}

TEST(PolicySpec, PrecisionSetsAllThreeFeaturePrecisionsAndALaterKeyOverrulesIt) {
  const auto spec = parse_policy_spec("lints:precision=9,text_precision=4");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->posterior.field_precision, 9.0);
  EXPECT_EQ(spec->posterior.text_precision, 4.0);
  EXPECT_EQ(spec->posterior.embedding_precision, 9.0);
  EXPECT_EQ(spec->posterior.intercept_precision, PosteriorOptions{}.intercept_precision);
}

TEST(PolicySpec, HybridLinUcbSaysWhatArmsShare) {
  const auto spec = parse_policy_spec("hybrid_linucb:alpha=.3,shared=.7,shared_intercept=.2");
  ASSERT_TRUE(spec.ok());
  EXPECT_EQ(spec->policy, PolicyOptions(HybridLinUcbOptions{0.3, 0.7, 0.2}));
  EXPECT_EQ(policy_name(spec->policy), "hybrid_linucb");
}

TEST(PolicySpec, FixedTakesAnArmWithAnyPunctuationButACommaAndThenOptions) {
  const auto plain = parse_policy_spec("fixed:vendor/model-4:free=1");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain->policy, PolicyOptions(FixedOptions{"vendor/model-4:free=1"}));
  const auto floored = parse_policy_spec("fixed:a,floor=.1");
  ASSERT_TRUE(floored.ok());
  EXPECT_EQ(floored->policy, PolicyOptions(FixedOptions{"a"}));
  EXPECT_EQ(floored->propensity_floor, 0.1);
}

TEST(PolicySpec, AnErrorNamesTheKeyThatCausedIt) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "policy"},
      {"thompson", "policy"},
      {"LinUCB", "policy"},
      {"fixed", "arm"},
      {"fixed:", "arm"},
      {"linucb:", ""},
      {"linucb:alpha", "alpha"},
      {"linucb:alpha=", "alpha"},
      {"linucb:alpha=x", "alpha"},
      {"linucb:alpha=1x", "alpha"},
      {"linucb:alpha= 1", "alpha"},
      {"linucb:alpha=-1", "alpha"},
      {"linucb:alpha=nan", "alpha"},
      {"linucb:alpha=inf", "alpha"},
      {"linucb:alpha=1e999", "alpha"},
      {"linucb:alpha=1,", ""},
      {"linucb:=1", ""},
      {"linucb:epsilon=.1", "epsilon"},
      {"uniform:alpha=.1", "alpha"},
      {"epsilon_greedy:epsilon=1.1", "epsilon"},
      {"squarecb:gamma0=-1", "gamma0"},
      {"squarecb:exponent=1.5", "exponent"},
      {"squarecb:alpha=1", "alpha"},
      {"ucb1:gamma0=1", "gamma0"},
      {"beta_thompson:a0=0.4", "a0"},
      {"beta_thompson:b0=0", "b0"},
      {"hybrid_linucb:shared=0", "shared"},
      {"hybrid_linucb:shared=1", "shared"},
      {"hybrid_linucb:shared_intercept=1.5", "shared_intercept"},
      {"linucb:shared=.5", "shared"},
      {"lints:gamma=0", "gamma"},
      {"lints:gamma=1.01", "gamma"},
      {"lints:floor=-0.1", "floor"},
      {"lints:precision=0", "precision"},
      {"lints:text_precision=-2", "text_precision"},
      {"lints:alpha=1,widgets=2", "widgets"},
      {"fixed:a,b", "b"},
  };
  for (const auto& [text, field] : cases) {
    const auto spec = parse_policy_spec(text);
    ASSERT_FALSE(spec.ok()) << text;
    EXPECT_EQ(spec.error().code, ErrorCode::invalid) << text;
    EXPECT_EQ(spec.error().field, field) << text;
    if (!field.empty() && field != "policy" && field != "arm") {
      EXPECT_NE(spec.error().message.find(field), std::string::npos) << spec.error().message;
    }
  }
}

}  // namespace
}  // namespace pointsman
