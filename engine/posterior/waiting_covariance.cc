#include "engine/posterior/waiting_covariance.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace pointsman {

BlockTriangle& WaitingCovariance::start_afresh() {
  shrinks_.clear();
  strips_.reset();
  return matrix_;
}

/// The products shrink·z are rounded once and then multiplied, so an element above the diagonal of
/// a block may differ from its mirror image: hence make_whole().
void WaitingCovariance::take_steps(BlockTriangle& matrix) const {
  if (shrinks_.empty()) return;
  const std::size_t blocks = matrix.blocks();
  thread_local std::vector<Quad> scaled;
  scaled.resize(shrinks_.size() * blocks);
  std::array<WeightedRow, kMost> rows;
  for (std::size_t n = 0; n < shrinks_.size(); ++n) {
    const Quad* z = direction(n);
    Quad* to = scaled.data() + n * blocks;
    for (std::size_t block = 0; block < blocks; ++block) {
      for (std::size_t lane = 0; lane < 4; ++lane) {
        to[block].lanes[lane] = -shrinks_[n] * z[block].lanes[lane];
      }
    }
    rows[n] = {z, to};
  }
  add_weighted_rows(matrix, std::span(rows).first(shrinks_.size()));
  matrix.make_whole();
}

void WaitingCovariance::times(const Quad* x, Quad* z) {
  if (shrinks_.size() == kMost) {
    take_steps(matrix_);
    start_afresh();
  }
  symmetric_times(matrix_, x, z);
  if (shrinks_.empty()) return;
  std::array<WaitingStep, kMost> steps;
  for (std::size_t n = 0; n < shrinks_.size(); ++n) steps[n] = {direction(n), shrinks_[n]};
  subtract_waiting(std::span(steps).first(shrinks_.size()), matrix_.blocks(), x, z);
}

void WaitingCovariance::subtract(double shrink, const Quad* z) {
  if (dims() < kFromDims) {
    add_outer(matrix_, -shrink, z);
    strips_.reset();
    return;
  }
  assert(shrinks_.size() < kMost);
  const std::size_t blocks = matrix_.blocks();
  if (directions_.empty()) {
    directions_.resize(kMost * blocks);
    shrinks_.reserve(kMost);
  }
  std::copy_n(z, blocks,
              directions_.begin() + static_cast<std::ptrdiff_t>(shrinks_.size() * blocks));
  shrinks_.push_back(shrink);
}

BlockTriangle WaitingCovariance::value() const {
  BlockTriangle whole = matrix_;
  take_steps(whole);
  return whole;
}

const std::shared_ptr<const PackedStrips>& WaitingCovariance::strips() {
  if (!strips_) strips_ = std::make_shared<const PackedStrips>(matrix_);
  return strips_;
}

void WaitingCovariance::write_mirror(PackedMirror& mirror, std::span<const double> theta) {
  if (dims() < kFromDims) {
    mirror.assign(BlockPosterior{matrix_, theta});
    return;
  }
  const std::span directions = std::span(directions_).first(shrinks_.size() * matrix_.blocks());
  mirror.assign(SteppedPosterior{strips(), directions, shrinks_, theta});
}

std::size_t WaitingCovariance::bytes() const {
  return sizeof *this + matrix_.bytes() + directions_.capacity() * sizeof(Quad) +
         shrinks_.capacity() * sizeof(double);
}

WaitingCovariance::State WaitingCovariance::state() const {
  State state{matrix_.packed(), {}, shrinks_};
  for (std::size_t n = 0; n < shrinks_.size(); ++n) {
    const double* z = direction(n)->lanes.data();
    state.directions.insert(state.directions.end(), z, z + dims());
  }
  return state;
}

bool WaitingCovariance::fits(const State& state) const {
  const std::size_t d = dims();
  const std::size_t most = d < kFromDims ? 0 : kMost;
  return state.matrix.size() == d * (d + 1) / 2 && state.shrinks.size() <= most &&
         state.directions.size() == state.shrinks.size() * d;
}

void WaitingCovariance::restore(const State& state) {
  assert(fits(state));
  start_afresh().assign_packed(state.matrix);
  const std::size_t d = dims();
  std::vector<Quad> z(matrix_.blocks());
  for (std::size_t n = 0; n < state.shrinks.size(); ++n) {
    std::copy_n(state.directions.begin() + static_cast<std::ptrdiff_t>(n * d), d,
                z.front().lanes.data());
    subtract(state.shrinks[n], z.data());
  }
}

}  // namespace pointsman
