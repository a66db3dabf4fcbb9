#include "engine/policies/beta_thompson.h"

#include <gtest/gtest.h>

#include <algorithm>
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
using Arms = std::vector<BetaArm>;

Vector propensities_of(const Arms& arms) {
  Vector out(arms.size(), -1.0);
  beta_thompson_propensities(arms, out);
  return out;
}

/// I_x(a, b) for x below the mean, by the continued fraction of DLMF 8.17.22, evaluated from its
/// tail so that it shares nothing with the engine.
double fraction(const BetaArm& arm, double x, double rest, double log_beta) {
  const double a = arm.a;
  const double b = arm.b;
  double value = 1.0;
  for (int m = 60 + static_cast<int>(3.0 * std::sqrt(a + b)); m >= 1; --m) {
    const double even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
    value = 1.0 + even / (1.0 + odd / value);
  }
  value = 1.0 + -(a + b) * x / (a + 1.0) / value;
  return std::exp(a * std::log(x) + b * std::log(rest) - log_beta) / a / value;
}

/// A place between two ends of supports; what is left to an end does not cancel.
struct Place {
  double low;
  double high;
  double above_low;
  double below_high;
};

class BetaLaw final {
 public:
  explicit BetaLaw(const BetaArm& arm)
      : arm_(arm),
        log_beta_(std::lgamma(arm.a) + std::lgamma(arm.b) - std::lgamma(arm.a + arm.b)) {}

  double cdf(const Place& place) const {
    const double x = x_at(place);
    const double rest = rest_at(place);
    if (x <= 0.0) return 0.0;
    if (rest <= 0.0) return 1.0;
    if (x < (arm_.a + 1.0) / (arm_.a + arm_.b + 2.0)) return fraction(arm_, x, rest, log_beta_);
    return 1.0 - fraction({arm_.b, arm_.a, 0.0}, rest, x, log_beta_);
  }

  double density(const Place& place) const {
    const double x = x_at(place);
    const double rest = rest_at(place);
    if (x <= 0.0 || rest <= 0.0) return 0.0;
    return std::exp((arm_.a - 1.0) * std::log(x) + (arm_.b - 1.0) * std::log(rest) - log_beta_);
  }

 private:
  double x_at(const Place& place) const { return place.above_low + (place.low - arm_.shift); }
  double rest_at(const Place& place) const {
    return place.below_high + (arm_.shift + 1.0 - place.high);
  }

  BetaArm arm_;
  double log_beta_;
};

/// The reference: between the ends of all supports, which are the only singular places, by the
/// double-exponential rule (Takahasi & Mori 1974), whose nodes crowd towards them.
Vector by_double_exponential(const Arms& arms) {
  std::vector<BetaLaw> laws(arms.begin(), arms.end());
  Vector cuts;
  for (const BetaArm& arm : arms) {
    cuts.push_back(arm.shift);
    cuts.push_back(arm.shift + 1.0);
  }
  std::sort(cuts.begin(), cuts.end());
  const double lowest = *std::prev(cuts.end()) - 1.0;
  Vector out(arms.size(), 0.0);
  Vector cdf(arms.size());
  constexpr int kSteps = 600;
  constexpr double kStep = 3.6 / kSteps;
  for (std::size_t c = 0; c + 1 < cuts.size(); ++c) {
    const double width = cuts[c + 1] - cuts[c];
    if (cuts[c] < lowest - 1e-12 || width <= 0.0) continue;
    for (int i = -kSteps; i <= kSteps; ++i) {
      const double t = i * kStep;
      const double u = std::numbers::pi * std::sinh(t);
      const double low = 1.0 / (1.0 + std::exp(-u));
      const Place place{cuts[c], cuts[c + 1], width * low, width / (1.0 + std::exp(u))};
      const double weight =
          width * kStep * std::numbers::pi * std::cosh(t) * low / (1.0 + std::exp(u));
      for (std::size_t a = 0; a < arms.size(); ++a) cdf[a] = laws[a].cdf(place);
      for (std::size_t a = 0; a < arms.size(); ++a) {
        double term = weight * laws[a].density(place);
        for (std::size_t b = 0; b < arms.size(); ++b) term *= b == a ? 1.0 : cdf[b];
        out[a] += term;
      }
    }
  }
  return out;
}

double sum(const Vector& p) { return std::accumulate(p.begin(), p.end(), 0.0); }

double largest_error(const Vector& got, const Vector& expected) {
  double worst = 0.0;
  for (std::size_t a = 0; a < got.size(); ++a) {
    worst = std::max(worst, std::abs(got[a] - expected[a]));
  }
  return worst;
}

std::string words(const Arms& arms) {
  std::string text;
  for (const BetaArm& arm : arms) {
    text += " (" + std::to_string(arm.a) + ", " + std::to_string(arm.b) + ", " +
            std::to_string(arm.shift) + ")";
  }
  return text;
}

struct Sweep {
  std::uint64_t seed = 0;
  int cases = 0;
  double largest_count = 0.0;  ///< Pseudo-observations of an arm at most.
  double largest_shift = 0.0;
};

/// Arms with half-integer and odd parameters whose means make a contest of it.
Arms random_arms(const Sweep& sweep, std::mt19937_64& random) {
  std::uniform_real_distribution<double> unit(0.0, 1.0);
  const auto k = static_cast<std::size_t>(2 + static_cast<int>(unit(random) * 5.0));
  const double centre = unit(random) < 0.3 ? 0.97 : unit(random);
  Arms arms;
  for (std::size_t a = 0; a < k; ++a) {
    const double n = unit(random) < 0.2 ? 0.0 : std::pow(sweep.largest_count, unit(random));
    const double spread = 2.0 * std::sqrt(0.25 / (n + 1.0));
    const double mean = std::clamp(centre + spread * (unit(random) - 0.5), 0.0, 1.0);
    const double prior = unit(random) < 0.5 ? 1.0 : 0.5;
    arms.push_back({prior + n * mean, prior + n * (1.0 - mean),
                    unit(random) < 0.3 ? 0.0 : -sweep.largest_shift * unit(random)});
  }
  return arms;
}

void expect_within_a_millionth(const Sweep& sweep) {
  std::mt19937_64 random(sweep.seed);
  double worst = 0.0;
  for (int i = 0; i < sweep.cases; ++i) {
    const Arms arms = random_arms(sweep, random);
    const Vector expected = by_double_exponential(arms);
    ASSERT_NEAR(sum(expected), 1.0, 1e-8) << "the reference itself, case " << i << words(arms);
    const Vector got = propensities_of(arms);
    const double error = largest_error(got, expected);
    ASSERT_LE(error, 1e-6) << "case " << i << words(arms);
    ASSERT_NEAR(sum(got), 1.0, 1e-12);
    worst = std::max(worst, error);
  }
  ::testing::Test::RecordProperty("largest_error", std::to_string(worst * 1e9) + "e-9");
}

TEST(BetaThompson, YoungArmsAgreeWithTheDoubleExponentialReferenceToAMillionth) {
  expect_within_a_millionth({.seed = 1, .cases = 80, .largest_count = 30.0});
}

TEST(BetaThompson, SeasonedArmsAgreeWithTheDoubleExponentialReferenceToAMillionth) {
  expect_within_a_millionth({.seed = 2, .cases = 40, .largest_count = 3000.0});
}

TEST(BetaThompson, ShiftedArmsAgreeWithTheDoubleExponentialReferenceToAMillionth) {
  expect_within_a_millionth({.seed = 3, .cases = 80, .largest_count = 30.0, .largest_shift = 0.4});
  expect_within_a_millionth(
      {.seed = 4, .cases = 40, .largest_count = 3000.0, .largest_shift = 0.01});
  expect_within_a_millionth({.seed = 5, .cases = 40, .largest_count = 30.0, .largest_shift = 1.1});
}

TEST(BetaThompson, TwoUniformArmsFollowTheClosedFormWhateverTheirShift) {
  for (const double below : {0.0, 1e-12, 1e-3, 0.3, 0.7, 0.99}) {
    const Vector p = propensities_of({{1.0, 1.0, 0.0}, {1.0, 1.0, -below}});
    EXPECT_NEAR(p[1], 0.5 * (1.0 - below) * (1.0 - below), 1e-8) << below;
  }
}

TEST(BetaThompson, OneArmIsCertainAndEqualArmsGetEqualBits) {
  EXPECT_EQ(propensities_of({{3.0, 0.7, -4.0}}), (Vector{1}));
  for (const std::size_t k : {2U, 3U, 7U, 64U, 65U, 300U}) {
    const Vector p = propensities_of(Arms(k, BetaArm{2.5, 1.25, 0.1}));
    for (const double value : p) EXPECT_EQ(value, p.front());
    EXPECT_NEAR(p.front(), 1.0 / static_cast<double>(k), 1e-15);
  }
  const Vector p = propensities_of({{3.0, 4.0, 0.1}, {30.0, 50.0, 0.0}, {3.0, 4.0, 0.1}});
  EXPECT_EQ(p[0], p[2]);
}

TEST(BetaThompson, ACommonShiftAndTheOrderOfTheArmsDoNotMatter) {
  const Arms arms = {{3.0, 1.5, 0.0}, {30.0, 18.0, -0.02}, {1.0, 1.0, -0.1}};
  const Vector expected = propensities_of(arms);
  Arms moved(arms.rbegin(), arms.rend());
  for (BetaArm& arm : moved) arm.shift += 7.0;
  Vector p = propensities_of(moved);
  std::reverse(p.begin(), p.end());
  EXPECT_LE(largest_error(p, expected), 1e-8);
}

TEST(BetaThompson, AMillionObservationsApproachTheNormalLaw) {
  const double n = 1e6;
  const double gap = 0.0007;
  const Vector p = propensities_of(
      {{n * 0.5, n * 0.5, 0.0}, {n * (0.5 + gap), n * (0.5 - gap), 0.0}, {1.0, 40.0, 0.0}});
  const double z = gap / std::sqrt(2.0 * 0.25 / n);
  EXPECT_NEAR(p[1], 0.5 * std::erfc(-z / std::numbers::sqrt2), 2e-6);
  EXPECT_LE(p[2], 1e-8);
}

TEST(BetaThompson, AnArmOutOfReachGetsExactlyZero) {
  EXPECT_EQ(propensities_of({{1.0, 1.0, 0.0}, {900.0, 1.0, -1.5}}), (Vector{1, 0}));
}

TEST(BetaThompson, AbsurdArmsStillGiveADistribution) {
  const Vector counts = {0.5, 1.0, 1.0 + 1e-9, 40.0, 1e5, 1e9, 1e11};
  std::mt19937_64 random(9);
  const auto pick = [&] { return counts[random() % counts.size()]; };
  for (int i = 0; i < 500; ++i) {
    Arms arms;
    for (std::size_t a = 0; a < 2 + static_cast<std::size_t>(i) % 4; ++a) {
      arms.push_back({pick(), pick(), -1e-6 * static_cast<double>(random() % 3)});
    }
    const Vector p = propensities_of(arms);
    ASSERT_NEAR(sum(p), 1.0, 1e-12) << words(arms);
    for (const double value : p) ASSERT_TRUE(value >= 0.0 && value <= 1.0) << words(arms);
  }
}

}  // namespace
}  // namespace pointsman
