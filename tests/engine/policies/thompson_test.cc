#include "engine/policies/thompson.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace pointsman {
namespace {

using Vector = std::vector<double>;

struct Normals {
  Vector mean;
  Vector sigma;
};

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

/// Collects Π Φ and each arm's share of the integrand at one point.
class Integrand final {
 public:
  explicit Integrand(const Normals& arms)
      : arms_(arms), cdf_(arms.mean.size()), density_(arms.mean.size()) {}

  void add(double s, double weight, Vector& out) {
    double product = 1.0;
    for (std::size_t a = 0; a < cdf_.size(); ++a) {
      const double z = (s - arms_.mean[a]) / arms_.sigma[a];
      density_[a] = z > 9.0 ? 0.0 : std::exp(-0.5 * z * z) / arms_.sigma[a];
      cdf_[a] = z > 9.0 ? 1.0 : normal_cdf(z);
      product *= cdf_[a];
      if (product < 1e-20) return;
    }
    for (std::size_t a = 0; a < cdf_.size(); ++a) {
      if (density_[a] > 0.0) out[a] += weight * product * density_[a] / cdf_[a];
    }
  }

 private:
  const Normals& arms_;
  Vector cdf_;
  Vector density_;
};

Vector normalised(Vector p) {
  const double total = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& value : p) value /= total;
  return p;
}

/// The reference of docs/MATH.md: a 20,001-node trapezoid on [max(μ − 9σ), max(μ + 9σ)] in f64.
Vector by_trapezoid(const Normals& arms) {
  double low = -INFINITY;
  double high = -INFINITY;
  for (std::size_t a = 0; a < arms.mean.size(); ++a) {
    low = std::max(low, arms.mean[a] - 9.0 * arms.sigma[a]);
    high = std::max(high, arms.mean[a] + 9.0 * arms.sigma[a]);
  }
  constexpr int kIntervals = 20000;
  Vector out(arms.mean.size(), 0.0);
  Integrand integrand(arms);
  for (int i = 0; i <= kIntervals; ++i) {
    const double s = low + (high - low) * i / kIntervals;
    integrand.add(s, i == 0 || i == kIntervals ? 0.5 : 1.0, out);
  }
  return normalised(out);
}

/// For any ratio of sigmas: Simpson's rule between the multiples of σ/8 of every arm.
Vector by_adapted_simpson(const Normals& arms) {
  Vector cuts;
  double low = -INFINITY;
  for (std::size_t a = 0; a < arms.mean.size(); ++a) {
    low = std::max(low, arms.mean[a] - 9.0 * arms.sigma[a]);
    for (int i = -72; i <= 72; ++i) cuts.push_back(arms.mean[a] + arms.sigma[a] * i / 8.0);
  }
  std::sort(cuts.begin(), cuts.end());
  Vector out(arms.mean.size(), 0.0);
  Integrand integrand(arms);
  for (std::size_t i = 0; i + 1 < cuts.size(); ++i) {
    const double width = cuts[i + 1] - cuts[i];
    if (cuts[i] < low || width <= 0.0) continue;
    for (int j = 0; j <= 4; ++j) {
      const double weight = j == 0 || j == 4 ? 1.0 : (j == 2 ? 2.0 : 4.0);
      integrand.add(cuts[i] + width * j / 4.0, weight * width / 12.0, out);
    }
  }
  return normalised(out);
}

Vector propensities_of(const Normals& arms) {
  Vector out(arms.mean.size(), -1.0);
  thompson_propensities(arms.mean, arms.sigma, out);
  return out;
}

double largest_error(const Vector& got, const Vector& expected) {
  double worst = 0.0;
  for (std::size_t a = 0; a < got.size(); ++a) {
    worst = std::max(worst, std::abs(got[a] - expected[a]));
  }
  return worst;
}

double sum(const Vector& p) { return std::accumulate(p.begin(), p.end(), 0.0); }

/// Arms whose sigmas differ by up to `ratio` and whose means make a contest of it.
Normals random_arms(std::size_t k, double ratio, std::mt19937_64& random) {
  std::uniform_real_distribution<double> unit(0.0, 1.0);
  std::normal_distribution<double> normal;
  const double spread = std::pow(10.0, 2.0 * unit(random) - 1.0);
  const bool crowded = unit(random) < 0.25;
  const double typical = crowded ? 1.0 : std::sqrt(ratio);
  Normals arms;
  for (std::size_t a = 0; a < k; ++a) {
    arms.sigma.push_back(crowded ? 1.0 : std::pow(ratio, unit(random)));
    arms.mean.push_back(spread * typical * normal(random));
  }
  if (crowded) {
    // One steep arm against the maximum of all the others is the hardest case.
    arms.sigma[0] = 1.0 / ratio;
    arms.mean[0] = std::sqrt(2.0 * std::log(static_cast<double>(k))) + 0.5 * normal(random);
  }
  return arms;
}

struct Sweep {
  std::uint64_t seed = 0;
  int cases = 0;
  std::size_t least_arms = 0;
  std::size_t most_arms = 0;
};

void expect_within_a_millionth_of_the_trapezoid(const Sweep& sweep) {
  std::mt19937_64 random(sweep.seed);
  std::uniform_int_distribution<std::size_t> arms_count(sweep.least_arms, sweep.most_arms);
  std::uniform_real_distribution<double> decades(0.0, 3.0);
  double worst = 0.0;
  for (int i = 0; i < sweep.cases; ++i) {
    const double ratio = std::pow(10.0, decades(random));
    const Normals arms = random_arms(arms_count(random), ratio, random);
    const Vector got = propensities_of(arms);
    const double error = largest_error(got, by_trapezoid(arms));
    ASSERT_LE(error, 1e-6) << "case " << i << ", " << arms.mean.size() << " arms, ratio " << ratio;
    ASSERT_NEAR(sum(got), 1.0, 1e-12);
    worst = std::max(worst, error);
  }
  ::testing::Test::RecordProperty("largest_error", std::to_string(worst * 1e9) + "e-9");
}

TEST(Thompson, TwoToEightArmsAgreeWithTheTrapezoidToAMillionth) {
  expect_within_a_millionth_of_the_trapezoid(
      {.seed = 20261121, .cases = 2500, .least_arms = 2, .most_arms = 8});
}

TEST(Thompson, NineToSixtyFourArmsAgreeWithTheTrapezoidToAMillionth) {
  expect_within_a_millionth_of_the_trapezoid(
      {.seed = 41, .cases = 250, .least_arms = 9, .most_arms = 64});
}

TEST(Thompson, AThousandArmsAgreeWithTheTrapezoidToAMillionth) {
  expect_within_a_millionth_of_the_trapezoid(
      {.seed = 43, .cases = 4, .least_arms = 1000, .most_arms = 1000});
}

TEST(Thompson, TheTwoReferencesAgreeWithEachOther) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 20; ++i) {
    const Normals arms = random_arms(5, 300.0, random);
    EXPECT_LE(largest_error(by_trapezoid(arms), by_adapted_simpson(arms)), 1e-8);
  }
}

TEST(Thompson, SigmasAMillionTimesApartAgreeWithTheAdaptedReference) {
  std::mt19937_64 random(6);
  std::uniform_real_distribution<double> decades(3.0, 6.0);
  for (int i = 0; i < 400; ++i) {
    const double ratio = std::pow(10.0, decades(random));
    const Normals arms = random_arms(2 + static_cast<std::size_t>(i) % 7, ratio, random);
    const Vector got = propensities_of(arms);
    ASSERT_LE(largest_error(got, by_adapted_simpson(arms)), 1e-6) << "case " << i;
    ASSERT_NEAR(sum(got), 1.0, 1e-12);
  }
}

TEST(Thompson, TwoArmsFollowTheClosedForm) {
  for (const double ratio : {1.0, 1e1, 1e3, 1e6, 1e12}) {
    for (const double gap : {-3.0, -0.4, 0.0, 0.001, 1.0, 4.0}) {
      const Normals arms{{gap, 0.0}, {1.0 / ratio, 1.0}};
      const double expected = normal_cdf(gap / std::hypot(1.0 / ratio, 1.0));
      EXPECT_NEAR(propensities_of(arms)[0], expected, 2e-7) << ratio << " " << gap;
    }
  }
}

TEST(Thompson, EqualArmsGetEqualBits) {
  for (const std::size_t k : {1U, 2U, 3U, 7U, 64U, 65U, 1000U}) {
    const Vector p = propensities_of({Vector(k, 0.3), Vector(k, 0.02)});
    for (const double value : p) EXPECT_EQ(value, p.front());
    EXPECT_NEAR(p.front(), 1.0 / static_cast<double>(k), 1e-15);
  }
  const Vector p = propensities_of({{0.3, 0.35, 0.3}, {0.1, 0.02, 0.1}});
  EXPECT_EQ(p[0], p[2]);
}

TEST(Thompson, TheOrderOfTheArmsDoesNotMatter) {
  std::mt19937_64 random(8);
  for (int i = 0; i < 50; ++i) {
    Normals arms = random_arms(6, 100.0, random);
    const Vector forward = propensities_of(arms);
    std::reverse(arms.mean.begin(), arms.mean.end());
    std::reverse(arms.sigma.begin(), arms.sigma.end());
    Vector backward = propensities_of(arms);
    std::reverse(backward.begin(), backward.end());
    EXPECT_LE(largest_error(forward, backward), 1e-6);
  }
}

TEST(Thompson, ShiftAndScaleLeaveThePropensitiesAlone) {
  const Normals arms{{0.5, 0.53, 0.4}, {0.05, 0.01, 0.2}};
  const Vector expected = propensities_of(arms);
  for (const double scale : {1e-12, 1e-3, 1.0, 1e9}) {
    for (const double shift : {0.0, -7.0, 1e4}) {
      Normals moved = arms;
      for (double& m : moved.mean) m = scale * (m + shift);
      for (double& s : moved.sigma) s *= scale;
      EXPECT_LE(largest_error(propensities_of(moved), expected), 2e-7) << scale << " " << shift;
    }
  }
}

TEST(Thompson, WithoutAnySigmaTheArgmaxSharesEverything) {
  EXPECT_EQ(propensities_of({{0.2, 0.9, 0.9, 0.1}, {0, 0, 0, 0}}), (Vector{0, 0.5, 0.5, 0}));
  EXPECT_EQ(propensities_of({{-3.0}, {0}}), (Vector{1}));
}

TEST(Thompson, APointMassWinsWhereEveryOtherArmStaysBelowIt) {
  const Normals arms{{0.0, 0.3, -0.2}, {1.0, 0.0, 2.0}};
  const double expected = normal_cdf(0.3) * normal_cdf(0.25);
  const Vector p = propensities_of(arms);
  EXPECT_NEAR(p[1], expected, 2e-7);
  // The others' shares: a very narrow normal in place of the point.
  const Vector narrow = by_adapted_simpson({{0.0, 0.3, -0.2}, {1.0, 1e-9, 2.0}});
  EXPECT_LE(largest_error(p, narrow), 2e-7);
  EXPECT_NEAR(sum(p), 1.0, 1e-12);
}

TEST(Thompson, TiedPointMassesShareAndLowerOnesGetNothing) {
  const Vector p = propensities_of({{0.0, 0.3, 0.3, 0.29}, {1.0, 0.0, 0.0, 0.0}});
  EXPECT_NEAR(p[1], 0.5 * normal_cdf(0.3), 1e-7);
  EXPECT_EQ(p[1], p[2]);
  EXPECT_EQ(p[3], 0.0);
  EXPECT_NEAR(p[0], normal_cdf(-0.3), 1e-7);
}

TEST(Thompson, APointMassFarBelowOrFarAboveIsDecidedAtOnce) {
  const Vector below = propensities_of({{-50.0, 0.0, 0.0}, {0.0, 1.0, 1.0}});
  EXPECT_LE(below[0], 1e-12);
  EXPECT_NEAR(below[1], 0.5, 1e-12);
  EXPECT_EQ(propensities_of({{50.0, 0.0, 0.1}, {0.0, 1.0, 1.0}}), (Vector{1, 0, 0}));
}

TEST(Thompson, AnArmThatCannotWinGetsExactlyZero) {
  const Vector p = propensities_of({{0.0, 100.0, 101.0}, {1.0, 1.0, 1.0}});
  EXPECT_EQ(p[0], 0.0);
  EXPECT_GT(p[1], 0.2);
}

TEST(Thompson, AbsurdRatiosStillGiveADistribution) {
  for (const double tiny : {1e-15, 1e-19, 1e-21, 1e-100, 1e-300, 5e-324}) {
    for (const double at : {0.0, 0.5}) {
      const Vector p = propensities_of({{at, 0.0}, {tiny, 1.0}});
      EXPECT_NEAR(p[0], normal_cdf(at), 2e-7) << tiny;
      EXPECT_NEAR(sum(p), 1.0, 1e-12);
    }
  }
}

}  // namespace
}  // namespace pointsman
