#include "engine/log/record_codec.h"

#include <gtest/gtest.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace pointsman {
namespace {

/// Records with every field at random, from a seed alone.
class RandomRecords final {
 public:
  explicit RandomRecords(std::uint64_t seed) : random_(seed) {}

  Record record(std::size_t kind) {
    Record made;
    for (auto& byte : made.id) byte = static_cast<std::uint8_t>(random_());
    made.time = time();
    switch (kind) {
      case 0:
        made.body = router_config();
        break;
      case 1:
        made.body = ArmPut{arm_spec()};
        break;
      case 2:
        made.body = ArmRemoved{text()};
        break;
      case 3:
        made.body = schema_revision();
        break;
      case 4:
        made.body = decision();
        break;
      case 5:
        made.body = Outcome{text(),           maybe(number()),  maybe(number()),
                            maybe(random_()), maybe(random_()), text()};
        break;
      case 6:
        made.body = Feedback{text(), text(), {number(), number()}, text()};
        break;
      case 8:
        made.body = warm_start();
        break;
      default:
        made.body = SessionFeedback{text(), text(), {number(), number()}, number(), text()};
    }
    return made;
  }

  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

 private:
  template <class T>
  std::optional<T> maybe(T value) {
    return below(2) == 0 ? std::optional<T>(value) : std::nullopt;
  }
  template <class Make>
  auto list(Make make) {
    std::vector<decltype(make())> made(below(5));
    for (auto& item : made) item = make();
    return made;
  }
  // Any bits: infinities, denormals and NaNs with payloads among them.
  double number() { return std::bit_cast<double>(static_cast<std::uint64_t>(random_())); }
  std::uint32_t word() { return static_cast<std::uint32_t>(random_() >> below(64)); }
  bool coin() { return below(2) == 0; }
  Timestamp time() {
    return Timestamp(std::chrono::milliseconds(static_cast<std::int64_t>(random_())));
  }
  std::string text() {
    std::string made(below(4) == 0 ? below(300) : below(12), '\0');
    for (char& c : made) c = static_cast<char>(random_());
    return made;
  }
  std::vector<double> numbers(std::size_t n) {
    std::vector<double> made(n);
    for (double& v : made) v = number();
    return made;
  }

  ArmSpec arm_spec() {
    return {text(),
            text(),
            maybe(number()),
            maybe(number()),
            maybe(number()),
            maybe(number()),
            list([&] { return text(); })};
  }
  PolicyOptions policy() {
    switch (below(10)) {
      case 0:
        return LinUcbOptions{number()};
      case 1:
        return LinTsOptions{number()};
      case 2:
        return UniformOptions{};
      case 3:
        return FixedOptions{text()};
      case 4:
        return EpsilonGreedyOptions{number()};
      case 5:
        return SquareCbOptions{number(), number()};
      case 6:
        return Ucb1Options{number()};
      case 7:
        return BetaThompsonOptions{number(), number()};
      case 8:
        return HybridLinUcbOptions{number(), number(), number()};
      default:
        return DefaultOptions{number(), number(), number()};
    }
  }
  RouterConfig router_config() {
    RouterConfig made;
    made.source_hash = text();
    made.seed = random_();
    made.policy = policy();
    made.posterior = {number(), number(), number(), number(), number(), number()};
    made.features = {coin(), word(),
                     text(), word(),
                     word(), list([&] {
                       return FieldSpec{text(), list([&] { return text(); })}; }),
                     word()};
    made.utility = {maybe(number()), number()};
    made.nursery = {word(), number(), random_()};
    made.propensity_floor = number();
    made.mode = static_cast<ServingMode>(below(3));
    made.shadow_arm = text();
    made.sticky_sessions = coin();
    made.decision_ttl_ms = static_cast<std::int64_t>(random_());
    made.store_inputs = coin();
    made.arms = list([&] { return arm_spec(); });
    made.budget = {maybe(number()), maybe(number())};
    return made;
  }
  WarmStart warm_start() {
    WarmStart made{text(), number(), list([&] { return text(); }), {}, {}, {}};
    const std::size_t rows = made.arms.empty() ? 0 : below(4);
    made.raw.resize(rows * below(5));
    for (float& v : made.raw) v = std::bit_cast<float>(static_cast<std::uint32_t>(random_()));
    made.quality = numbers(rows * made.arms.size());
    made.cost_usd = numbers(rows * made.arms.size());
    return made;
  }
  SchemaRevision schema_revision() {
    const std::size_t dims = below(20);
    SchemaRevision made{word(), numbers(dims), numbers(dims), {}, 0.0, maybe(number())};
    if (coin()) {
      made.landmarks.assign(below(40), 1.5F);
      made.bandwidth = 0.25;
    }
    return made;
  }
  Decision decision() {
    Decision made;
    made.query_id = text();
    made.session_id = text();
    made.raw.resize(below(40));
    for (float& v : made.raw) v = std::bit_cast<float>(static_cast<std::uint32_t>(random_()));
    made.schema_version = word();
    made.arms.resize(1 + below(6));
    for (ArmView& view : made.arms) {
      view = {text(),          number(),        number(), number(),
              maybe(number()), maybe(number()), number(), text()};
    }
    made.chosen = static_cast<std::uint32_t>(below(made.arms.size()));
    made.reason = static_cast<Reason>(below(7));
    made.session_decision = text();
    made.parent = text();
    made.shadow_propensities = numbers(below(6));
    made.utility = {maybe(number()), number()};
    made.lambda = number();
    made.fallbacks = list([&] { return text(); });
    made.model = text();
    made.expires_at = time();
    made.metadata = text();
    made.inputs = text();
    if (coin()) made.request = Fingerprint{static_cast<std::uint8_t>(below(256)), 7};
    return made;
  }

  std::mt19937_64 random_;
};

constexpr std::size_t kKinds = std::variant_size_v<RecordBody>;

TEST(RecordCodec, ARecordOfEachKindComesBackBitForBit) {
  RandomRecords random(20260101);
  for (int round = 0; round < 300; ++round) {
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      const Record record = random.record(kind);
      const std::string bytes = encode(record);
      const Result<Record> decoded = decode(bytes);
      ASSERT_TRUE(decoded.ok()) << decoded.error().message;
      EXPECT_EQ(decoded->body.index(), kind);
      EXPECT_EQ(decoded->id, record.id);
      EXPECT_EQ(decoded->time, record.time);
      // Bits, not ==: a NaN differs from itself.
      EXPECT_EQ(encode(*decoded), bytes);
    }
  }
}

TEST(RecordCodec, ASchemaRevisionOfAnOlderReleaseHasNothingLearnt) {
  SchemaRevision sent;
  sent.version = 2;
  sent.mean = {0.5, 1.5};
  sent.scale = {1.0, 2.0};
  const std::string bytes = encode(Record{RecordId{}, Timestamp{}, sent});
  // No landmark, a number of eight bytes, no intercept: what that release did not write.
  const Result<Record> decoded = decode(std::string_view(bytes).substr(0, bytes.size() - 10));
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  const auto& read = std::get<SchemaRevision>(decoded->body);
  EXPECT_EQ(read.scale, sent.scale);
  EXPECT_TRUE(read.landmarks.empty());
  EXPECT_FALSE(read.intercept_mean.has_value());
}

TEST(RecordCodec, FieldsArriveWhereTheyWereSent) {
  Decision sent;
  sent.query_id = "q";
  sent.session_id = "s";
  sent.raw = {1.0F, std::numeric_limits<float>::quiet_NaN()};
  sent.schema_version = 3;
  sent.arms = {{"a", .25, .5, .1, .001, std::nullopt, .4, ""},
               {"b", .75, .6, .2, {}, 900.0, .5, "x"}};
  sent.chosen = 1;
  sent.reason = Reason::sticky;
  sent.session_decision = "d";
  sent.parent = "p";
  sent.shadow_propensities = {.5, .5};
  sent.utility = {.01, .0005};
  sent.lambda = 2.5;
  sent.fallbacks = {"a"};
  sent.model = "vendor/b";
  sent.expires_at = Timestamp(std::chrono::milliseconds(1234567));
  sent.metadata = std::string("{\"k\":\"\0\"}", 9);
  sent.inputs = "text";
  sent.request = Fingerprint{1, 2, 3};
  const Result<Record> decoded = decode(encode(Record{{7}, {}, sent}));
  ASSERT_TRUE(decoded.ok());
  const Decision& got = std::get<Decision>(decoded->body);
  EXPECT_EQ(got.query_id, sent.query_id);
  EXPECT_EQ(got.session_id, sent.session_id);
  EXPECT_EQ(got.raw[0], 1.0F);
  EXPECT_TRUE(std::isnan(got.raw[1]));
  EXPECT_EQ(got.schema_version, 3U);
  EXPECT_EQ(got.arms, sent.arms);
  EXPECT_EQ(got.chosen, 1U);
  EXPECT_EQ(got.reason, Reason::sticky);
  EXPECT_EQ(got.session_decision, "d");
  EXPECT_EQ(got.parent, "p");
  EXPECT_EQ(got.shadow_propensities, sent.shadow_propensities);
  EXPECT_EQ(got.utility, sent.utility);
  EXPECT_EQ(got.lambda, 2.5);
  EXPECT_EQ(got.fallbacks, sent.fallbacks);
  EXPECT_EQ(got.model, "vendor/b");
  EXPECT_EQ(got.expires_at, sent.expires_at);
  EXPECT_EQ(got.metadata, sent.metadata);
  EXPECT_EQ(got.inputs, "text");
  EXPECT_EQ(got.request, sent.request);
}

TEST(RecordCodec, ADecisionOfAReleaseThatKnewNoRequestReadsWithoutOne) {
  Decision sent{.query_id = "q", .arms = {{"a", 1.0}}};
  sent.model = "vendor/a";
  std::string bytes = encode(Record{{7}, {}, sent});
  bytes.pop_back();  // The absent request.
  const Result<Record> decoded = decode(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(std::get<Decision>(decoded->body).model, "vendor/a");
  EXPECT_FALSE(std::get<Decision>(decoded->body).request);
}

TEST(RecordCodec, ANanKeepsItsPayload) {
  const auto signalling = std::bit_cast<double>(std::uint64_t{0x7ff0'0000'dead'beef});
  const Record record{{}, {}, Feedback{"q", "thumbs", {signalling, -0.0}, ""}};
  const Result<Record> decoded = decode(encode(record));
  ASSERT_TRUE(decoded.ok());
  const Reward& reward = std::get<Feedback>(decoded->body).reward;
  EXPECT_EQ(std::bit_cast<std::uint64_t>(reward.value), 0x7ff0'0000'dead'beefU);
  EXPECT_TRUE(std::signbit(reward.confidence));
}

/// Bytes at a record's end that its first release did not write.
std::size_t size_of_later_fields(const Record& record) {
  if (const auto* decision = std::get_if<Decision>(&record.body)) {
    return decision->request ? 1 + sizeof(Fingerprint) : 1;
  }
  if (const auto* schema = std::get_if<SchemaRevision>(&record.body)) {
    // Fewer than 128 landmark numbers, so that their count takes one byte.
    const std::size_t landmarks = 1 + sizeof(float) * schema->landmarks.size();
    return landmarks + sizeof(double) + (schema->intercept_mean ? 1 + sizeof(double) : 1);
  }
  return 0;
}

TEST(RecordCodec, ARecordCutAnywhereIsCorrupt) {
  RandomRecords random(7);
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    for (int round = 0; round < 10; ++round) {
      const Record record = random.record(kind);
      const std::string bytes = encode(record);
      // Where an earlier release's record ended: no damage.
      const std::size_t earlier = bytes.size() - size_of_later_fields(record);
      for (std::size_t size = 0; size < bytes.size(); ++size) {
        if (size == earlier) continue;
        // A copy of its own, so that the sanitizer sees a read past its end.
        const std::vector<char> cut(bytes.begin(),
                                    bytes.begin() + static_cast<std::ptrdiff_t>(size));
        const Result<Record> decoded = decode({cut.data(), cut.size()});
        if (decoded.ok() && kind == 0) {
          // Cut where an earlier version ended: the rest reads as its defaults, and nothing else.
          const auto& config = std::get<RouterConfig>(decoded->body);
          ASSERT_EQ(config.budget, BudgetOptions{});
          ASSERT_EQ(encode(*decoded).substr(0, size), bytes.substr(0, size));
          continue;
        }
        ASSERT_FALSE(decoded.ok()) << "kind " << kind << ", " << size << " of " << bytes.size();
        EXPECT_EQ(decoded.error().code, ErrorCode::corrupt);
      }
    }
  }
}

TEST(RecordCodec, FlippedBitsNeverGiveARecordThatDoesNotEncodeAgain) {
  RandomRecords random(99);
  int refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = encode(random.record(static_cast<std::size_t>(round) % kKinds));
    const std::uint64_t flips = 1 + random.below(4);
    for (std::uint64_t i = 0; i < flips; ++i) {
      const std::size_t at = random.below(bytes.size());
      bytes[at] = static_cast<char>(static_cast<std::uint8_t>(bytes[at]) ^ (1U << random.below(8)));
    }
    const Result<Record> decoded = decode(bytes);
    if (!decoded.ok()) {
      EXPECT_EQ(decoded.error().code, ErrorCode::corrupt);
      ++refused;
      continue;
    }
    if (const auto* decision = std::get_if<Decision>(&decoded->body)) {
      ASSERT_LT(decision->chosen, decision->arms.size()) << "Readers index by it.";
    }
    const std::string once = encode(*decoded);
    const Result<Record> again = decode(once);
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(encode(*again), once);
  }
  EXPECT_GT(refused, 1000);
}

TEST(RecordCodec, RandomBytesNeverCrash) {
  RandomRecords random(5);
  for (int round = 0; round < 50'000; ++round) {
    std::string bytes(random.below(200), '\0');
    for (char& c : bytes) c = static_cast<char>(random.below(256));
    if (bytes.size() > 1) {
      bytes[0] = 1;
      bytes[1] = static_cast<char>(1 + random.below(kKinds));
    }
    const Result<Record> decoded = decode(bytes);
    if (!decoded.ok()) {
      EXPECT_EQ(decoded.error().code, ErrorCode::corrupt);
    }
  }
}

TEST(RecordCodec, BytesThatALaterReleaseAddedAtTheEndAreIgnored) {
  RandomRecords random(3);
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    const std::string bytes = encode(random.record(kind));
    const Result<Record> decoded = decode(bytes + "a field of tomorrow");
    ASSERT_TRUE(decoded.ok()) << decoded.error().message;
    EXPECT_EQ(encode(*decoded), bytes);
  }
}

TEST(RecordCodec, ALaterVersionAndAnUnknownKindSaySo) {
  std::string bytes = encode(Record{{}, {}, ArmRemoved{"a"}});
  std::string later = bytes;
  later[0] = 2;
  EXPECT_NE(decode(later).error().message.find("version 2"), std::string::npos);
  std::string unknown = bytes;
  unknown[1] = 77;
  EXPECT_NE(decode(unknown).error().message.find("kind 77"), std::string::npos);
}

TEST(RecordCodec, TheStoredFormOfAFeedbackIsThis) {
  // Written by version 1; a change of these bytes breaks every log that exists.
  const Record record{{1, 2, 3},
                      Timestamp(std::chrono::milliseconds(258)),
                      Feedback{"q1", "thumbs", {1.0, 0.5}, "{}"}};
  const char expected[] =
      "\x01\x07"
      "\x01\x02\x03\0\0\0\0\0\0\0\0\0\0\0\0\0"
      "\x02\x01\0\0\0\0\0\0"
      "\x02q1"
      "\x06thumbs"
      "\x10\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\xe0\x3f"
      "\x02{}";
  EXPECT_EQ(encode(record), std::string(expected, sizeof(expected) - 1));
}

TEST(RecordCodec, EachKindHasItsName) {
  EXPECT_STREQ(kind_name(RouterConfig{}), "router_config");
  EXPECT_STREQ(kind_name(ArmPut{}), "arm_put");
  EXPECT_STREQ(kind_name(ArmRemoved{}), "arm_removed");
  EXPECT_STREQ(kind_name(SchemaRevision{}), "schema_revision");
  EXPECT_STREQ(kind_name(Decision{}), "decision");
  EXPECT_STREQ(kind_name(Outcome{}), "outcome");
  EXPECT_STREQ(kind_name(Feedback{}), "feedback");
  EXPECT_STREQ(kind_name(SessionFeedback{}), "session_feedback");
}

}  // namespace
}  // namespace pointsman
