#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "engine/features/default_text_model.h"
#include "engine/policies/policy_catalogue.h"
#include "server/config/router_section.h"
#include "tests/server/config/config_text.h"

namespace pointsman {
namespace {

using testing::IsEmpty;

/// Random routers, all sound, with the values that a text form is likeliest to lose.
class RandomRouters final {
 public:
  explicit RandomRouters(std::uint64_t seed) : random_(seed) {}

  RouterEntry next() {
    RouterEntry entry;
    entry.name = text("router");
    entry.tenant = text("tenant");
    RouterConfig& config = entry.config;
    const std::size_t arms = 1 + below(4);
    for (std::size_t i = 0; i < arms; ++i) config.arms.push_back(arm(i));
    config.seed = chance() ? random_() : below(100);
    config.policy = policy(config.arms.front().id);
    for (const PosteriorOption& option : posterior_catalogue()) {
      option.of(config.posterior) = within(option.range);
    }
    config.features = features();
    if (chance()) config.utility.value_usd = number();
    config.utility.usd_per_second = number();
    config.nursery.decisions = static_cast<std::uint32_t>(below(1'000));
    config.nursery.share = 0.9 * unit();
    config.nursery.min_decisions = below(1'000'000);
    config.propensity_floor = unit() / static_cast<double>(arms);
    config.mode = static_cast<ServingMode>(below(3));
    if (chance()) config.budget.usd_per_request = 1e-9 + number();
    if (chance()) config.budget.usd_per_day = 1e-9 + number();
    if (config.mode == ServingMode::shadow || chance()) config.shadow_arm = config.arms.back().id;
    config.sticky_sessions = chance();
    config.decision_ttl_ms = 1'000 + static_cast<std::int64_t>(below(1ULL << 37));
    config.store_inputs = chance();
    config.source_hash = router_source_hash(config);
    return entry;
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance() { return below(2) == 0; }
  double unit() { return static_cast<double>(below(1ULL << 53)) / static_cast<double>(1ULL << 53); }

  double number() {
    const std::array<double, 8> hard = {0.0,  1e22,     12345678901234567000.0,
                                        0.1,  5e-324,   std::numeric_limits<double>::max() / 2,
                                        1e-7, 1.0 / 3.0};
    return chance() ? hard[below(hard.size())] : unit() * std::pow(10.0, double(below(9)) - 4.0);
  }

  std::string text(const std::string& prefix) {
    const std::array<std::string, 7> hard = {"",         "\"",     "\\n", "'''", "# not a comment",
                                             "größe 数", "a = [1]"};
    return prefix + hard[below(hard.size())];
  }

  std::vector<std::string> texts() {
    std::vector<std::string> made;
    const std::size_t count = below(4);
    for (std::size_t i = 0; i < count; ++i) made.push_back(text(std::to_string(i)));
    return made;
  }

  std::optional<double> maybe() {
    if (chance()) return std::nullopt;
    return number();
  }

  ArmSpec arm(std::size_t index) {
    ArmSpec made;
    made.id = text(std::to_string(index));
    made.model = chance() ? made.id : text("provider/");
    made.input_usd_per_million_tokens = maybe();
    made.output_usd_per_million_tokens = maybe();
    made.expected_cost_usd = maybe();
    made.expected_latency_ms = maybe();
    made.tags = texts();
    return made;
  }

  /// A number of the range, an end of it or one that is hard to write.
  double within(const NumberRange& range) {
    const double value = chance() ? range.max - unit() * (range.max - range.min) : number();
    return range.holds(value) ? value : range.max;
  }

  PolicyOptions policy(const std::string& id) {
    const CataloguedPolicy& entry = policy_catalogue()[below(policy_catalogue().size())];
    PolicyOptions made = entry.make();
    for (const PolicyOption& option : entry.options) option.of(made) = within(option.range);
    if (std::string* const arm = named_arm(made)) *arm = id;
    return made;
  }

  FeatureLayout features() {
    FeatureLayout made;
    made.text_counters = chance();
    if (chance()) {
      made.text_model_dims = default_text_model().dims();
      made.text_model_hash = default_text_model().hash();
    }
    if (chance()) made.embedding_dims = static_cast<std::uint32_t>(2 + below(2'000));
    if (made.embedding_dims > 0 && chance()) {
      made.embedding_projection = static_cast<std::uint32_t>(below(made.embedding_dims));
    }
    const std::size_t fields = below(4);
    for (std::size_t i = 0; i < fields; ++i) {
      made.fields.push_back(FieldSpec{text(std::to_string(i)), texts()});
    }
    made.hashed_fields = static_cast<std::uint32_t>(below(64));
    return made;
  }

  std::mt19937_64 random_;
};

TEST(RenderRouter, ARenderedRouterIsReadBackWithEveryBit) {
  RandomRouters routers(20261121);
  for (int round = 0; round < 500; ++round) {
    const RouterEntry entry = routers.next();
    const std::string text = render_router_toml(entry);
    const ParsedConfig parsed = parse_text(text);
    ASSERT_THAT(parsed.faults, IsEmpty()) << text_of(parsed.faults) << text;
    ASSERT_EQ(parsed.config.routers.size(), 1U);
    EXPECT_EQ(parsed.config.routers[0].name, entry.name);
    EXPECT_EQ(parsed.config.routers[0].tenant, entry.tenant);
    ASSERT_EQ(parsed.config.routers[0].config, entry.config) << text;
  }
}

TEST(RenderRouter, TwoRenderedRoutersMakeOneFile) {
  RandomRouters routers(7);
  RouterEntry first = routers.next();
  RouterEntry second = routers.next();
  second.name = first.name + "2";
  const ParsedConfig parsed =
      parse_text(render_router_toml(first) + "\n" + render_router_toml(second));
  ASSERT_THAT(parsed.faults, IsEmpty()) << text_of(parsed.faults);
  ASSERT_EQ(parsed.config.routers.size(), 2U);
  EXPECT_EQ(parsed.config.routers[0].config, first.config);
  EXPECT_EQ(parsed.config.routers[1].config, second.config);
}

}  // namespace
}  // namespace pointsman
