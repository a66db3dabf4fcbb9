// The floor that our figures are compared with: LinUCB as one writes it with Eigen in f64, with
// each arm's A⁻¹ as a full matrix. No log, no propensities, no revision, no store. Compiled with
// the same flags as the rest of the program, so Eigen uses what baseline x86-64 has (SSE2).

#include <benchmark/benchmark.h>

#include <Eigen/Dense>
#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

namespace {

struct EigenArm {
  Eigen::MatrixXd inverse;  ///< A⁻¹ (d, d)
  Eigen::VectorXd b;        ///< (d,)
  Eigen::VectorXd theta;    ///< A⁻¹b (d,)
};

struct EigenProblem {
  std::vector<EigenArm> arms;
  std::vector<Eigen::VectorXd> contexts;
};

struct Size {
  Eigen::Index d;
  std::size_t k;
};

/// Sherman–Morrison: A⁻¹ ← A⁻¹ − (A⁻¹x)(A⁻¹x)'/(1 + x'A⁻¹x), b ← b + r·x, θ = A⁻¹b.
void update(EigenArm& arm, const Eigen::VectorXd& x, double reward, Eigen::VectorXd& scratch) {
  scratch.noalias() = arm.inverse * x;
  const double scale = -1.0 / (1.0 + x.dot(scratch));
  arm.inverse.noalias() += (scale * scratch) * scratch.transpose();
  arm.b += reward * x;
  arm.theta.noalias() = arm.inverse * arm.b;
}

std::size_t decide(const std::vector<EigenArm>& arms, const Eigen::VectorXd& x,
                   Eigen::VectorXd& scratch) {
  constexpr double kAlpha = 0.2;
  std::size_t best = 0;
  double best_bound = -INFINITY;
  for (std::size_t a = 0; a < arms.size(); ++a) {
    scratch.noalias() = arms[a].inverse * x;
    const double bound = arms[a].theta.dot(x) + kAlpha * std::sqrt(x.dot(scratch));
    if (bound > best_bound) {
      best = a;
      best_bound = bound;
    }
  }
  return best;
}

EigenProblem learnt_problem(const Size& size) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  EigenProblem problem;
  for (int i = 0; i < 64; ++i) {
    problem.contexts.push_back(
        Eigen::VectorXd::NullaryExpr(size.d, [&] { return normal(random); }));
  }
  problem.arms.assign(size.k, {Eigen::MatrixXd::Identity(size.d, size.d) / 5.0,
                               Eigen::VectorXd::Zero(size.d), Eigen::VectorXd::Zero(size.d)});
  Eigen::VectorXd scratch(size.d);
  for (std::size_t i = 0; i < 4 * size.k; ++i) {
    update(problem.arms[i % size.k], problem.contexts[i % 64], normal(random), scratch);
  }
  return problem;
}

void eigen_decide(benchmark::State& state, const Size& size) {
  const EigenProblem problem = learnt_problem(size);
  Eigen::VectorXd scratch(size.d);
  std::size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(decide(problem.arms, problem.contexts[at], scratch));
    at = (at + 1) % problem.contexts.size();
  }
}

void eigen_update(benchmark::State& state, const Size& size) {
  EigenProblem problem = learnt_problem(size);
  Eigen::VectorXd scratch(size.d);
  std::size_t at = 0;
  for (auto _ : state) {
    update(problem.arms[at % size.k], problem.contexts[at % 64], 0.5, scratch);
    ++at;
    benchmark::ClobberMemory();
  }
}

/// Named eigen_decide/d/K and eigen_update/d/K, like the benchmarks they stand beside.
const bool kRegistered = [] {
  for (const Size& size : {Size{16, 4}, Size{64, 8}, Size{384, 8}, Size{64, 1000}}) {
    const std::string suffix = "/" + std::to_string(size.d) + "/" + std::to_string(size.k);
    benchmark::RegisterBenchmark(("eigen_decide" + suffix).c_str(), eigen_decide, size);
    benchmark::RegisterBenchmark(("eigen_update" + suffix).c_str(), eigen_update, size);
  }
  return true;
}();

}  // namespace
