#include "adapters/api/record_json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "engine/log/record_codec.h"
#include "engine/policies/policy_catalogue.h"

namespace pointsman {
namespace {

class RandomRecords final {
 public:
  explicit RandomRecords(std::uint64_t seed) : random_(seed) {}

  StoredRecord next(std::size_t kind) {
    StoredRecord out;
    out.scope.router = text();
    out.position = random_();
    for (std::uint8_t& byte : out.record.id) byte = static_cast<std::uint8_t>(random_());
    out.record.time = time();
    out.record.body = body(kind);
    return out;
  }

 private:
  bool coin() { return random_() % 2 == 0; }
  std::uint32_t u32() { return static_cast<std::uint32_t>(random_()); }

  Timestamp time() {
    std::uniform_int_distribution<std::int64_t> any(-62167219200000, 253402300799999);
    return Timestamp{std::chrono::milliseconds{any(random_)}};
  }
  std::string text() {
    static const std::string kPieces[] = {"a",  "Z", " ",  "\"",   "\\", "é",
                                          "退", "😀", "\n", "\x01", "/"};
    std::string out;
    for (std::size_t n = random_() % 8; n > 0; --n) out += kPieces[random_() % 11];
    return out;
  }
  // Any finite double, by its bits.
  double number() {
    for (;;) {
      const std::uint64_t bits = random_();
      double value = 0.0;
      std::memcpy(&value, &bits, sizeof value);
      if (std::isfinite(value)) return value;
    }
  }
  float raw() {
    if (random_() % 8 == 0) return std::numeric_limits<float>::quiet_NaN();
    if (random_() % 8 == 0) return random_() % 2 == 0 ? -0.0F : 0.1F;
    for (;;) {
      const std::uint32_t bits = u32();
      float value = 0.0F;
      std::memcpy(&value, &bits, sizeof value);
      if (std::isfinite(value)) return value;
    }
  }
  double share() { return static_cast<double>(random_() >> 11U) * 0x1p-53; }
  std::optional<double> maybe() { return coin() ? std::optional(number()) : std::nullopt; }
  template <class Make>
  auto list(Make make) {
    std::vector<decltype(make())> out;
    for (std::size_t n = random_() % 5; n > 0; --n) out.push_back(make());
    return out;
  }
  std::string json_bytes() {
    if (random_() % 4 == 0) return "";
    if (random_() % 4 == 0) return "not json {";
    return nlohmann::json{{"a", text()}, {"b", {number(), nullptr, coin()}}}.dump();
  }
  ArmSpec arm() {
    return {.id = text(),
            .model = text(),
            .input_usd_per_million_tokens = maybe(),
            .output_usd_per_million_tokens = maybe(),
            .expected_cost_usd = maybe(),
            .expected_latency_ms = maybe(),
            .tags = list([&] { return text(); })};
  }
  ArmView view() {
    return {.arm = text(),
            .propensity = number(),
            .expected_reward = number(),
            .uncertainty = number(),
            .expected_cost_usd = maybe(),
            .expected_latency_ms = maybe(),
            .utility = number(),
            .excluded = text()};
  }
  PolicyOptions policy() {
    switch (random_() % 10) {
      case 0:
        return LinUcbOptions{.alpha = number()};
      case 1:
        return LinTsOptions{.alpha = number()};
      case 2:
        return UniformOptions{};
      case 3:
        return FixedOptions{.arm = text()};
      case 4:
        return EpsilonGreedyOptions{.epsilon = number()};
      case 5:
        return SquareCbOptions{.gamma0 = number(), .exponent = number()};
      case 6:
        return Ucb1Options{.alpha = number()};
      case 7:
        return BetaThompsonOptions{.a0 = number(), .b0 = number()};
      case 8:
        return HybridLinUcbOptions{
            .alpha = number(), .shared = number(), .shared_intercept = number()};
      default:
        return DefaultOptions{
            .alpha = number(), .landmark_precision = number(), .bandwidth = number()};
    }
  }
  RouterConfig config() {
    RouterConfig out;
    out.source_hash = text();
    out.seed = random_();
    out.policy = policy();
    out.posterior = {number(), number(), number(), number(), number(), number()};
    out.features.text_counters = coin();
    out.features.text_model_dims = u32();
    out.features.text_model_hash = text();
    out.features.embedding_dims = u32();
    out.features.embedding_projection = u32();
    out.features.fields = list([&] { return FieldSpec{text(), list([&] { return text(); })}; });
    out.features.hashed_fields = u32();
    out.utility = {.value_usd = maybe(), .usd_per_second = number()};
    out.nursery = {.decisions = u32(), .share = number(), .min_decisions = random_()};
    out.propensity_floor = number();
    // A reader refuses what no configuration may hold.
    bound_learner(out.policy, out.posterior, out.propensity_floor);
    out.mode = static_cast<ServingMode>(random_() % 3);
    out.budget = {maybe(), maybe()};
    out.shadow_arm = text();
    out.sticky_sessions = coin();
    out.decision_ttl_ms = static_cast<std::int64_t>(random_());
    out.store_inputs = coin();
    out.arms = list([&] { return arm(); });
    return out;
  }
  Decision decision() {
    Decision out;
    out.query_id = text();
    out.session_id = text();
    out.raw = list([&] { return raw(); });
    out.schema_version = u32();
    out.arms = list([&] { return view(); });
    out.arms.push_back(view());
    out.chosen = static_cast<std::uint32_t>(random_() % out.arms.size());
    out.reason = static_cast<Reason>(random_() % 7);
    out.session_decision = text();
    out.parent = text();
    out.shadow_propensities = list([&] { return number(); });
    out.utility = {.value_usd = maybe(), .usd_per_second = number()};
    out.lambda = number();
    out.fallbacks = list([&] { return text(); });
    out.model = text();
    out.expires_at = time();
    out.metadata = json_bytes();
    out.inputs = text();
    return out;
  }
  RecordBody body(std::size_t kind) {
    switch (kind) {
      case 0:
        return config();
      case 1:
        return ArmPut{arm()};
      case 2:
        return ArmRemoved{text()};
      case 3:
        return SchemaRevision{u32(),
                              list([&] { return number(); }),
                              list([&] { return number(); }),
                              {1.5F, -0.25F},
                              number(),
                              maybe()};
      case 4:
        return decision();
      case 5: {
        const auto tokens = [&] {
          return coin() ? std::optional<std::uint64_t>(random_()) : std::nullopt;
        };
        return Outcome{text(), maybe(), maybe(), tokens(), tokens(), text()};
      }
      case 6:
        return Feedback{text(), text(), {share(), share()}, json_bytes()};
      case 8: {
        WarmStart out{text(), number(), {text(), text()}, {}, {}, {}};
        for (int row = 0; row < 3; ++row) {
          for (int i = 0; i < 4; ++i) out.raw.push_back(0.5F * static_cast<float>(row + i));
          for (int a = 0; a < 2; ++a) {
            out.quality.push_back(coin() ? share() : std::numeric_limits<double>::quiet_NaN());
            out.cost_usd.push_back(coin() ? number() : std::numeric_limits<double>::quiet_NaN());
          }
        }
        return out;
      }
      default:
        return SessionFeedback{text(), text(), {share(), share()}, number(), json_bytes()};
    }
  }

  std::mt19937_64 random_;
};

// The store's bytes hold every field and every bit, so equal bytes mean equal records.
TEST(RecordJson, AnyRecordOfAnyKindReadsBackBitForBit) {
  RandomRecords records(17);
  for (int round = 0; round < 500; ++round) {
    for (std::size_t kind = 0; kind < std::variant_size_v<RecordBody>; ++kind) {
      const StoredRecord record = records.next(kind);
      ASSERT_EQ(record.record.body.index(), kind);
      const std::string line = record_to_json(record).dump();
      const Result<StoredRecord> back = record_from_json_line(line);
      ASSERT_TRUE(back.ok()) << back.error().field << " " << back.error().message << "\n" << line;
      ASSERT_EQ(back->position, record.position);
      ASSERT_EQ(back->scope, record.scope);
      ASSERT_EQ(encode(back->record), encode(record.record)) << line;
    }
  }
}

StoredRecord one_decision() {
  Decision decision;
  decision.query_id = "q-1";
  decision.raw = {0.1F, std::numeric_limits<float>::quiet_NaN(), 3.0F};
  decision.arms.resize(2);
  decision.arms[0].arm = "a";
  decision.arms[0].propensity = 0.25;
  decision.arms[1].arm = "b";
  decision.arms[1].propensity = 0.75;
  decision.chosen = 1;
  decision.metadata = R"({"customer":7})";
  StoredRecord record;
  record.scope.router = "default";
  record.position = 41;
  record.record.id[0] = 0xAB;
  record.record.body = decision;
  return record;
}

TEST(RecordJson, AnEnvelopeComesFirstAndADecisionShowsItsArm) {
  const nlohmann::ordered_json json = record_to_json(one_decision());
  const std::string text = json.dump();
  EXPECT_TRUE(text.starts_with(R"({"position":41,"router":"default","id":"ab00)")) << text;
  EXPECT_EQ(json["kind"], "decision");
  EXPECT_EQ(json["arm"], "b");
  EXPECT_EQ(json["propensity"], 0.75);
  EXPECT_EQ(json["raw"].dump(), "[0.1,null,3.0]");
  EXPECT_EQ(json["metadata"]["customer"], 7);
}

TEST(RecordJson, AFieldThatDoesNotFitIsNamed) {
  const auto field = [](auto change) {
    nlohmann::json json = record_to_json(one_decision());
    change(json);
    const Result<StoredRecord> record = record_from_json(json);
    return record.ok() ? std::string("none") : record.error().field;
  };
  using Json = nlohmann::json;
  EXPECT_EQ(field([](Json&) {}), "none");
  EXPECT_EQ(field([](Json& j) { j["later_version"] = 1; }), "none");
  EXPECT_EQ(field([](Json& j) { j = 3; }), "/");
  EXPECT_EQ(field([](Json& j) { j["kind"] = "guess"; }), "/kind");
  EXPECT_EQ(field([](Json& j) { j.erase("kind"); }), "/kind");
  EXPECT_EQ(field([](Json& j) { j["position"] = -1; }), "/position");
  EXPECT_EQ(field([](Json& j) { j["id"] = "xyz"; }), "/id");
  EXPECT_EQ(field([](Json& j) { j["id"] = std::string(32, 'g'); }), "/id");
  EXPECT_EQ(field([](Json& j) { j["time"] = "noon"; }), "/time");
  EXPECT_EQ(field([](Json& j) { j["expires_at"] = 5; }), "/expires_at");
  EXPECT_EQ(field([](Json& j) { j["reason"] = "whim"; }), "/reason");
  EXPECT_EQ(field([](Json& j) { j["chosen"] = 2; }), "/chosen");
  EXPECT_EQ(field([](Json& j) { j["raw"][1] = "x"; }), "/raw/1");
  EXPECT_EQ(field([](Json& j) { j["arms"][1].erase("propensity"); }), "/arms/1/propensity");
  EXPECT_EQ(field([](Json& j) { j["arms"] = Json::object(); }), "/arms");
  EXPECT_EQ(field([](Json& j) { j["utility"]["value_usd"] = true; }), "/utility/value_usd");
  EXPECT_EQ(field([](Json& j) { j["schema_version"] = 4294967296; }), "/schema_version");
}

}  // namespace
}  // namespace pointsman
