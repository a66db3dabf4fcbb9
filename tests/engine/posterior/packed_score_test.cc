#include "engine/posterior/packed_score.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <Eigen/Dense>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "engine/policies/thompson.h"
#include "tests/engine/posterior/instruction_set.h"

namespace pointsman {
namespace {

/// A posterior after as many observations as dimensions, and the context to score.
struct Problem {
  Eigen::MatrixXd covariance;
  Eigen::VectorXd theta;
  Eigen::VectorXd x;
  std::vector<double> packed;
  std::vector<float> padded;

  PackedPosterior posterior() const {
    return {.inverse_precision = packed,
            .theta = {theta.data(), static_cast<std::size_t>(theta.size())}};
  }
};

Problem random_problem(std::size_t d, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  const auto n = static_cast<Eigen::Index>(d);
  const auto noise = [&] { return normal(random); };
  const Eigen::MatrixXd data = Eigen::MatrixXd::NullaryExpr(n, n, noise);
  Problem problem;
  problem.covariance =
      (5.0 * Eigen::MatrixXd::Identity(n, n) + data * data.transpose() / static_cast<double>(d))
          .inverse();
  problem.theta = Eigen::VectorXd::NullaryExpr(n, noise);
  problem.padded.assign(PackedMirror::padded_dims(d), 0.0F);
  problem.x.resize(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    problem.padded[static_cast<std::size_t>(i)] = static_cast<float>(normal(random));
    problem.x[i] = static_cast<double>(problem.padded[static_cast<std::size_t>(i)]);
    for (Eigen::Index j = 0; j <= i; ++j) problem.packed.push_back(problem.covariance(i, j));
  }
  return problem;
}

void expect_agreement(const Problem& problem, const MeanVariance& got) {
  const double variance = problem.x.dot(problem.covariance * problem.x);
  const double mean = problem.theta.dot(problem.x);
  const double mean_scale = problem.theta.cwiseProduct(problem.x).cwiseAbs().sum();
  EXPECT_NEAR(got.variance, variance, 1e-5 * variance) << "d = " << problem.x.size();
  EXPECT_NEAR(got.mean, mean, 1e-5 * mean_scale) << "d = " << problem.x.size();
}

TEST(PackedMirror, ScoresLikeDoublePrecisionToAHundredThousandthInAnyDimension) {
  for (std::size_t d = 1; d <= 70; ++d) {
    const Problem problem = random_problem(d, d);
    expect_agreement(problem, PackedMirror(problem.posterior()).score(problem.padded));
  }
  for (const std::size_t d : {95U, 128U, 257U, 385U}) {
    const Problem problem = random_problem(d, d);
    expect_agreement(problem, PackedMirror(problem.posterior()).score(problem.padded));
  }
}

void expect_product(const Problem& problem) {
  std::vector<float> out(problem.padded.size(), -1.0F);
  PackedMirror(problem.posterior()).times(problem.padded, out);
  const Eigen::VectorXd expected = problem.covariance * problem.x;
  const double scale = expected.cwiseAbs().maxCoeff();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto at = static_cast<Eigen::Index>(i);
    const double value = at < expected.size() ? expected(at) : 0.0;
    ASSERT_NEAR(out[i], value, 1e-5 * scale) << "d = " << problem.x.size() << ", i = " << i;
  }
}

TEST(PackedMirror, MultipliesLikeDoublePrecisionToAHundredThousandthInAnyDimension) {
  for (std::size_t d = 1; d <= 70; ++d) expect_product(random_problem(d, d));
  for (const std::size_t d : {95U, 257U}) expect_product(random_problem(d, d));
}

/// A tile of contexts, each the problem's times a factor of its own; the last one is no context.
void expect_tile(const Problem& problem) {
  const std::size_t width = PackedMirror::tile_width();
  const std::size_t padded = problem.padded.size();
  const auto factor = [&](std::size_t i) {
    return i + 1 == width ? 0.0F : 1.0F + 0.25F * static_cast<float>(i);
  };
  std::vector<float> tile(padded * width);
  for (std::size_t at = 0; at < padded; ++at) {
    for (std::size_t i = 0; i < width; ++i) tile[at * width + i] = factor(i) * problem.padded[at];
  }
  std::vector<MeanVariance> got(width, MeanVariance{-1.0F, -1.0F});
  PackedMirror(problem.posterior()).score_tile(tile, got);
  for (std::size_t i = 0; i + 1 < width; ++i) {
    expect_agreement(problem, {got[i].mean / factor(i), got[i].variance / (factor(i) * factor(i))});
  }
  EXPECT_EQ(got.back().mean, 0.0F);
  EXPECT_EQ(got.back().variance, 0.0F);
}

TEST(PackedMirror, ATileOfContextsIsScoredAsEachAlone) {
  for (std::size_t d = 1; d <= 70; ++d) expect_tile(random_problem(d, d));
  for (const std::size_t d : {95U, 257U, 385U}) expect_tile(random_problem(d, d));
  std::vector<MeanVariance> nothing(PackedMirror::tile_width(), MeanVariance{1.0F, 1.0F});
  PackedMirror().score_tile({}, nothing);
  EXPECT_EQ(nothing.front().variance, 0.0F);
}

TEST(PackedMirror, EveryInstructionSetOfThisMachineScoresAlike) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    const InstructionSet only(target);
    for (const std::size_t d : {1U, 4U, 17U, 66U, 128U}) {
      const Problem problem = random_problem(d, 100 + d);
      expect_agreement(problem, PackedMirror(problem.posterior()).score(problem.padded));
      expect_product(problem);
      expect_tile(problem);
    }
  }
}

TEST(Thompson, EveryInstructionSetOfThisMachineIntegratesAlike) {
  const std::vector<double> mean{0.5, 0.55, 0.2, 0.54};
  const std::vector<double> sigma{0.1, 0.05, 0.4, 0.001};
  std::vector<double> expected(4);
  thompson_propensities(mean, sigma, expected);
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    const InstructionSet only(target);
    std::vector<double> p(4);
    thompson_propensities(mean, sigma, p);
    for (std::size_t a = 0; a < 4; ++a) EXPECT_NEAR(p[a], expected[a], 2e-7);
  }
}

TEST(PackedMirror, TheContextNeedNotBeAligned) {
  const Problem problem = random_problem(30, 4);
  const PackedMirror mirror(problem.posterior());
  const MeanVariance expected = mirror.score(problem.padded);
  for (std::size_t offset = 1; offset < 16; ++offset) {
    std::vector<float> moved(offset, 9.0F);
    moved.insert(moved.end(), problem.padded.begin(), problem.padded.end());
    const MeanVariance got = mirror.score(std::span(moved).subspan(offset));
    EXPECT_EQ(got.mean, expected.mean);
    EXPECT_EQ(got.variance, expected.variance);
  }
}

TEST(PackedMirror, AssignReplacesEveryTraceOfTheLastPosterior) {
  const Problem large = random_problem(70, 1);
  const Problem small = random_problem(19, 2);
  PackedMirror mirror(large.posterior());
  mirror.assign(small.posterior());
  EXPECT_EQ(mirror.dims(), 19U);
  const MeanVariance fresh = PackedMirror(small.posterior()).score(small.padded);
  EXPECT_EQ(mirror.score(small.padded).mean, fresh.mean);
  EXPECT_EQ(mirror.score(small.padded).variance, fresh.variance);
  mirror.assign(large.posterior());
  expect_agreement(large, mirror.score(large.padded));
}

TEST(PackedMirror, ACopyIsIndependent) {
  const Problem first = random_problem(33, 1);
  const Problem second = random_problem(33, 2);
  PackedMirror mirror(first.posterior());
  const PackedMirror copy = mirror;
  mirror.assign(second.posterior());
  expect_agreement(first, copy.score(first.padded));
  expect_agreement(second, mirror.score(second.padded));
}

TEST(PackedMirror, AVarianceIsNeverNegative) {
  const std::vector<double> theta{1.0, 1.0};
  const std::vector<double> not_positive{-1.0, 0.0, -1.0};
  const PackedMirror mirror({.inverse_precision = not_positive, .theta = theta});
  std::vector<float> x(16, 0.0F);
  x[0] = 2.0F;
  EXPECT_EQ(mirror.score(x).variance, 0.0F);
  EXPECT_EQ(mirror.score(x).mean, 2.0F);
}

TEST(PackedMirror, AMirrorOfNothingSaysNothing) {
  const MeanVariance nothing = PackedMirror().score({});
  EXPECT_EQ(nothing.mean, 0.0F);
  EXPECT_EQ(nothing.variance, 0.0F);
}

TEST(PackedMirror, DimensionsArePaddedToSixteen) {
  EXPECT_EQ(PackedMirror::padded_dims(0), 0U);
  EXPECT_EQ(PackedMirror::padded_dims(1), 16U);
  EXPECT_EQ(PackedMirror::padded_dims(16), 16U);
  EXPECT_EQ(PackedMirror::padded_dims(17), 32U);
}

}  // namespace
}  // namespace pointsman
