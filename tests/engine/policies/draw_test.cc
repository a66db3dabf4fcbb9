#include "engine/policies/draw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "engine/policies/keyed_random.h"

namespace pointsman {
namespace {

using Vector = std::vector<double>;

const double kLargestUnit = std::nextafter(1.0, 0.0);

Vector floored(double floor, Vector p) {
  apply_floor(floor, p);
  return p;
}

TEST(Floor, EveryArmGetsAtLeastTheFloorAndTheSumStaysOne) {
  const Vector p = floored(0.1, {0.0, 1.0, 0.0, 0.0});
  EXPECT_DOUBLE_EQ(p[0], 0.1);
  EXPECT_DOUBLE_EQ(p[1], 0.7);
  EXPECT_NEAR(std::accumulate(p.begin(), p.end(), 0.0), 1.0, 1e-15);
}

TEST(Floor, AFloorOfZeroChangesNoBit) {
  EXPECT_EQ(floored(0.0, {0.3, 0.7 - 1e-17, 0.0}), (Vector{0.3, 0.7 - 1e-17, 0.0}));
}

TEST(Floor, AFloorAboveAnEqualShareIsTheUniformDistribution) {
  for (const double floor : {0.25, 0.5, 1.0}) {
    EXPECT_EQ(floored(floor, {1.0, 0.0, 0.0, 0.0}), (Vector{0.25, 0.25, 0.25, 0.25}));
  }
  // 49·(1/49) is not 1 in f64.
  for (const double value : floored(1.0, Vector(49, 1.0 / 49))) EXPECT_NEAR(value, 1.0 / 49, 1e-17);
}

TEST(Draw, TheNumberSelectsByInversion) {
  const Vector p{0.25, 0.5, 0.25};
  EXPECT_EQ(draw(p, 0.0), 0U);
  EXPECT_EQ(draw(p, 0.2499), 0U);
  EXPECT_EQ(draw(p, 0.25), 1U);
  EXPECT_EQ(draw(p, 0.7499), 1U);
  EXPECT_EQ(draw(p, 0.75), 2U);
  EXPECT_EQ(draw(p, kLargestUnit), 2U);
}

TEST(Draw, AnArmWithoutProbabilityIsNeverDrawn) {
  const Vector p{0.0, 0.5, 0.0, 0.5, 0.0};
  EXPECT_EQ(draw(p, 0.0), 1U);
  EXPECT_EQ(draw(p, 0.5), 3U);
  EXPECT_EQ(draw(p, kLargestUnit), 3U);
}

TEST(Draw, RoundingNeverFallsOffTheEnd) {
  for (std::size_t k = 1; k < 300; ++k) {
    Vector p(k, 1.0 / static_cast<double>(k));
    p.push_back(0.0);
    EXPECT_EQ(draw(p, kLargestUnit), k - 1);
    for (double& value : p) value *= 1.0 - 1e-13;
    EXPECT_EQ(draw(p, kLargestUnit), k - 1);
  }
  // u·p rounds up to p itself here, so that inversion alone would run past the arm.
  constexpr double kTiny = std::numeric_limits<double>::denorm_min();
  EXPECT_EQ(draw(Vector{0.0, kTiny, 0.0}, kLargestUnit), 1U);
}

TEST(StatisticalDraw, FrequenciesMatchThePropensities) {
  const Vector p{0.02, 0.0, 0.5, 0.18, 0.3};
  constexpr int kDraws = 200000;
  std::vector<int> counts(p.size());
  for (int i = 0; i < kDraws; ++i) {
    KeyedRandom random(11, "q-" + std::to_string(i));
    ++counts[draw(p, random.next_unit())];
  }
  for (std::size_t a = 0; a < p.size(); ++a) {
    const double error = std::sqrt(p[a] * (1.0 - p[a]) * kDraws);
    EXPECT_LE(std::abs(counts[a] - p[a] * kDraws), 4.5 * error) << "arm " << a;
  }
}

}  // namespace
}  // namespace pointsman
