#include "engine/posterior/shared_posterior.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/posterior/block_inverse.h"
#include "engine/posterior/block_kernels.h"

namespace pointsman {

MeanVariance SharedMirror::score(const PackedMirror& arm, std::span<const float> padded_x,
                                 std::span<float> room) const {
  const MeanVariance own = arm.score(padded_x);
  arm.times(padded_x, room);
  for (std::size_t i = 0; i < own_precision.size(); ++i) room[i] *= own_precision[i];
  const MeanVariance common = mirror.score(room);
  return {own.mean + common.mean, own.variance + common.variance};
}

SharedPosterior::SharedPosterior(std::shared_ptr<const LinearPrior> prior,
                                 std::shared_ptr<const LinearPrior> own)
    : prior_(std::move(prior)), own_(std::move(own)) {
  assert(prior_->mean.size() == own_->precision.size());
  direction_.resize(BlockTriangle::blocks_of(prior_->mean.size()));
  image_.resize(direction_.size());
  rebuild({});
}

void SharedPosterior::rebuild(std::span<const LinearPosterior* const> arms) {
  const std::size_t d = prior_->mean.size();
  const std::vector<double>& own = own_->precision;
  BlockTriangle s(d);
  std::fill(direction_.begin(), direction_.end(), Quad{});
  double* sum = numbers(direction_);
  for (std::size_t i = 0; i < d; ++i) {
    s.row(i)[i] = prior_->precision[i];
    sum[i] = prior_->precision[i] * prior_->mean[i];
  }
  for (const LinearPosterior* arm : arms) {
    const BlockTriangle p = arm->covariance();
    const std::span<const double> theta = arm->theta();
    for (std::size_t i = 0; i < d; ++i) {
      double* row = s.row(i);
      const double* from = p.row(i);
      for (std::size_t j = 0; j < i; ++j) row[j] -= own[i] * from[j] * own[j];
      // The difference first: an arm without an observation adds nothing, to the last bit but one.
      row[i] += own[i] - own[i] * from[i] * own[i];
      sum[i] += own[i] * theta[i];
    }
  }
  invert(s);
  inverse_ = std::move(s);
  symmetric_times(inverse_, direction_.data(), image_.data());
  beta_.assign(numbers(image_), numbers(image_) + d);
  steps_ = 0;
}

bool SharedPosterior::add(const LinearPosterior::Step& step) {
  if (step.refactored) return false;
  if (step.direction.empty()) return true;
  const std::size_t d = dims();
  assert(step.direction.size() == d);
  double* v = numbers(direction_);
  for (std::size_t i = 0; i < d; ++i) v[i] = own_->precision[i] * step.direction[i];
  std::fill(v + d, v + 4 * direction_.size(), 0.0);
  symmetric_times(inverse_, direction_.data(), image_.data());
  const double* y = numbers(image_);
  double spread = 0.0;
  double known = 0.0;
  for (std::size_t i = 0; i < d; ++i) {
    spread += v[i] * y[i];
    known += v[i] * beta_[i];
  }
  const double denominator = 1.0 + step.shrink * spread;
  if (denominator < 1e-3 || ++steps_ >= LinearPosterior::kRefactorAfter) return false;
  const double gain = (step.gain - step.shrink * known) / denominator;
  for (std::size_t i = 0; i < d; ++i) beta_[i] += gain * y[i];
  add_outer(inverse_, -(step.shrink / denominator), image_.data());
  return true;
}

std::vector<double> SharedPosterior::coefficients(const LinearPosterior& arm) const {
  const std::size_t d = dims();
  std::vector<Quad> weighted(direction_.size(), Quad{});
  std::vector<Quad> moved(direction_.size(), Quad{});
  for (std::size_t i = 0; i < d; ++i) {
    weighted[i / 4].lanes[i % 4] = own_->precision[i] * beta_[i];
  }
  symmetric_times(arm.covariance(), weighted.data(), moved.data());
  std::vector<double> phi(arm.theta().begin(), arm.theta().end());
  for (std::size_t i = 0; i < d; ++i) phi[i] += moved[i / 4].lanes[i % 4];
  return phi;
}

std::shared_ptr<const SharedMirror> SharedPosterior::mirror() const {
  auto made = std::make_shared<SharedMirror>();
  made->mirror.assign(BlockPosterior{inverse_, beta_});
  made->own_precision.assign(PackedMirror::padded_dims(dims()), 0.0F);
  std::transform(own_->precision.begin(), own_->precision.end(), made->own_precision.begin(),
                 [](double value) { return static_cast<float>(value); });
  return made;
}

bool SharedPosterior::restore(const State& state) {
  const std::size_t d = dims();
  if (state.inverse.size() != d * (d + 1) / 2 || state.beta.size() != d) return false;
  inverse_.assign_packed(state.inverse);
  beta_ = state.beta;
  steps_ = state.steps;
  return true;
}

SplitPrior split_prior(LinearPrior whole, const SharedCorrelation& correlation) {
  SplitPrior halves{whole, std::move(whole)};
  for (std::size_t i = 0; i < halves.own.precision.size(); ++i) {
    const double rho = i == 0 ? correlation.intercept : correlation.coefficients;
    halves.shared.precision[i] /= rho;
    halves.own.precision[i] /= 1.0 - rho;
    halves.own.mean[i] = 0.0;
  }
  return halves;
}

}  // namespace pointsman
