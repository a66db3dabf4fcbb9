#include "engine/packed_score.h"

#include <algorithm>
#include <cassert>

// Highway compiles the part between HWY_BEFORE_NAMESPACE and HWY_AFTER_NAMESPACE once for each
// instruction set, by including this file again. Only intrinsics belong there: a template of std
// or Eigen that is first used inside would be compiled for one set and called from all.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/packed_score.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#ifndef POINTSMAN_ENGINE_PACKED_SCORE_CC_
#define POINTSMAN_ENGINE_PACKED_SCORE_CC_
namespace pointsman {

/// A mirror's memory as the kernel sees it.
struct MirrorView {
  const float* theta;   ///< padded_dims floats, aligned to 64 bytes.
  const float* strips;  ///< As laid out by PackedMirror::assign, aligned to 64 bytes.
  std::size_t dims;
};

}  // namespace pointsman
#endif  // POINTSMAN_ENGINE_PACKED_SCORE_CC_

HWY_BEFORE_NAMESPACE();
namespace pointsman {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR

/// Without vectors: the machine has none that Highway knows, such as x86-64 before SSSE3.
MeanVariance score_mirror(const MirrorView& view, const float* HWY_RESTRICT x) {
  const float* HWY_RESTRICT strip = view.strips;
  float mean = 0.0F;
  float variance = 0.0F;
  for (std::size_t column = 0; column < view.dims; column += 16) {
    const std::size_t rows = (view.dims - column + 3) / 4 * 4;
    for (std::size_t lane = 0; lane < 16; ++lane) {
      float y = 0.0F;
      for (std::size_t row = 0; row < rows; ++row) y += strip[16 * row + lane] * x[column + row];
      variance += y * x[column + lane];
      mean += view.theta[column + lane] * x[column + lane];
    }
    strip += 16 * rows;
  }
  return {mean, variance > 0.0F ? variance : 0.0F};
}

/// As below, without vectors.
void times_mirror(const MirrorView& view, const float* HWY_RESTRICT x, float* HWY_RESTRICT out) {
  const float* HWY_RESTRICT strip = view.strips;
  for (std::size_t column = 0; column < view.dims; column += 16) {
    const std::size_t rows = (view.dims - column + 3) / 4 * 4;
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t lane = 0; lane < 16; ++lane) {
        const float half = 0.5F * strip[16 * row + lane];
        out[column + row] += half * x[column + lane];
        out[column + lane] += half * x[column + row];
      }
    }
    strip += 16 * rows;
  }
}

#else

/// Adds Px to `out`: P is ½(P̃ + P̃'), and a strip of P̃ is read once for both halves.
void times_mirror(const MirrorView& view, const float* HWY_RESTRICT x, float* HWY_RESTRICT out) {
  const hn::CappedTag<float, 16> tag;
  const std::size_t n = hn::Lanes(tag);
  const auto half = hn::Set(tag, 0.5F);
  const float* HWY_RESTRICT strip = view.strips;
  for (std::size_t column = 0; column < view.dims; column += 16) {
    const std::size_t rows = (view.dims - column + 3) / 4 * 4;
    // A vector of columns at a time: its part of x and of P̃'x stay in registers.
    for (std::size_t at = 0; at < 16; at += n) {
      const auto xs = hn::Mul(half, hn::LoadU(tag, x + column + at));
      auto down = hn::Zero(tag);
      for (std::size_t row = 0; row < rows; ++row) {
        const auto line = hn::Load(tag, strip + 16 * row + at);
        down = hn::MulAdd(hn::Set(tag, x[column + row]), line, down);
        out[column + row] += hn::GetLane(hn::SumOfLanes(tag, hn::Mul(line, xs)));
      }
      const auto sum = hn::MulAdd(half, down, hn::LoadU(tag, out + column + at));
      hn::StoreU(sum, tag, out + column + at);
    }
    strip += 16 * rows;
  }
}

/// Four accumulators hide the latency of the multiply-add. With n lanes they cover 4n consecutive
/// floats, that is n/4 rows of a strip; accumulator k always holds the columns from (k·n) mod 16
/// on. `x` has at least padded_dims floats.
MeanVariance score_mirror(const MirrorView& view, const float* HWY_RESTRICT x) {
  const hn::CappedTag<float, 16> tag;
  const std::size_t n = hn::Lanes(tag);
  static_assert(hn::MaxLanes(tag) >= 4, "four accumulators must cover whole rows of a strip");
  const float* HWY_RESTRICT strip = view.strips;
  auto mean = hn::Zero(tag);
  auto variance = hn::Zero(tag);
  for (std::size_t column = 0; column < view.dims; column += 16) {
    const float* HWY_RESTRICT xs = x + column;
    const std::size_t floats = 16 * ((view.dims - column + 3) / 4 * 4);
    auto y0 = hn::Zero(tag);
    auto y1 = hn::Zero(tag);
    auto y2 = hn::Zero(tag);
    auto y3 = hn::Zero(tag);
    for (std::size_t at = 0; at < floats; at += 4 * n) {
      y0 = hn::MulAdd(hn::Set(tag, xs[at / 16]), hn::Load(tag, strip + at), y0);
      y1 = hn::MulAdd(hn::Set(tag, xs[(at + n) / 16]), hn::Load(tag, strip + at + n), y1);
      y2 = hn::MulAdd(hn::Set(tag, xs[(at + 2 * n) / 16]), hn::Load(tag, strip + at + 2 * n), y2);
      y3 = hn::MulAdd(hn::Set(tag, xs[(at + 3 * n) / 16]), hn::Load(tag, strip + at + 3 * n), y3);
    }
    variance = hn::MulAdd(y0, hn::LoadU(tag, xs), variance);
    variance = hn::MulAdd(y1, hn::LoadU(tag, xs + n % 16), variance);
    variance = hn::MulAdd(y2, hn::LoadU(tag, xs + 2 * n % 16), variance);
    variance = hn::MulAdd(y3, hn::LoadU(tag, xs + 3 * n % 16), variance);
    for (std::size_t at = 0; at < 16; at += n) {
      mean = hn::MulAdd(hn::Load(tag, view.theta + column + at), hn::LoadU(tag, xs + at), mean);
    }
    strip += floats;
  }
  const float total = hn::GetLane(hn::SumOfLanes(tag, variance));
  return {hn::GetLane(hn::SumOfLanes(tag, mean)), total > 0.0F ? total : 0.0F};
}

#endif

/// What an element of a 4×4 block on the diagonal counts in P̃.
alignas(32) constexpr double kDiagonalFactors[4][4] = {
    {1.0, 0.0, 0.0, 0.0}, {2.0, 1.0, 0.0, 0.0}, {2.0, 2.0, 1.0, 0.0}, {2.0, 2.0, 2.0, 1.0}};

template <class Tag, class V>
HWY_INLINE void store(Tag tag, V value, float* HWY_RESTRICT to) {
  const hn::Rebind<float, Tag> narrow;
  static_cast<void>(tag);
  hn::StoreU(hn::DemoteTo(narrow, value), narrow, to);
}

/// Writes P̃ into strips that hold zeros wherever P̃ has no element: above the diagonal, and in the
/// rows that pad a strip. Row by row: P is read once, in order, and the strips fill side by side.
void write_strips(const BlockTriangle& p, float* HWY_RESTRICT strips) {
  const hn::CappedTag<double, 8> wide;
  const hn::CappedTag<double, 4> quad;
  const auto two = hn::Set(wide, 2.0);
  const std::size_t d = p.dims();
  for (std::size_t i = 0; i < d; ++i) {
    const double* HWY_RESTRICT row = p.row(i);
    float* HWY_RESTRICT line = strips + 16 * i;
    std::size_t rows = (d + 3) / 4 * 4;
    std::size_t column = 0;
    for (; column + 16 <= i; column += 16) {
      for (std::size_t at = 0; at < 16; at += hn::Lanes(wide)) {
        store(wide, hn::Mul(two, hn::LoadU(wide, row + column + at)), line + at);
      }
      // The next strip begins `rows` lines on, and its first row is 16 rows below this one's.
      line += 16 * (rows - 16);
      rows -= 16;
    }
    const std::size_t diagonal = (i - column) / 4 * 4;
    for (std::size_t at = 0; at < diagonal; at += hn::Lanes(quad)) {
      store(quad, hn::Mul(hn::Set(quad, 2.0), hn::Load(quad, row + column + at)), line + at);
    }
    for (std::size_t at = 0; at < 4; at += hn::Lanes(quad)) {
      const auto factor = hn::Load(quad, kDiagonalFactors[i % 4] + at);
      store(quad, hn::Mul(factor, hn::Load(quad, row + column + diagonal + at)),
            line + diagonal + at);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace pointsman
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pointsman {

HWY_EXPORT(score_mirror);
HWY_EXPORT(times_mirror);
HWY_EXPORT(write_strips);

std::size_t PackedMirror::padded_dims(std::size_t d) { return (d + 15) / 16 * 16; }

std::size_t PackedMirror::bytes_read(std::size_t d) {
  std::size_t lines = padded_dims(d) / 16;
  for (std::size_t column = 0; column < d; column += 16) lines += (d - column + 3) / 4 * 4;
  return lines * sizeof(Line);
}

void PackedMirror::assign(const BlockPosterior& posterior) {
  const std::size_t d = posterior.theta.size();
  assert(posterior.inverse_precision.dims() == d);
  if (dims_ != d) {
    dims_ = d;
    theta_.assign(padded_dims(d) / 16, Line{});
    strips_.assign(bytes_read(d) / sizeof(Line) - theta_.size(), Line{});
  }
  if (d == 0) return;
  for (std::size_t i = 0; i < d; ++i) {
    theta_[i / 16].lanes[i % 16] = static_cast<float>(posterior.theta[i]);
  }
  HWY_DYNAMIC_DISPATCH(write_strips)
  (posterior.inverse_precision, strips_.front().lanes.data());
}

void PackedMirror::assign(const PackedPosterior& posterior) {
  const std::size_t d = posterior.theta.size();
  assert(posterior.inverse_precision.size() == d * (d + 1) / 2);
  BlockTriangle blocks(d);
  blocks.assign_packed(posterior.inverse_precision);
  assign(BlockPosterior{blocks, posterior.theta});
}

std::size_t PackedMirror::bytes() const {
  return sizeof *this + (theta_.capacity() + strips_.capacity()) * sizeof(Line);
}

MeanVariance PackedMirror::score(std::span<const float> padded_x) const {
  assert(padded_x.size() >= padded_dims(dims_));
  if (dims_ == 0) return {};
  const MirrorView view{theta_.front().lanes.data(), strips_.front().lanes.data(), dims_};
  return HWY_DYNAMIC_DISPATCH(score_mirror)(view, padded_x.data());
}

void PackedMirror::times(std::span<const float> padded_x, std::span<float> out) const {
  assert(padded_x.size() >= padded_dims(dims_) && out.size() >= padded_dims(dims_));
  std::fill(out.begin(), out.end(), 0.0F);
  if (dims_ == 0) return;
  const MirrorView view{theta_.front().lanes.data(), strips_.front().lanes.data(), dims_};
  HWY_DYNAMIC_DISPATCH(times_mirror)(view, padded_x.data(), out.data());
}

}  // namespace pointsman
#endif  // HWY_ONCE
