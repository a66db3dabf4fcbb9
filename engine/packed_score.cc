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
std::size_t tile_width() { return 4; }

/// As below, without vectors.
void score_tile(const MirrorView& view, const float* HWY_RESTRICT xt,
                MeanVariance* HWY_RESTRICT out) {
  const std::size_t width = tile_width();
  for (std::size_t context = 0; context < width; ++context) {
    const float* HWY_RESTRICT strip = view.strips;
    float mean = 0.0F;
    float variance = 0.0F;
    for (std::size_t column = 0; column < view.dims; column += 16) {
      const float* HWY_RESTRICT xs = xt + column * width + context;
      const std::size_t rows = (view.dims - column + 3) / 4 * 4;
      for (std::size_t lane = 0; lane < 16; ++lane) {
        float y = 0.0F;
        for (std::size_t row = 0; row < rows; ++row) y += strip[16 * row + lane] * xs[row * width];
        variance += y * xs[lane * width];
        mean += view.theta[column + lane] * xs[lane * width];
      }
      strip += 16 * rows;
    }
    out[context] = {mean, variance > 0.0F ? variance : 0.0F};
  }
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

/// How many contexts score_tile() takes: two vectors of them.
std::size_t tile_width() { return 2 * hn::Lanes(hn::CappedTag<float, 16>()); }

/// Scores tile_width() contexts, which stand side by side: number i of all of them, then number
/// i + 1; padded_dims numbers each. Lanes are contexts and P̃'s numbers are broadcast, eight sums at
/// once (four columns of two vectors), so that the multiply-adds are all it waits for.
void score_tile(const MirrorView& view, const float* HWY_RESTRICT xt,
                MeanVariance* HWY_RESTRICT out) {
  const hn::CappedTag<float, 16> tag;
  const std::size_t n = hn::Lanes(tag);
  const std::size_t width = 2 * n;
  const float* HWY_RESTRICT strip = view.strips;
  auto mean0 = hn::Zero(tag);
  auto mean1 = hn::Zero(tag);
  auto variance0 = hn::Zero(tag);
  auto variance1 = hn::Zero(tag);
  for (std::size_t column = 0; column < view.dims; column += 16) {
    const std::size_t rows = (view.dims - column + 3) / 4 * 4;
    const std::size_t columns = rows < 16 ? rows : 16;
    const float* HWY_RESTRICT xs = xt + column * width;
    // Four columns at a time, from the diagonal down: P̃ is zero above it.
    for (std::size_t group = 0; group < columns; group += 4) {
      auto a0 = hn::Zero(tag);
      auto a1 = hn::Zero(tag);
      auto b0 = hn::Zero(tag);
      auto b1 = hn::Zero(tag);
      auto c0 = hn::Zero(tag);
      auto c1 = hn::Zero(tag);
      auto d0 = hn::Zero(tag);
      auto d1 = hn::Zero(tag);
      for (std::size_t row = group; row < rows; ++row) {
        const float* HWY_RESTRICT p = strip + 16 * row + group;
        const auto x0 = hn::LoadU(tag, xs + row * width);
        const auto x1 = hn::LoadU(tag, xs + row * width + n);
        a0 = hn::MulAdd(hn::Set(tag, p[0]), x0, a0);
        a1 = hn::MulAdd(hn::Set(tag, p[0]), x1, a1);
        b0 = hn::MulAdd(hn::Set(tag, p[1]), x0, b0);
        b1 = hn::MulAdd(hn::Set(tag, p[1]), x1, b1);
        c0 = hn::MulAdd(hn::Set(tag, p[2]), x0, c0);
        c1 = hn::MulAdd(hn::Set(tag, p[2]), x1, c1);
        d0 = hn::MulAdd(hn::Set(tag, p[3]), x0, d0);
        d1 = hn::MulAdd(hn::Set(tag, p[3]), x1, d1);
      }
      const float* HWY_RESTRICT own = xs + group * width;
      variance0 = hn::MulAdd(a0, hn::LoadU(tag, own), variance0);
      variance1 = hn::MulAdd(a1, hn::LoadU(tag, own + n), variance1);
      variance0 = hn::MulAdd(b0, hn::LoadU(tag, own + width), variance0);
      variance1 = hn::MulAdd(b1, hn::LoadU(tag, own + width + n), variance1);
      variance0 = hn::MulAdd(c0, hn::LoadU(tag, own + 2 * width), variance0);
      variance1 = hn::MulAdd(c1, hn::LoadU(tag, own + 2 * width + n), variance1);
      variance0 = hn::MulAdd(d0, hn::LoadU(tag, own + 3 * width), variance0);
      variance1 = hn::MulAdd(d1, hn::LoadU(tag, own + 3 * width + n), variance1);
    }
    for (std::size_t i = 0; i < columns; ++i) {
      const auto theta = hn::Set(tag, view.theta[column + i]);
      mean0 = hn::MulAdd(theta, hn::LoadU(tag, xs + i * width), mean0);
      mean1 = hn::MulAdd(theta, hn::LoadU(tag, xs + i * width + n), mean1);
    }
    strip += 16 * rows;
  }
  HWY_ALIGN float means[32];
  HWY_ALIGN float variances[32];
  hn::Store(mean0, tag, means);
  hn::Store(mean1, tag, means + n);
  hn::Store(hn::Max(variance0, hn::Zero(tag)), tag, variances);
  hn::Store(hn::Max(variance1, hn::Zero(tag)), tag, variances + n);
  for (std::size_t context = 0; context < width; ++context) {
    out[context] = {means[context], variances[context]};
  }
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
HWY_EXPORT(tile_width);
HWY_EXPORT(score_tile);
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

std::size_t PackedMirror::tile_width() { return HWY_DYNAMIC_DISPATCH(tile_width)(); }

void PackedMirror::score_tile(std::span<const float> tile, std::span<MeanVariance> out) const {
  assert(tile.size() >= padded_dims(dims_) * tile_width() && out.size() >= tile_width());
  if (dims_ == 0) {
    std::fill(out.begin(), out.end(), MeanVariance{});
    return;
  }
  const MirrorView view{theta_.front().lanes.data(), strips_.front().lanes.data(), dims_};
  HWY_DYNAMIC_DISPATCH(score_tile)(view, tile.data(), out.data());
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
