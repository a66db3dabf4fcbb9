// A long life with forgetting, against sums and a factorisation made apart.

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <memory>
#include <random>
#include <string_view>
#include <vector>

#include "engine/posterior/linear_posterior.h"

namespace pointsman {
namespace {

constexpr int kDims = 16;
constexpr int kBatch = 64;
constexpr double kGamma = 0.997;

/// 10⁶ under POINTSMAN_LONG=1, 10⁵ otherwise.
int updates() {
  const char* set = std::getenv("POINTSMAN_LONG");
  return set != nullptr && std::string_view(set) == "1" ? 1'000'000 : 100'000;
}

double largest_difference(const Eigen::MatrixXd& a, std::span<const double> packed) {
  double largest = 0.0;
  for (int i = 0; i < kDims; ++i) {
    for (int j = 0; j <= i; ++j) {
      largest = std::max(largest,
                         std::abs(a(i, j) - packed[static_cast<std::size_t>(i * (i + 1) / 2 + j)]));
    }
  }
  return largest;
}

TEST(Drift, AMillionUpdatesWithForgettingStayWhereAFreshFactorisationIs) {
  using Context = std::array<float, kDims>;
  const LinearPrior prior{std::vector<double>(kDims, 0.25), std::vector<double>(kDims, 5.0)};
  LinearPosterior posterior(std::make_shared<const LinearPrior>(prior));
  const Eigen::MatrixXd lambda = 5.0 * Eigen::MatrixXd::Identity(kDims, kDims);
  const Eigen::VectorXd lambda_mu = Eigen::VectorXd::Constant(kDims, 5.0 * 0.25);
  Eigen::MatrixXd a = lambda;
  Eigen::VectorXd b = lambda_mu;
  const double keep = std::pow(kGamma, kBatch);

  struct Seen {
    Context x;
    double weight;
    double reward;
  };
  std::deque<Seen> recent;
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> unit(0.0, 1.0);
  double worst_p = 0.0;
  double worst_theta = 0.0;
  const auto add = [&](const Context& x, double weight, double weighted_reward) {
    posterior.add(x, weight, weighted_reward);
    const Eigen::VectorXd wide =
        Eigen::Map<const Eigen::Matrix<float, kDims, 1>>(x.data()).cast<double>();
    a += weight * wide * wide.transpose();
    b += weighted_reward * wide;
  };
  const int n = updates();
  for (int i = 1; i <= n; ++i) {
    Context x;
    x[0] = 1.0F;
    // Coordinates that hardly differ, of which forgetting lets the information fade.
    for (std::size_t k = 1; k < x.size(); ++k) {
      x[k] = static_cast<float>(k < 4 ? 1.0 + 1e-3 * unit(random) : 2.0 * unit(random) - 1.0);
    }
    recent.push_back({x, 1.0, unit(random)});
    add(x, 1.0, recent.back().reward);
    if (i % 10 == 0) {  // A revision within the batch: it takes back and says something else.
      const Seen& seen = recent.back();
      const double now = unit(random);
      add(seen.x, -0.5, 0.5 * now - seen.reward);
      recent.back().weight = 0.5;
      recent.back().reward = 0.5 * now;
    }
    if (recent.size() > 8) recent.pop_front();
    if (i % kBatch == kBatch - 1 && i % (50 * kBatch) > 49 * kBatch) {
      // Just before an ageing, where most steps stand since the last factorisation.
      const Eigen::LDLT<Eigen::MatrixXd> fresh(a);
      worst_p =
          std::max(worst_p, largest_difference(fresh.solve(Eigen::MatrixXd::Identity(kDims, kDims)),
                                               posterior.covariance_packed()));
      const Eigen::VectorXd theta = fresh.solve(b);
      for (int k = 0; k < kDims; ++k) {
        worst_theta = std::max(worst_theta,
                               std::abs(theta[k] - posterior.theta()[static_cast<std::size_t>(k)]));
      }
    }
    if (i % kBatch == 0) {
      posterior.age(keep);
      a = keep * a + (1.0 - keep) * lambda;
      b = keep * b + (1.0 - keep) * lambda_mu;
    }
  }
  RecordProperty("worst_p", std::to_string(worst_p * 1e12) + "e-12");
  EXPECT_GT(worst_p, 0.0) << "nothing was compared";
  EXPECT_LE(worst_p, 1e-8);
  EXPECT_LE(worst_theta, 1e-8);
}

}  // namespace
}  // namespace pointsman
