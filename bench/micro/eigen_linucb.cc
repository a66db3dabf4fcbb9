// Compiled twice: as it is, and with POINTSMAN_EIGEN_AVX2 into the shared library of
// bench/CMakeLists.txt. Everything but the two factories is local to the compilation.

#include "bench/micro/eigen_linucb.h"

#include <Eigen/Dense>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace pointsman::bench {
namespace {

template <class Scalar>
class Loop final : public EigenLoop {
 public:
  explicit Loop(const EigenLoopSize& size) : scratch_(static_cast<Eigen::Index>(size.d)) {
    const auto d = static_cast<Eigen::Index>(size.d);
    std::normal_distribution<double> normal;
    for (int i = 0; i < 64; ++i) {
      contexts_.push_back(
          Vector::NullaryExpr(d, [&] { return static_cast<Scalar>(normal(random_)); }));
    }
    arms_.assign(size.k, Arm{Matrix::Identity(d, d) / Scalar(5), Vector::Zero(d), Vector::Zero(d)});
    for (std::size_t i = 0; i < 4 * size.k; ++i) {
      learn(arms_[i % size.k], contexts_[i % 64], static_cast<Scalar>(normal(random_)));
    }
  }

  std::size_t decide_linucb(std::size_t at) override {
    constexpr Scalar kAlpha = Scalar(0.2);
    return best_arm(contexts_[at % 64],
                    [&](Scalar mean, Scalar sigma) { return mean + kAlpha * sigma; });
  }

  std::size_t decide_batch() override {
    constexpr Scalar kAlpha = Scalar(0.2);
    const auto n = static_cast<Eigen::Index>(contexts_.size());
    Matrix x(scratch_.size(), n);
    for (Eigen::Index i = 0; i < n; ++i) x.col(i) = contexts_[static_cast<std::size_t>(i)];
    bounds_.resize(static_cast<Eigen::Index>(arms_.size()), n);
    for (std::size_t a = 0; a < arms_.size(); ++a) {
      projected_.noalias() = arms_[a].inverse * x;
      bounds_.row(static_cast<Eigen::Index>(a)) =
          arms_[a].theta.transpose() * x +
          kAlpha * projected_.cwiseProduct(x).colwise().sum().cwiseSqrt();
    }
    for (Eigen::Index i = 0; i < n; ++i) bounds_.col(i).maxCoeff(&best_);
    return contexts_.size();
  }

  std::size_t decide_lints(std::size_t at) override {
    std::normal_distribution<Scalar> normal;
    return best_arm(contexts_[at % 64],
                    [&](Scalar mean, Scalar sigma) { return mean + sigma * normal(random_); });
  }

  void update(std::size_t at) override {
    learn(arms_[at % arms_.size()], contexts_[at % 64], Scalar(0.5));
  }

 private:
  using Matrix = Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>;
  using Vector = Eigen::Matrix<Scalar, Eigen::Dynamic, 1>;
  struct Arm {
    Matrix inverse;  ///< A⁻¹ (d, d)
    Vector b;        ///< (d,)
    Vector theta;    ///< A⁻¹b (d,)
  };

  /// A⁻¹ ← A⁻¹ − (A⁻¹x)(A⁻¹x)'/(1 + x'A⁻¹x), b ← b + r·x, θ = A⁻¹b.
  void learn(Arm& arm, const Vector& x, Scalar reward) {
    scratch_.noalias() = arm.inverse * x;
    const Scalar scale = Scalar(-1) / (Scalar(1) + x.dot(scratch_));
    arm.inverse.noalias() += (scale * scratch_) * scratch_.transpose();
    arm.b += reward * x;
    arm.theta.noalias() = arm.inverse * arm.b;
  }

  template <class Score>
  std::size_t best_arm(const Vector& x, const Score& score) {
    std::size_t best = 0;
    Scalar best_score = -std::numeric_limits<Scalar>::infinity();
    for (std::size_t a = 0; a < arms_.size(); ++a) {
      scratch_.noalias() = arms_[a].inverse * x;
      const Scalar value = score(arms_[a].theta.dot(x), std::sqrt(x.dot(scratch_)));
      if (value > best_score) {
        best = a;
        best_score = value;
      }
    }
    return best;
  }

  std::mt19937_64 random_{1};
  std::vector<Arm> arms_;
  std::vector<Vector> contexts_;
  Vector scratch_;
  Matrix projected_;
  Matrix bounds_;
  Eigen::Index best_ = 0;
};

}  // namespace

#ifdef POINTSMAN_EIGEN_AVX2
[[gnu::visibility("default")]] std::unique_ptr<EigenLoop> eigen_avx2_f64(
    const EigenLoopSize& size) {
  return std::make_unique<Loop<double>>(size);
}
[[gnu::visibility("default")]] std::unique_ptr<EigenLoop> eigen_avx2_f32(
    const EigenLoopSize& size) {
  return std::make_unique<Loop<float>>(size);
}
#else
std::unique_ptr<EigenLoop> eigen_sse2_f64(const EigenLoopSize& size) {
  return std::make_unique<Loop<double>>(size);
}
std::unique_ptr<EigenLoop> eigen_sse2_f32(const EigenLoopSize& size) {
  return std::make_unique<Loop<float>>(size);
}
#endif

}  // namespace pointsman::bench
