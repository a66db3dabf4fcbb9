#include "engine/fold/landmark_map.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <vector>

namespace pointsman {
namespace {

using Floats = std::vector<float>;

/// Rows of standard normal numbers.
Floats contexts(std::size_t rows, std::size_t inputs) {
  std::mt19937_64 random(7);
  std::normal_distribution<float> normal;
  Floats made(rows * inputs);
  for (float& v : made) v = normal(random);
  return made;
}

SchemaRevision chosen(const Floats& rows, std::size_t inputs) {
  SchemaRevision revision;
  choose_landmarks(rows, inputs, 0.6, revision);
  return revision;
}

Floats features(const LandmarkMap& map, std::span<const float> z) {
  Floats out(LandmarkMap::kWidth, -1.0F);
  map.apply(z, out);
  return out;
}

double kernel(std::span<const float> a, std::span<const float> b, double bandwidth) {
  double square = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    square += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
  }
  return std::exp(-square / (2.0 * bandwidth * bandwidth));
}

double product(const Floats& a, const Floats& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

TEST(LandmarkMap, TheInnerProductOfTwoFeatureVectorsIsTheKernelWhereALandmarkIs) {
  constexpr std::size_t kInputs = 3;
  const Floats rows = contexts(200, kInputs);
  const SchemaRevision revision = chosen(rows, kInputs);
  ASSERT_EQ(revision.landmarks, rows);
  const LandmarkMap map(revision, kInputs);
  const Floats others = contexts(260, kInputs);
  for (std::size_t i = 0; i < 200; i += 9) {
    const auto landmark = std::span(rows).subspan(i * kInputs, kInputs);
    const Floats phi = features(map, landmark);
    for (std::size_t j = 0; j < 260; j += 7) {
      const auto other = std::span(others).subspan(j * kInputs, kInputs);
      EXPECT_NEAR(product(phi, features(map, other)), kernel(landmark, other, revision.bandwidth),
                  0.01);
    }
  }
}

TEST(LandmarkMap, AContextFarFromEveryLandmarkHasNoFeature) {
  const Floats rows = contexts(50, 2);
  const Floats phi = features(LandmarkMap(chosen(rows, 2), 2), Floats{40.0F, -40.0F});
  EXPECT_LT(product(phi, phi), 1e-12);
}

TEST(LandmarkMap, FeaturesBeyondTheLandmarksAreZero) {
  const Floats rows = contexts(16, 4);
  const Floats phi = features(LandmarkMap(chosen(rows, 4), 4), std::span(rows).first(4));
  EXPECT_NE(phi[0], 0.0F);
  for (std::size_t m = 16; m < LandmarkMap::kWidth; ++m) EXPECT_EQ(phi[m], 0.0F);
}

TEST(LandmarkMap, TheFirst256ContextsAreItsLandmarksHoweverManyThereAre) {
  const Floats rows = contexts(1024, 2);
  const SchemaRevision revision = chosen(rows, 2);
  EXPECT_EQ(revision.landmarks, Floats(rows.begin(), rows.begin() + 512));
}

TEST(LandmarkMap, TheBandwidthIsAShareOfTheMedianDistance) {
  // Distances 1, 2 and 3; the median is 2.
  EXPECT_DOUBLE_EQ(chosen({0.0F, 1.0F, 3.0F}, 1).bandwidth, 0.6 * 2.0);
  // Most pairs are the same context: the largest distance stands in.
  EXPECT_DOUBLE_EQ(chosen({1.0F, 1.0F, 1.0F, 1.0F, 1.0F, 3.0F}, 1).bandwidth, 0.6 * 2.0);
}

TEST(LandmarkMap, WithoutTwoDistinctContextsThereAreNoLandmarks) {
  for (const Floats& rows : {Floats{}, Floats{1.0F}, Floats{2.0F, 2.0F, 2.0F}}) {
    const SchemaRevision revision = chosen(rows, 1);
    EXPECT_TRUE(revision.landmarks.empty());
    EXPECT_EQ(features(LandmarkMap(revision, 1), Floats{1.0F}), Floats(LandmarkMap::kWidth, 0.0F));
  }
}

TEST(LandmarkMap, ContextsThatDifferByRoundingAloneAreOneAndLeaveFeaturesFinite) {
  // One wild value of a field, which takes all of its scale.
  Floats rows;
  for (int i = 0; i < 40; ++i) rows.push_back(1e-38F * static_cast<float>(i));
  const SchemaRevision alike = chosen(rows, 1);
  EXPECT_TRUE(alike.landmarks.empty());
  rows.push_back(5.0F);
  const LandmarkMap map(chosen(rows, 1), 1);
  for (const float z : rows) {
    for (const float feature : features(map, std::span(&z, 1))) ASSERT_TRUE(std::isfinite(feature));
  }
  SchemaRevision narrow = chosen(rows, 1);
  narrow.bandwidth = 1e-38;  // As an earlier release may have logged it.
  for (const float feature : features(LandmarkMap(narrow, 1), std::span(&rows[3], 1))) {
    ASSERT_TRUE(std::isfinite(feature));
  }
}

TEST(LandmarkMap, ContextsThatComeTwiceDoNotBreakIt) {
  Floats rows = contexts(128, 2);
  const Floats once = rows;
  rows.insert(rows.end(), once.begin(), once.end());
  const SchemaRevision revision = chosen(rows, 2);
  const LandmarkMap map(revision, 2);
  for (std::size_t i = 0; i < 128; i += 5) {
    const Floats phi = features(map, std::span(rows).subspan(2 * i, 2));
    EXPECT_NEAR(product(phi, phi), 1.0, 0.01);
  }
}

// With fewer landmarks the compiler's vectors end elsewhere: the order of a sum must not.
TEST(LandmarkMap, AFeaturesBitsDoNotDependOnHowManyLandmarksThereAre) {
  constexpr std::size_t kInputs = 5;
  const Floats rows = contexts(256, kInputs);
  const SchemaRevision revision = chosen(rows, kInputs);
  const LandmarkMap map(revision, kInputs);
  const Floats z = contexts(257, kInputs);
  const Floats all = features(map, std::span(z).last(kInputs));
  // A map of the first m landmarks has the first m features: C⁻¹ is lower triangular.
  for (const std::size_t m : {2U, 3U, 17U, 101U, 255U}) {
    SchemaRevision fewer = revision;
    fewer.landmarks.resize(m * kInputs);
    const Floats some = features(LandmarkMap(fewer, kInputs), std::span(z).last(kInputs));
    for (std::size_t i = 0; i < m; ++i) ASSERT_EQ(some[i], all[i]) << m << " landmarks, " << i;
  }
}

}  // namespace
}  // namespace pointsman
