#include "engine/posterior/linear_posterior.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <random>

namespace pointsman {
namespace {

struct Row {
  std::vector<float> x;
  double weight = 1.0;
  double reward = 0.0;
};

std::shared_ptr<const LinearPrior> prior(std::size_t d) {
  LinearPrior made{std::vector<double>(d, 0.0), std::vector<double>(d, 5.0)};
  made.mean[0] = 0.5;
  made.precision[0] = 0.1;
  return std::make_shared<const LinearPrior>(made);
}

std::vector<Row> random_rows(std::size_t d, std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<double> unit;
  std::vector<Row> rows(n);
  for (Row& row : rows) {
    row.x.resize(d);
    for (float& value : row.x) value = normal(random);
    row.x[0] = 1.0F;
    row.weight = 0.1 + 0.9 * unit(random);
    row.reward = unit(random);
  }
  return rows;
}

/// The textbook: A and b summed by Eigen, inverted whole.
struct Reference {
  Eigen::MatrixXd inverse;
  Eigen::VectorXd theta;
};
Reference reference(std::size_t d, const std::vector<Row>& rows) {
  const auto n = static_cast<Eigen::Index>(d);
  const auto p = prior(d);
  Eigen::MatrixXd a = Eigen::MatrixXd::Zero(n, n);
  Eigen::VectorXd b(n);
  for (Eigen::Index i = 0; i < n; ++i) {
    a(i, i) = p->precision[static_cast<std::size_t>(i)];
    b(i) = a(i, i) * p->mean[static_cast<std::size_t>(i)];
  }
  for (const Row& row : rows) {
    const Eigen::VectorXd x = Eigen::Map<const Eigen::VectorXf>(row.x.data(), n).cast<double>();
    a += row.weight * x * x.transpose();
    b += row.weight * row.reward * x;
  }
  return {a.inverse(), a.ldlt().solve(b)};
}

void expect_equal(const LinearPosterior& posterior, const Reference& expected, double tolerance) {
  const auto d = static_cast<Eigen::Index>(posterior.dims());
  const std::vector<double> covariance = posterior.covariance_packed();
  std::size_t at = 0;
  for (Eigen::Index i = 0; i < d; ++i) {
    EXPECT_NEAR(posterior.theta()[static_cast<std::size_t>(i)], expected.theta(i), tolerance);
    for (Eigen::Index j = 0; j <= i; ++j) {
      EXPECT_NEAR(covariance[at++], expected.inverse(i, j), tolerance);
    }
  }
}

void fold(LinearPosterior& posterior, const std::vector<Row>& rows) {
  for (const Row& row : rows) posterior.add(row.x, row.weight, row.weight * row.reward);
}

TEST(LinearPosterior, StartsAtItsPrior) {
  const LinearPosterior posterior(prior(4));
  expect_equal(posterior, reference(4, {}), 1e-15);
}

TEST(LinearPosterior, EqualsTheTextbookRidgeForManySizes) {
  for (const std::size_t d : {1U, 2U, 3U, 5U, 17U, 64U, 95U, 127U, 128U, 129U}) {
    LinearPosterior posterior(prior(d));
    const auto rows = random_rows(d, 300, 7);
    fold(posterior, rows);
    expect_equal(posterior, reference(d, rows), 1e-9);
  }
}

TEST(LinearPosterior, StaysAccurateAcrossItsOwnRefactorisations) {
  LinearPosterior posterior(prior(12));
  const auto rows = random_rows(12, 3 * LinearPosterior::kRefactorAfter + 11, 3);
  fold(posterior, rows);
  expect_equal(posterior, reference(12, rows), 1e-9);
}

TEST(LinearPosterior, RevisionEqualsAFreshFoldToOneInABillion) {
  for (const std::size_t d : {20U, 131U}) {
    auto rows = random_rows(d, 200, 11);
    LinearPosterior posterior(prior(d));
    fold(posterior, rows);
    std::mt19937 random(5);
    std::uniform_real_distribution<double> unit;
    for (std::size_t i = 0; i < rows.size(); i += 3) {
      const double weight = i % 2 == 0 ? 0.0 : unit(random);
      const double reward = unit(random);
      posterior.add(rows[i].x, weight - rows[i].weight,
                    weight * reward - rows[i].weight * rows[i].reward);
      rows[i].weight = weight;
      rows[i].reward = reward;
    }
    expect_equal(posterior, reference(d, rows), 1e-9);
  }
}

TEST(LinearPosterior, TakingTheOnlyObservationBackReturnsToThePrior) {
  // 1 − w x'Px is far below 1e-3 here: the step must be done by factorisation.
  for (const std::size_t d : {3U, 130U}) {
    LinearPosterior posterior(prior(d));
    std::vector<float> x(d, 0.0F);
    x[0] = 1.0F;
    x[1] = 50.0F;
    x[2] = -50.0F;
    for (int i = 0; i < 50; ++i) {
      EXPECT_FALSE(posterior.add(x, 1.0, 1.0).refactored);
      EXPECT_TRUE(posterior.add(x, -1.0, -1.0).refactored);
    }
    expect_equal(posterior, reference(d, {}), 1e-9);
  }
}

TEST(LinearPosterior, AgeingShrinksTowardsThePriorExactly) {
  for (const std::size_t d : {6U, 133U}) {
    for (const std::size_t n : {40U, 43U}) {  // At 133 eight steps wait, and three.
      const auto rows = random_rows(d, n, 2);
      LinearPosterior posterior(prior(d));
      fold(posterior, rows);
      posterior.age(0.5);
      auto halved = rows;
      for (Row& row : halved) row.weight *= 0.5;
      expect_equal(posterior, reference(d, halved), 1e-10);
      posterior.add(rows[0].x, 0.5, 0.5 * rows[0].reward);
      halved.push_back(rows[0]);
      halved.back().weight = 0.5;
      expect_equal(posterior, reference(d, halved), 1e-10);
      posterior.reset(prior(d));
      expect_equal(posterior, reference(d, {}), 1e-15);
    }
  }
}

TEST(LinearPosterior, AMillionStepsWithForgettingStayTrueToAFreshFactorisation) {
  // One-sided Sherman–Morrison with γ = .997 reached 1e115 here (docs/MATH.md, "Posterior").
  const std::size_t d = 8;
  LinearPosterior posterior(prior(d));
  const auto rows = random_rows(d, 4096, 9);
  double keep = 1.0;
  for (int i = 0; i < 64; ++i) keep *= 0.997;
  for (std::size_t n = 1; n <= 1'000'000; ++n) {
    const Row& row = rows[n % rows.size()];
    posterior.add(row.x, row.weight, row.weight * row.reward);
    if (n % 64 == 0) posterior.age(keep);
  }
  LinearPosterior fresh = posterior;
  fresh.refactor();
  for (std::size_t i = 0; i < fresh.covariance_packed().size(); ++i) {
    ASSERT_NEAR(posterior.covariance_packed()[i], fresh.covariance_packed()[i], 1e-8);
  }
  for (std::size_t i = 0; i < d; ++i) {
    ASSERT_NEAR(posterior.theta()[i], fresh.theta()[i], 1e-8);
  }
}

TEST(LinearPosterior, ARestoredStateContinuesWithTheSameBits) {
  const auto rows = random_rows(16, 500, 21);
  LinearPosterior whole(prior(16));
  LinearPosterior first(prior(16));
  for (std::size_t i = 0; i < 250; ++i) first.add(rows[i].x, rows[i].weight, rows[i].reward);
  LinearPosterior second(prior(16));
  ASSERT_TRUE(second.restore(first.state()));
  for (std::size_t i = 250; i < 500; ++i) second.add(rows[i].x, rows[i].weight, rows[i].reward);
  for (const Row& row : rows) whole.add(row.x, row.weight, row.reward);
  EXPECT_EQ(whole.state().p, second.state().p);
  EXPECT_EQ(whole.state().theta, second.state().theta);
  EXPECT_FALSE(LinearPosterior(prior(15)).restore(first.state()));
}

TEST(LinearPosterior, ChangingThePriorKeepsEveryObservation) {
  for (const std::size_t d : {5U, 128U}) {
    const auto rows = random_rows(d, 30, 4);
    auto other = *prior(d);
    for (double& p : other.precision) p *= 3.0;
    other.mean[0] = 0.2;
    LinearPosterior moved(prior(d));
    fold(moved, rows);
    moved.change_prior(std::make_shared<const LinearPrior>(other));
    LinearPosterior born(std::make_shared<const LinearPrior>(other));
    fold(born, rows);
    const std::vector<double> covariance = moved.covariance_packed();
    const std::vector<double> expected = born.covariance_packed();
    for (std::size_t i = 0; i < d; ++i) EXPECT_NEAR(moved.theta()[i], born.theta()[i], 1e-12);
    for (std::size_t i = 0; i < covariance.size(); ++i) {
      ASSERT_NEAR(covariance[i], expected[i], 1e-12);
    }
  }
}

}  // namespace
}  // namespace pointsman
