#include "engine/linear_posterior.h"

#include <cassert>
#include <cmath>
#include <utility>

namespace pointsman {
namespace {

std::size_t row_start(std::size_t i) { return i * (i + 1) / 2; }

/// Σ a[k]·b[k] in a fixed order: four running sums, joined at the end. Four, because one sum
/// would wait for its own last addition at every step.
double dot(const double* a, const double* b, std::size_t n) {
  double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  std::size_t k = 0;
  for (; k + 4 <= n; k += 4) {
    s0 += a[k] * b[k];
    s1 += a[k + 1] * b[k + 1];
    s2 += a[k + 2] * b[k + 2];
    s3 += a[k + 3] * b[k + 3];
  }
  double tail = 0;
  for (; k < n; ++k) tail += a[k] * b[k];
  return ((s0 + s2) + (s1 + s3)) + tail;
}

/// z = M x for a symmetric packed M.
void symmetric_times(const double* m, const double* x, double* z, std::size_t d) {
  for (std::size_t i = 0; i < d; ++i) {
    const double* row = m + row_start(i);
    const double xi = x[i];
    for (std::size_t j = 0; j < i; ++j) z[j] += xi * row[j];
    z[i] = dot(row, x, i) + row[i] * xi;
  }
}

/// M += c v v' for a symmetric packed M.
void rank_one(double* m, double c, const double* v, std::size_t d) {
  for (std::size_t i = 0; i < d; ++i) {
    double* row = m + row_start(i);
    const double cv = c * v[i];
    for (std::size_t j = 0; j <= i; ++j) row[j] += cv * v[j];
  }
}

/// In place: packed A (positive definite) becomes its lower Cholesky factor L.
void cholesky(double* m, std::size_t d) {
  for (std::size_t i = 0; i < d; ++i) {
    double* row_i = m + row_start(i);
    for (std::size_t j = 0; j < i; ++j) {
      const double* row_j = m + row_start(j);
      row_i[j] = (row_i[j] - dot(row_i, row_j, j)) / row_j[j];
    }
    const double pivot = row_i[i] - dot(row_i, row_i, i);
    assert(pivot > 0.0);
    row_i[i] = std::sqrt(pivot > 0.0 ? pivot : 1e-300);
  }
}

/// In place: packed lower L becomes its inverse, a row at a time.
void invert_lower(double* m, std::vector<double>& scratch, std::size_t d) {
  // Row i of L⁻¹ needs rows 0..i-1 of L⁻¹ and row i of L: w' = −(row_i' · L⁻¹)/l_ii.
  for (std::size_t i = 0; i < d; ++i) {
    double* row_i = m + row_start(i);
    for (std::size_t j = 0; j < i; ++j) scratch[j] = 0.0;
    for (std::size_t k = 0; k < i; ++k) {
      const double l_ik = row_i[k];
      const double* inverse_k = m + row_start(k);
      for (std::size_t j = 0; j <= k; ++j) scratch[j] += l_ik * inverse_k[j];
    }
    const double diagonal = 1.0 / row_i[i];
    for (std::size_t j = 0; j < i; ++j) row_i[j] = -scratch[j] * diagonal;
    row_i[i] = diagonal;
  }
}

/// P = L⁻ᵀ L⁻¹ from the packed inverse factor: P += (row k)'(row k) for every row.
void product_of_transposed(const double* inverse, double* p, std::size_t d) {
  for (std::size_t e = 0; e < row_start(d); ++e) p[e] = 0.0;
  for (std::size_t k = 0; k < d; ++k) {
    const double* row = inverse + row_start(k);
    rank_one(p, 1.0, row, k + 1);
  }
}

}  // namespace

LinearPosterior::LinearPosterior(std::shared_ptr<const LinearPrior> prior)
    : prior_(std::move(prior)) {
  set_prior_terms();
}

void LinearPosterior::set_prior_terms() {
  const std::size_t d = prior_->mean.size();
  assert(prior_->precision.size() == d);
  a_.assign(row_start(d), 0.0);
  p_.assign(row_start(d), 0.0);
  b_.assign(d, 0.0);
  theta_ = prior_->mean;
  x_.assign(d, 0.0);
  z_.assign(d, 0.0);
  steps_ = 0;
  for (std::size_t i = 0; i < d; ++i) {
    const double precision = prior_->precision[i];
    assert(precision > 0.0);
    a_[row_start(i) + i] = precision;
    p_[row_start(i) + i] = 1.0 / precision;
    b_[i] = precision * prior_->mean[i];
  }
}

void LinearPosterior::reset(std::shared_ptr<const LinearPrior> prior) {
  prior_ = std::move(prior);
  set_prior_terms();
}

void LinearPosterior::add(std::span<const float> x, double weight, double weighted_reward) {
  const std::size_t d = dims();
  assert(x.size() >= d);
  if (weight == 0.0 && weighted_reward == 0.0) return;
  for (std::size_t i = 0; i < d; ++i) {
    x_[i] = static_cast<double>(x[i]);
    z_[i] = 0.0;
  }
  symmetric_times(p_.data(), x_.data(), z_.data(), d);
  const double quadratic = dot(x_.data(), z_.data(), d);
  const double denominator = 1.0 + weight * quadratic;

  if (weight != 0.0) rank_one(a_.data(), weight, x_.data(), d);
  for (std::size_t i = 0; i < d; ++i) b_[i] += weighted_reward * x_[i];
  ++steps_;
  if (denominator < 1e-3 || steps_ >= kRefactorAfter) {
    refactor();
    return;
  }
  const double residual = weighted_reward - weight * dot(x_.data(), theta_.data(), d);
  const double gain = residual / denominator;
  for (std::size_t i = 0; i < d; ++i) theta_[i] += gain * z_[i];
  if (weight != 0.0) rank_one(p_.data(), -(weight / denominator), z_.data(), d);
}

void LinearPosterior::age(double keep) {
  const double fresh = 1.0 - keep;
  for (double& e : a_) e *= keep;
  for (std::size_t i = 0; i < dims(); ++i) {
    a_[row_start(i) + i] += fresh * prior_->precision[i];
    b_[i] = keep * b_[i] + fresh * (prior_->precision[i] * prior_->mean[i]);
  }
  refactor();
}

void LinearPosterior::change_prior(std::shared_ptr<const LinearPrior> prior) {
  assert(prior->mean.size() == dims());
  for (std::size_t i = 0; i < dims(); ++i) {
    a_[row_start(i) + i] += prior->precision[i] - prior_->precision[i];
    b_[i] += prior->precision[i] * prior->mean[i] - prior_->precision[i] * prior_->mean[i];
  }
  prior_ = std::move(prior);
  refactor();
}

void LinearPosterior::refactor() {
  const std::size_t d = dims();
  std::vector<double> factor = a_;
  cholesky(factor.data(), d);
  invert_lower(factor.data(), z_, d);
  product_of_transposed(factor.data(), p_.data(), d);
  for (double& e : theta_) e = 0.0;
  symmetric_times(p_.data(), b_.data(), theta_.data(), d);
  steps_ = 0;
}

bool LinearPosterior::restore(State state) {
  if (state.a.size() != a_.size() || state.p.size() != p_.size() || state.b.size() != b_.size() ||
      state.theta.size() != theta_.size()) {
    return false;
  }
  a_ = std::move(state.a);
  p_ = std::move(state.p);
  b_ = std::move(state.b);
  theta_ = std::move(state.theta);
  steps_ = state.steps;
  return true;
}

}  // namespace pointsman
