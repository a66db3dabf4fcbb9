#include "engine/posterior/linear_posterior.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/posterior/block_inverse.h"
#include "engine/posterior/block_kernels.h"

namespace pointsman {
namespace {

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

/// Padded vectors of one thread, so that a step neither allocates nor makes every arm larger.
class Scratch final {
 public:
  /// `count` vectors of length d, each padded with zeros; what they held before is lost.
  Scratch(std::size_t d, std::size_t count) : blocks_(BlockTriangle::blocks_of(d)) {
    if (quads_.size() < blocks_ * count) quads_.resize(blocks_ * count);
    // Only the last block of each can hold more than what is about to be written.
    for (std::size_t n = 0; n < count; ++n) quads_[(n + 1) * blocks_ - 1] = Quad{};
  }

  Quad* quads(std::size_t n) { return quads_.data() + n * blocks_; }
  double* numbers(std::size_t n) { return quads(n)->lanes.data(); }

 private:
  static thread_local std::vector<Quad> quads_;
  std::size_t blocks_;
};

thread_local std::vector<Quad> Scratch::quads_;

}  // namespace

LinearPosterior::LinearPosterior(std::shared_ptr<const LinearPrior> prior)
    : prior_(std::move(prior)) {
  set_prior_terms();
}

void LinearPosterior::set_prior_terms() {
  const std::size_t d = prior_->mean.size();
  assert(d > 0 && prior_->precision.size() == d);
  a_ = BlockTriangle(d);
  p_ = WaitingCovariance(d);
  BlockTriangle& p = p_.start_afresh();
  b_.assign(d, 0.0);
  theta_ = prior_->mean;
  pending_x_.assign(kPending * d, 0.0F);
  pending_ = 0;
  steps_ = 0;
  for (std::size_t i = 0; i < d; ++i) {
    const double precision = prior_->precision[i];
    assert(precision > 0.0);
    a_.row(i)[i] = precision;
    p.row(i)[i] = 1.0 / precision;
    b_[i] = precision * prior_->mean[i];
  }
}

void LinearPosterior::reset(std::shared_ptr<const LinearPrior> prior) {
  prior_ = std::move(prior);
  set_prior_terms();
}

void LinearPosterior::add_pending_to(BlockTriangle& a) const {
  if (pending_ == 0) return;
  const std::size_t d = dims();
  Scratch scratch(d, 2 * pending_);
  std::array<WeightedRow, kPending> rows;
  for (std::size_t n = 0; n < pending_; ++n) {
    double* x = scratch.numbers(2 * n);
    double* weighted = scratch.numbers(2 * n + 1);
    for (std::size_t i = 0; i < d; ++i) {
      x[i] = static_cast<double>(pending_x_[n * d + i]);
      weighted[i] = pending_weights_[n] * x[i];
    }
    rows[n] = {scratch.quads(2 * n), scratch.quads(2 * n + 1)};
  }
  add_weighted_rows(a, std::span(rows).first(pending_));
}

void LinearPosterior::flush() {
  add_pending_to(a_);
  pending_ = 0;
}

std::vector<double> LinearPosterior::precision_packed() const {
  if (pending_ == 0) return a_.packed();
  BlockTriangle a = a_;
  add_pending_to(a);
  return a.packed();
}

LinearPosterior::Step LinearPosterior::add(std::span<const float> x, double weight,
                                           double weighted_reward) {
  const std::size_t d = dims();
  assert(x.size() >= d);
  if (weight == 0.0 && weighted_reward == 0.0) return {};
  // Halfway between two of P's flushes, so that no observation pays for both.
  if (pending_ == kPending || p_.waiting() == WaitingCovariance::kMost / 2) flush();
  Scratch scratch(d, 2);
  double* wide_x = scratch.numbers(0);
  double* z = scratch.numbers(1);
  for (std::size_t i = 0; i < d; ++i) wide_x[i] = static_cast<double>(x[i]);
  p_.times(scratch.quads(0), scratch.quads(1));
  const double denominator = 1.0 + weight * dot(wide_x, z, d);

  if (weight != 0.0) {
    std::copy_n(x.begin(), d, pending_x_.begin() + static_cast<std::ptrdiff_t>(pending_ * d));
    pending_weights_[pending_] = weight;
    ++pending_;
  }
  for (std::size_t i = 0; i < d; ++i) b_[i] += weighted_reward * wide_x[i];
  ++steps_;
  if (denominator < 1e-3 || steps_ >= kRefactorAfter) {
    refactor();
    return {.refactored = true};
  }
  const double residual = weighted_reward - weight * dot(wide_x, theta_.data(), d);
  const double gain = residual / denominator;
  const double shrink = weight / denominator;
  for (std::size_t i = 0; i < d; ++i) theta_[i] += gain * z[i];
  if (weight != 0.0) p_.subtract(shrink, scratch.quads(1));
  return {.direction = {z, d}, .shrink = shrink, .gain = gain};
}

void LinearPosterior::age(double keep) {
  flush();
  const double fresh = 1.0 - keep;
  for (std::size_t i = 0; i < dims(); ++i) {
    double* row = a_.row(i);
    for (std::size_t j = 0; j <= i; ++j) row[j] *= keep;
    row[i] += fresh * prior_->precision[i];
    b_[i] = keep * b_[i] + fresh * (prior_->precision[i] * prior_->mean[i]);
  }
  refactor();
}

void LinearPosterior::change_prior(std::shared_ptr<const LinearPrior> prior) {
  assert(prior->mean.size() == dims());
  flush();
  for (std::size_t i = 0; i < dims(); ++i) {
    a_.row(i)[i] += prior->precision[i] - prior_->precision[i];
    b_[i] += prior->precision[i] * prior->mean[i] - prior_->precision[i] * prior_->mean[i];
  }
  prior_ = std::move(prior);
  refactor();
}

void LinearPosterior::refactor() {
  flush();
  const std::size_t d = dims();
  BlockTriangle& p = p_.start_afresh();
  p = a_;
  invert(p);

  Scratch scratch(d, 2);
  std::copy(b_.begin(), b_.end(), scratch.numbers(0));
  symmetric_times(p, scratch.quads(0), scratch.quads(1));
  std::copy_n(scratch.numbers(1), d, theta_.begin());
  steps_ = 0;
}

std::size_t LinearPosterior::bytes() const {
  return sizeof *this - sizeof p_ + a_.bytes() + p_.bytes() +
         8 * (b_.capacity() + theta_.capacity()) + 4 * pending_x_.capacity();
}

bool LinearPosterior::restore(const State& state) {
  const std::size_t d = dims();
  if (state.a.size() != d * (d + 1) / 2 || !p_.fits(state.p) || state.b.size() != d ||
      state.theta.size() != d) {
    return false;
  }
  a_.assign_packed(state.a);
  p_.restore(state.p);
  b_ = state.b;
  theta_ = state.theta;
  steps_ = state.steps;
  pending_ = 0;
  return true;
}

}  // namespace pointsman
