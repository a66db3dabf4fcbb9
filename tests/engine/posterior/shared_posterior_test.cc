#include "engine/posterior/shared_posterior.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <random>
#include <utility>

namespace pointsman {
namespace {

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

struct Row {
  std::vector<float> x;
  std::size_t arm = 0;
  double weight = 1.0;
  double reward = 0.0;
};

std::vector<Row> random_rows(std::size_t d, std::size_t k, std::size_t n) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::uniform_real_distribution<double> unit;
  std::vector<Row> rows(n);
  for (Row& row : rows) {
    row.x.resize(PackedMirror::padded_dims(d));
    row.x[0] = 1.0F;
    for (std::size_t i = 1; i < d; ++i) row.x[i] = normal(random);
    row.arm = static_cast<std::size_t>(unit(random) * static_cast<double>(k));
    row.weight = 0.1 + 0.9 * unit(random);
    row.reward = unit(random);
  }
  return rows;
}

LinearPrior whole_prior(std::size_t d) {
  LinearPrior made{std::vector<double>(d, 0.0), std::vector<double>(d, 5.0)};
  made.mean[0] = 0.8;
  made.precision[0] = 3.0;
  made.precision[d - 1] = 500.0;
  return made;
}

/// Arms with what they share, as a router's fold holds them.
struct Hybrid {
  Hybrid(std::size_t d, std::size_t k, const SharedCorrelation& correlation = {0.6, 0.3})
      : prior(split_prior(whole_prior(d), correlation)),
        own(std::make_shared<const LinearPrior>(prior.own)),
        arms(k, LinearPosterior(own)),
        shared(std::make_shared<const LinearPrior>(prior.shared), own) {}

  void rebuild() {
    std::vector<const LinearPosterior*> pointers;
    for (const LinearPosterior& arm : arms) pointers.push_back(&arm);
    shared.rebuild(pointers);
  }

  void add(const Row& row, double weight, double weighted_reward) {
    if (!shared.add(arms[row.arm].add(row.x, weight, weighted_reward))) {
      rebuild();
      ++rebuilt;
    }
  }
  void add(const Row& row) { add(row, row.weight, row.weight * row.reward); }

  SplitPrior prior;
  std::shared_ptr<const LinearPrior> own;
  std::vector<LinearPosterior> arms;
  SharedPosterior shared;
  int rebuilt = 0;
};

/// The textbook: one normal over (β, δ_1, …, δ_k), solved whole.
struct Joint {
  Joint(const SplitPrior& prior, std::size_t arm_count, const std::vector<Row>& rows)
      : d(static_cast<Eigen::Index>(prior.own.mean.size())),
        k(static_cast<Eigen::Index>(arm_count)) {
    Matrix precision = Matrix::Zero(d * (k + 1), d * (k + 1));
    Vector sum = Vector::Zero(d * (k + 1));
    for (Eigen::Index i = 0; i < d; ++i) {
      const auto at = static_cast<std::size_t>(i);
      precision(i, i) = prior.shared.precision[at];
      sum(i) = prior.shared.precision[at] * prior.shared.mean[at];
      for (Eigen::Index a = 1; a <= k; ++a)
        precision(a * d + i, a * d + i) = prior.own.precision[at];
    }
    for (const Row& row : rows) {
      const Vector u = placed(row.arm, row.x);
      precision += row.weight * u * u.transpose();
      sum += row.weight * row.reward * u;
    }
    covariance = precision.inverse();
    mean = covariance * sum;
  }

  /// x where β stands and where the arm's δ stands: r = u'(β, δ…).
  Vector placed(std::size_t arm, const std::vector<float>& x) const {
    Vector u = Vector::Zero(d * (k + 1));
    u.head(d) = Eigen::Map<const Eigen::VectorXf>(x.data(), d).cast<double>();
    u.segment((static_cast<Eigen::Index>(arm) + 1) * d, d) = u.head(d);
    return u;
  }

  Eigen::Index d, k;
  Matrix covariance;
  Vector mean;
};

void expect_equal(const Hybrid& hybrid, const Joint& joint, double tolerance) {
  const SharedPosterior::State state = hybrid.shared.state();
  for (Eigen::Index i = 0; i < joint.d; ++i) {
    ASSERT_NEAR(state.beta[static_cast<std::size_t>(i)], joint.mean(i), tolerance);
    for (Eigen::Index j = 0; j <= i; ++j) {
      ASSERT_NEAR(state.inverse[static_cast<std::size_t>(i * (i + 1) / 2 + j)],
                  joint.covariance(i, j), tolerance);
    }
  }
  for (std::size_t a = 0; a < hybrid.arms.size(); ++a) {
    const std::vector<double> phi = hybrid.shared.coefficients(hybrid.arms[a]);
    for (Eigen::Index i = 0; i < joint.d; ++i) {
      const double delta = joint.mean((static_cast<Eigen::Index>(a) + 1) * joint.d + i);
      ASSERT_NEAR(phi[static_cast<std::size_t>(i)], joint.mean(i) + delta, tolerance);
    }
  }
}

TEST(SharedPosterior, EqualsOneNormalOverAllCoefficientsSolvedWhole) {
  for (const std::size_t d : {2U, 4U, 7U, 16U, 33U}) {
    const std::vector<Row> rows = random_rows(d, 3, 300);
    Hybrid hybrid(d, 3);
    for (const Row& row : rows) hybrid.add(row);
    EXPECT_EQ(hybrid.rebuilt, 0);
    expect_equal(hybrid, Joint(hybrid.prior, 3, rows), 1e-10);
    hybrid.rebuild();
    expect_equal(hybrid, Joint(hybrid.prior, 3, rows), 1e-10);
  }
}

TEST(SharedPosterior, ReadersSeeTheMeanAndTheVarianceOfTheWholeNormal) {
  for (const std::size_t d : {3U, 16U, 41U}) {
    const std::vector<Row> rows = random_rows(d, 4, 200);
    Hybrid hybrid(d, 4);
    for (const Row& row : rows) hybrid.add(row);
    const Joint joint(hybrid.prior, 4, rows);
    const auto shared = hybrid.shared.mirror();
    std::vector<float> room(PackedMirror::padded_dims(d));
    for (std::size_t a = 0; a < 4; ++a) {
      PackedMirror mirror;
      hybrid.arms[a].write_mirror(mirror);
      for (std::size_t at = 0; at < 20; ++at) {
        const MeanVariance scored = shared->score(mirror, rows[at].x, room);
        const Vector u = joint.placed(a, rows[at].x);
        ASSERT_NEAR(static_cast<double>(scored.mean), u.dot(joint.mean), 2e-6);
        const double variance = u.dot(joint.covariance * u);
        ASSERT_NEAR(static_cast<double>(scored.variance) / variance, 1.0, 1e-5);
      }
    }
  }
}

/// Li et al. 2010, Algorithm 2, line by line, with Λ for the paper's identities, and the prior mean
/// as observed already.
TEST(SharedPosterior, IsThePapersAlgorithmTwo) {
  constexpr Eigen::Index d = 5;
  const std::vector<Row> rows = random_rows(d, 3, 120);
  Hybrid hybrid(d, 3);
  const auto diagonal = [](const std::vector<double>& v) {
    return Matrix(Eigen::Map<const Vector>(v.data(), d).asDiagonal());
  };
  Matrix a0 = diagonal(hybrid.prior.shared.precision);
  Vector b0 = a0 * Eigen::Map<const Vector>(hybrid.prior.shared.mean.data(), d);
  std::vector<Matrix> a(3, diagonal(hybrid.prior.own.precision));
  std::vector<Matrix> b(3, Matrix::Zero(d, d));
  std::vector<Vector> sums(3, Vector::Zero(d));
  for (const Row& row : rows) {
    hybrid.add(row, 1.0, row.reward);
    Matrix& a_t = a[row.arm];
    Matrix& b_t = b[row.arm];
    Vector& sum = sums[row.arm];
    const Vector x = Eigen::Map<const Eigen::VectorXf>(row.x.data(), d).cast<double>();
    a0 += b_t.transpose() * a_t.inverse() * b_t;
    b0 += b_t.transpose() * a_t.inverse() * sum;
    a_t += x * x.transpose();
    b_t += x * x.transpose();
    sum += row.reward * x;
    a0 += x * x.transpose() - b_t.transpose() * a_t.inverse() * b_t;
    b0 += row.reward * x - b_t.transpose() * a_t.inverse() * sum;
  }
  const Vector beta = a0.inverse() * b0;
  const auto shared = hybrid.shared.mirror();
  std::vector<float> room(PackedMirror::padded_dims(d));
  const Vector x = Eigen::Map<const Eigen::VectorXf>(rows[3].x.data(), d).cast<double>();
  for (std::size_t arm = 0; arm < 3; ++arm) {
    const Matrix inverse = a[arm].inverse();
    const Vector theta = inverse * (sums[arm] - b[arm] * beta);
    const Vector cross = b[arm].transpose() * inverse * x;
    const double s = x.dot(a0.inverse() * x) - 2.0 * x.dot(a0.inverse() * cross) +
                     x.dot(inverse * x) + cross.dot(a0.inverse() * cross);
    PackedMirror mirror;
    hybrid.arms[arm].write_mirror(mirror);
    const MeanVariance scored = shared->score(mirror, rows[3].x, room);
    EXPECT_NEAR(static_cast<double>(scored.mean), x.dot(beta) + x.dot(theta), 2e-6);
    EXPECT_NEAR(static_cast<double>(scored.variance), s, 1e-5 * s);
  }
}

TEST(SharedPosterior, WhereArmsHaveNextToNothingInCommonItIsLinUcb) {
  constexpr std::size_t d = 9;
  const std::vector<Row> rows = random_rows(d, 2, 100);
  Hybrid hybrid(d, 2, {1e-9, 1e-9});
  std::vector<LinearPosterior> alone(
      2, LinearPosterior(std::make_shared<const LinearPrior>(whole_prior(d))));
  for (const Row& row : rows) {
    hybrid.add(row);
    alone[row.arm].add(row.x, row.weight, row.weight * row.reward);
  }
  for (std::size_t a = 0; a < 2; ++a) {
    const std::vector<double> phi = hybrid.shared.coefficients(hybrid.arms[a]);
    for (std::size_t i = 0; i < d; ++i) EXPECT_NEAR(phi[i], alone[a].theta()[i], 1e-7);
  }
}

TEST(SharedPosterior, AnArmByItselfStartsAsUnderLinUcbWhateverIsShared) {
  constexpr std::size_t d = 4;
  Hybrid hybrid(d, 2, {0.8, 0.1});
  const LinearPrior whole = whole_prior(d);
  const auto shared = hybrid.shared.mirror();
  PackedMirror mirror;
  hybrid.arms[0].write_mirror(mirror);
  std::vector<float> room(16);
  for (std::size_t i = 0; i < d; ++i) {
    std::vector<float> x(16, 0.0F);
    x[i] = 1.0F;
    const MeanVariance scored = shared->score(mirror, x, room);
    EXPECT_NEAR(static_cast<double>(scored.mean), whole.mean[i], 1e-6);
    EXPECT_NEAR(static_cast<double>(scored.variance) * whole.precision[i], 1.0, 1e-5);
  }
}

TEST(SharedPosterior, RevisionsEqualAFreshFoldOfTheFinalValues) {
  constexpr std::size_t d = 17;
  std::vector<Row> rows = random_rows(d, 3, 400);
  Hybrid revised(d, 3);
  for (const Row& row : rows) revised.add(row);
  std::vector<Row> final_rows;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Row& row = rows[i];
    if (i % 3 == 0) {  // Another reward at another weight.
      revised.add(row, 0.5 - row.weight, 0.5 * 0.9 - row.weight * row.reward);
      row.weight = 0.5;
      row.reward = 0.9;
    } else if (i % 7 == 1) {  // Taken back.
      revised.add(row, -row.weight, -row.weight * row.reward);
      continue;
    }
    final_rows.push_back(row);
  }
  expect_equal(revised, Joint(revised.prior, 3, final_rows), 1e-9);
}

TEST(SharedPosterior, TakingBackTheOnlyObservationOfAVaguePriorIsStable) {
  constexpr std::size_t d = 3;
  LinearPrior vague{std::vector<double>(d, 0.0), std::vector<double>(d, 1e-6)};
  const SplitPrior prior = split_prior(vague, {0.5, 0.5});
  const auto own = std::make_shared<const LinearPrior>(prior.own);
  LinearPosterior arm(own);
  SharedPosterior shared(std::make_shared<const LinearPrior>(prior.shared), own);
  const std::vector<float> x{1.0F, 2.0F, -1.0F};
  const auto learn = [&](double weight, double reward) {
    const LinearPosterior* arms[] = {&arm};
    if (!shared.add(arm.add(x, weight, weight * reward))) shared.rebuild(arms);
  };
  learn(1.0, 0.7);
  learn(-1.0, 0.7);
  for (std::size_t i = 0; i < d; ++i) {
    EXPECT_NEAR(shared.state().beta[i], 0.0, 1e-9);
    EXPECT_NEAR(shared.state().inverse[i * (i + 1) / 2 + i] * prior.shared.precision[i], 1.0, 1e-9);
  }
}

TEST(SharedPosterior, TakingBackAllThatIsKnownOfAVagueSharedPartIsStable) {
  // The arm's own part is known well beforehand, so that its step back is a harmless one.
  constexpr std::size_t d = 2;
  const LinearPrior vague{std::vector<double>(d, 0.0), std::vector<double>(d, 1e-10)};
  const auto own = std::make_shared<const LinearPrior>(
      LinearPrior{std::vector<double>(d, 0.0), std::vector<double>(d, 50.0)});
  LinearPosterior arm(own);
  SharedPosterior shared(std::make_shared<const LinearPrior>(vague), own);
  const std::vector<float> x{1.0F, 0.5F};
  ASSERT_TRUE(shared.add(arm.add(x, 1.0, 0.7)));
  const auto back = arm.add(x, -1.0, -0.7);
  ASSERT_FALSE(back.refactored);
  ASSERT_FALSE(shared.add(back)) << "it asks to be rebuilt";
  arm.refactor();  // What rounding leaves of its own step is more than so vague a prior bears.
  const LinearPosterior* arms[] = {&arm};
  shared.rebuild(arms);
  EXPECT_NEAR(shared.state().inverse[0] * 1e-10, 1.0, 1e-3);
  EXPECT_NEAR(shared.state().beta[0], 0.0, 1e-3);
}

TEST(SharedPosterior, ItsStateContinuesWithTheSameBits) {
  constexpr std::size_t d = 6;
  const std::vector<Row> rows = random_rows(d, 2, 60);
  Hybrid hybrid(d, 2);
  for (std::size_t i = 0; i < 40; ++i) hybrid.add(rows[i]);
  Hybrid other(d, 2);
  for (std::size_t a = 0; a < 2; ++a) ASSERT_TRUE(other.arms[a].restore(hybrid.arms[a].state()));
  ASSERT_TRUE(other.shared.restore(hybrid.shared.state()));
  for (std::size_t i = 40; i < 60; ++i) {
    hybrid.add(rows[i]);
    other.add(rows[i]);
  }
  EXPECT_EQ(hybrid.shared.state().beta, other.shared.state().beta);
  EXPECT_EQ(hybrid.shared.state().inverse, other.shared.state().inverse);
  SharedPosterior::State wrong = hybrid.shared.state();
  wrong.beta.pop_back();
  EXPECT_FALSE(other.shared.restore(wrong));
}

TEST(SharedPosterior, AfterManyStepsAndRevisionsItIsAsIfComputedAfresh) {
  constexpr std::size_t d = 9;
  const std::vector<Row> rows = random_rows(d, 40, 60000);
  Hybrid hybrid(d, 40);  // No arm comes to its own refactoring.
  for (std::size_t i = 0; i < rows.size(); ++i) {
    hybrid.add(rows[i]);
    if (i % 5 == 4) hybrid.add(rows[i - 2], 0.0, 0.3 * rows[i - 2].weight);
  }
  EXPECT_GE(hybrid.rebuilt, 30);
  const SharedPosterior::State stepped = hybrid.shared.state();
  ASSERT_GT(stepped.steps, 100U);
  for (LinearPosterior& arm : hybrid.arms) arm.refactor();
  hybrid.rebuild();
  const SharedPosterior::State afresh = hybrid.shared.state();
  for (std::size_t i = 0; i < d; ++i) EXPECT_NEAR(stepped.beta[i], afresh.beta[i], 1e-11);
  for (std::size_t i = 0; i < afresh.inverse.size(); ++i) {
    EXPECT_NEAR(stepped.inverse[i], afresh.inverse[i], 1e-11);
  }
}

TEST(SharedPosterior, ItAsksToBeRebuiltOnceInSoManySteps) {
  constexpr std::size_t d = 3;
  const std::vector<Row> rows = random_rows(d, 8, 2 * LinearPosterior::kRefactorAfter);
  Hybrid hybrid(d, 8);
  for (const Row& row : rows) hybrid.add(row);
  EXPECT_EQ(hybrid.rebuilt, 2);
}

}  // namespace
}  // namespace pointsman
