#include "engine/posterior/packed_score.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "engine/posterior/packed_kernels.h"

namespace pointsman {
namespace {

const float* floats(const std::vector<CacheLine>& lines) {
  return reinterpret_cast<const float*>(lines.data());
}
float* floats(std::vector<CacheLine>& lines) { return reinterpret_cast<float*>(lines.data()); }

/// How many rows the strip has that begins at this column.
std::size_t strip_rows(std::size_t d, std::size_t column) { return (d - column + 3) / 4 * 4; }

std::size_t strip_lines(std::size_t d) {
  std::size_t lines = 0;
  for (std::size_t column = 0; column < d; column += 16) lines += strip_rows(d, column);
  return lines;
}

}  // namespace

PackedStrips::PackedStrips(const BlockTriangle& p)
    : size_(strip_lines(p.dims())), lines_(std::make_unique_for_overwrite<CacheLine[]>(size_)) {
  assert(p.dims() > 0);
  const std::size_t d = p.dims();
  // Only a strip's first rows have elements that P̃ has not.
  CacheLine* strip = lines_.get();
  for (std::size_t column = 0; column < d; column += 16) {
    const std::size_t rows = strip_rows(d, column);
    std::fill_n(strip, std::min<std::size_t>(16, rows), CacheLine{});
    strip += rows;
  }
  fill_strips(p, lines_[0].lanes.data());
}

std::size_t PackedMirror::padded_dims(std::size_t d) { return (d + 15) / 16 * 16; }

std::size_t PackedMirror::bytes_read(std::size_t d) {
  return (padded_dims(d) / 16 + strip_lines(d)) * sizeof(CacheLine);
}

void PackedMirror::assign_theta(std::span<const double> theta) {
  if (dims_ != theta.size()) {
    dims_ = theta.size();
    theta_.assign(padded_dims(dims_) / 16, CacheLine{});
  }
  if (dims_ > 0) narrow(theta, floats(theta_));
}

void PackedMirror::assign(const BlockPosterior& posterior) {
  const std::size_t d = posterior.theta.size();
  assert(posterior.inverse_precision.dims() == d);
  if (dims_ != d || shared_strips_) own_strips_.assign(strip_lines(d), CacheLine{});
  shared_strips_.reset();
  waiting_.clear();
  shrinks_.clear();
  assign_theta(posterior.theta);
  if (d > 0) fill_strips(posterior.inverse_precision, floats(own_strips_));
}

void PackedMirror::assign(const SteppedPosterior& posterior) {
  const std::size_t d = posterior.theta.size();
  const std::size_t lines = padded_dims(d) / 16;
  const std::size_t steps = posterior.shrinks.size();
  assert(posterior.strips->size() == strip_lines(d) && d > 0);
  assert(posterior.directions.size() == steps * BlockTriangle::blocks_of(d));
  if (dims_ != d) waiting_.clear();  // Whose padding stands elsewhere.
  assign_theta(posterior.theta);
  own_strips_ = {};
  shared_strips_ = posterior.strips;
  waiting_.resize(steps * lines);
  shrinks_.assign(posterior.shrinks.begin(), posterior.shrinks.end());
  for (std::size_t n = 0; n < steps; ++n) {
    const Quad* direction = posterior.directions.data() + n * BlockTriangle::blocks_of(d);
    narrow({direction->lanes.data(), d}, waiting_[n * lines].lanes.data());
  }
}

void PackedMirror::assign(const PackedPosterior& posterior) {
  const std::size_t d = posterior.theta.size();
  assert(posterior.inverse_precision.size() == d * (d + 1) / 2);
  BlockTriangle blocks(d);
  blocks.assign_packed(posterior.inverse_precision);
  assign(BlockPosterior{blocks, posterior.theta});
}

std::size_t PackedMirror::bytes() const {
  const std::size_t shared = shared_strips_ ? shared_strips_->size() : 0;
  return sizeof *this + sizeof(float) * shrinks_.capacity() +
         sizeof(CacheLine) *
             (theta_.capacity() + own_strips_.capacity() + waiting_.capacity() + shared);
}

MirrorView PackedMirror::view() const {
  return {floats(theta_),
          shared_strips_ ? shared_strips_->data() : floats(own_strips_),
          dims_,
          padded_dims(dims_),
          floats(waiting_),
          shrinks_.data(),
          shrinks_.size()};
}

MeanVariance PackedMirror::score(std::span<const float> padded_x) const {
  assert(padded_x.size() >= padded_dims(dims_));
  if (dims_ == 0) return {};
  return score_one(view(), padded_x.data());
}

std::size_t PackedMirror::tile_width() { return tile_lanes(); }

void PackedMirror::score_tile(std::span<const float> tile, std::span<MeanVariance> out) const {
  assert(tile.size() >= padded_dims(dims_) * tile_width() && out.size() >= tile_width());
  if (dims_ == 0) {
    std::fill(out.begin(), out.end(), MeanVariance{});
    return;
  }
  score_side_by_side(view(), tile.data(), out.data());
}

void PackedMirror::times(std::span<const float> padded_x, std::span<float> out) const {
  assert(padded_x.size() >= padded_dims(dims_) && out.size() >= padded_dims(dims_));
  std::fill(out.begin(), out.end(), 0.0F);
  if (dims_ > 0) add_product(view(), padded_x.data(), out.data());
}

}  // namespace pointsman
