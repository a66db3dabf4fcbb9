#include "engine/features/features.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "engine/features/default_text_model.h"
#include "engine/features/text_counters.h"

namespace pointsman {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Two numbers and a category, no text.
FeatureLayout field_layout() {
  FeatureLayout layout;
  layout.text_counters = false;
  layout.fields = {{"tokens", {}}, {"task", {"math", "code", "chat"}}, {"a/b~c", {}}};
  return layout;
}

struct Encoded {
  Status status = Done{};
  std::vector<float> raw;
};

Encoded encode(const FeatureLayout& layout, const RequestFeatures& request) {
  const FeatureEncoder encoder(layout, &default_text_model());
  Encoded encoded;
  encoded.raw.assign(encoder.dims(), -77.0F);
  encoded.status = encoder.encode(request, encoded.raw);
  return encoded;
}

Encoded encode_fields(const FeatureLayout& layout, const std::vector<FieldValue>& fields) {
  RequestFeatures request;
  request.fields = fields;
  return encode(layout, request);
}

Encoded encode_embedding(const FeatureLayout& layout, const std::vector<float>& embedding) {
  RequestFeatures request;
  request.embedding = embedding;
  return encode(layout, request);
}

/// Equal, with NaN equal to NaN.
void expect_raw(const std::vector<float>& raw, const std::vector<float>& expected) {
  ASSERT_EQ(raw.size(), expected.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (std::isnan(expected[i])) {
      EXPECT_TRUE(std::isnan(raw[i])) << "coordinate " << i;
    } else {
      EXPECT_FLOAT_EQ(raw[i], expected[i]) << "coordinate " << i;
    }
  }
}

std::string field_of(const Encoded& encoded) {
  return encoded.status.ok() ? "accepted" : encoded.status.error().field;
}

TEST(FeatureLayout, StacksItsBlocksInOrder) {
  FeatureLayout layout = field_layout();
  layout.text_counters = true;
  layout.text_model_dims = 64;
  layout.embedding_dims = 1536;
  layout.embedding_projection = 32;
  layout.hashed_fields = 8;
  const std::vector<CoordinateKind> kinds = coordinate_kinds(layout);
  ASSERT_EQ(kinds.size(), kTextCounterCount + 64 + 32 + 5 + 8);
  EXPECT_EQ(raw_dims(layout), kinds.size());
  const auto kind_count = [&kinds](CoordinateKind kind) {
    return static_cast<std::size_t>(std::count(kinds.begin(), kinds.end(), kind));
  };
  EXPECT_EQ(kind_count(CoordinateKind::text_counter), kTextCounterCount);
  EXPECT_EQ(kind_count(CoordinateKind::embedding), 96U);
  EXPECT_EQ(kind_count(CoordinateKind::field), 13U);
  EXPECT_TRUE(std::is_sorted(kinds.begin(), kinds.end()));
  layout.embedding_projection = 0;
  EXPECT_EQ(raw_dims(layout), kTextCounterCount + 64 + 1536 + 13);
}

TEST(FeatureEncoder, WritesCountersAndModelWhereThereIsText) {
  FeatureLayout layout;
  layout.text_model_dims = 64;
  layout.fields = {{"tokens", {}}};
  RequestFeatures request;
  request.has_text = true;
  request.text = "What is the capital of France?";
  const Encoded encoded = encode(layout, request);
  ASSERT_TRUE(encoded.status.ok());
  std::vector<float> expected(kTextCounterCount + 64 + 1, kNan);
  count_text(request.text, std::span<float>(expected).first(kTextCounterCount));
  default_text_model().embed(request.text,
                             std::span<float>(expected).subspan(kTextCounterCount, 64));
  expect_raw(encoded.raw, expected);
}

TEST(FeatureEncoder, LeavesNanWhereTextEmbeddingOrNumbersAreMissing) {
  FeatureLayout layout = field_layout();
  layout.text_counters = true;
  layout.text_model_dims = 64;
  layout.embedding_dims = 3;
  layout.hashed_fields = 2;
  const Encoded encoded = encode(layout, RequestFeatures{});
  ASSERT_TRUE(encoded.status.ok());
  std::vector<float> expected(kTextCounterCount + 64 + 3, kNan);
  expected.insert(expected.end(), {kNan, 0.0F, 0.0F, 0.0F, kNan, 0.0F, 0.0F});
  expect_raw(encoded.raw, expected);
}

TEST(FeatureEncoder, TellsAnEmptyTextFromNone) {
  FeatureLayout layout;
  RequestFeatures request;
  request.has_text = true;
  const Encoded encoded = encode(layout, request);
  expect_raw(encoded.raw, std::vector<float>(kTextCounterCount, 0.0F));
}

TEST(FeatureEncoder, WritesNumbersTruthsAndCategories) {
  const std::vector<FieldValue> fields = {
      {"task", std::string_view("code")}, {"a/b~c", true}, {"tokens", 812.0}};
  const Encoded encoded = encode_fields(field_layout(), fields);
  ASSERT_TRUE(encoded.status.ok());
  expect_raw(encoded.raw, {812.0F, 0.0F, 1.0F, 0.0F, 1.0F});
}

TEST(FeatureEncoder, SetsNoCoordinateForACategoryThatIsNotListed) {
  const Encoded encoded = encode_fields(field_layout(), {{"task", std::string_view("poetry")}});
  ASSERT_TRUE(encoded.status.ok());
  expect_raw(encoded.raw, {kNan, 0.0F, 0.0F, 0.0F, kNan});
}

TEST(FeatureEncoder, NamesTheFieldThatItCannotTake) {
  const FeatureLayout layout = field_layout();
  const auto field = [&](FieldValue value) { return field_of(encode_fields(layout, {value})); };
  EXPECT_EQ(field({"tokens", std::string_view("many")}), "/features/tokens");
  EXPECT_EQ(field({"tokens", kInfinity}), "/features/tokens");
  EXPECT_EQ(field({"tokens", static_cast<double>(kNan)}), "/features/tokens");
  EXPECT_EQ(field({"tokens", 1e300}), "/features/tokens");
  EXPECT_EQ(field({"task", 3.0}), "/features/task");
  EXPECT_EQ(field({"task", true}), "/features/task");
  EXPECT_EQ(field({"unknown", 1.0}), "/features/unknown");
  EXPECT_EQ(field({"a/b~c", std::string_view("x")}), "/features/a~1b~0c");
  EXPECT_EQ(field({"tokens", -1e9}), "accepted");
}

TEST(FeatureEncoder, HashesFieldsThatAreNotDeclared) {
  FeatureLayout layout = field_layout();
  layout.fields.clear();
  layout.hashed_fields = 64;
  const auto raw_of = [&](const std::vector<FieldValue>& fields) {
    const Encoded encoded = encode_fields(layout, fields);
    EXPECT_TRUE(encoded.status.ok());
    return encoded.raw;
  };
  const auto sum_of = [](const std::vector<float>& raw) {
    float sum = 0.0F;
    for (const float value : raw) sum += value;
    return sum;
  };
  const std::vector<float> number = raw_of({{"length", 2.5}});
  EXPECT_FLOAT_EQ(sum_of(number), 2.5F);
  EXPECT_EQ(std::count(number.begin(), number.end(), 0.0F), 63);
  EXPECT_FLOAT_EQ(sum_of(raw_of({{"vip", true}})), 1.0F);
  EXPECT_FLOAT_EQ(sum_of(raw_of({{"vip", false}})), 0.0F);
  const std::vector<float> german = raw_of({{"language", std::string_view("de")}});
  EXPECT_FLOAT_EQ(sum_of(german), 1.0F);
  EXPECT_NE(german, raw_of({{"language", std::string_view("fr")}}));
  EXPECT_EQ(german, raw_of({{"language", std::string_view("de")}}));
  std::vector<float> both = raw_of({{"length", 2.5}, {"language", std::string_view("de")}});
  for (std::size_t i = 0; i < both.size(); ++i) EXPECT_FLOAT_EQ(both[i], number[i] + german[i]);
  EXPECT_EQ(field_of(encode_fields(layout, {{"length", kInfinity}})), "/features/length");
  EXPECT_EQ(field_of(encode_fields(layout, {{"length", 3e38}, {"length", 3e38}})),
            "/features/length");
}

TEST(FeatureEncoder, PassesAnEmbeddingThrough) {
  FeatureLayout layout;
  layout.text_counters = false;
  layout.embedding_dims = 3;
  const Encoded encoded = encode_embedding(layout, {0.5F, -2.0F, 0.0F});
  ASSERT_TRUE(encoded.status.ok());
  expect_raw(encoded.raw, {0.5F, -2.0F, 0.0F});
}

TEST(FeatureEncoder, NamesThePlaceOfAnEmbeddingsFault) {
  FeatureLayout layout;
  layout.text_counters = false;
  layout.embedding_dims = 20;
  std::vector<float> embedding(20, 1.0F);
  embedding[17] = kNan;
  EXPECT_EQ(field_of(encode_embedding(layout, embedding)), "/embedding/17");
  EXPECT_EQ(field_of(encode_embedding(layout, std::vector<float>(19, 1.0F))), "/embedding");
  layout.embedding_projection = 4;
  EXPECT_EQ(field_of(encode_embedding(layout, embedding)), "/embedding/17");
  EXPECT_EQ(field_of(encode_embedding(layout, std::vector<float>(20, 3e38F))), "/embedding");
  layout.embedding_dims = 0;
  EXPECT_EQ(field_of(encode_embedding(layout, {1.0F})), "/embedding");
}

TEST(FeatureEncoder, ProjectsLinearlyAndKeepsLengthsRoughly) {
  FeatureLayout layout;
  layout.text_counters = false;
  layout.embedding_dims = 1536;
  layout.embedding_projection = 256;
  std::vector<float> first(1536);
  std::vector<float> second(1536);
  for (std::size_t i = 0; i < first.size(); ++i) {
    first[i] = std::sin(static_cast<float>(i)) / 28.0F;
    second[i] = std::cos(static_cast<float>(3 * i)) / 28.0F;
  }
  const std::vector<float> a = encode_embedding(layout, first).raw;
  const std::vector<float> b = encode_embedding(layout, second).raw;
  std::vector<float> sum = first;
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += second[i];
  const std::vector<float> c = encode_embedding(layout, sum).raw;
  ASSERT_EQ(a.size(), 256U);
  double length2 = 0.0;
  double overlap = 0.0;
  for (std::size_t j = 0; j < a.size(); ++j) {
    EXPECT_NEAR(c[j], a[j] + b[j], 1e-5);
    length2 += static_cast<double>(a[j]) * static_cast<double>(a[j]);
    overlap += static_cast<double>(a[j]) * static_cast<double>(b[j]);
  }
  // Standard deviation about sqrt(2/256) = .09; the signs are fixed, so this cannot flicker.
  EXPECT_NEAR(length2, 0.98, 0.3);
  EXPECT_NEAR(overlap, 0.0, 0.3);
}

}  // namespace
}  // namespace pointsman
