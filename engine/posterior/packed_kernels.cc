#include "engine/posterior/packed_kernels.h"

// Highway compiles the part between HWY_BEFORE_NAMESPACE and HWY_AFTER_NAMESPACE once for each
// instruction set, by including this file again. Only intrinsics belong there: a template of std
// or Eigen that is first used inside would be compiled for one set and called from all.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/posterior/packed_kernels.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace pointsman {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// What waits, for any vectors or none -----------------------------------------------------------

/// direction·x over `floats` numbers, a multiple of 16.
HWY_INLINE float along(const float* HWY_RESTRICT direction, const float* HWY_RESTRICT x,
                       std::size_t floats) {
  const hn::CappedTag<float, 8> tag;  // At most 8, so that there are two of them in 16 floats.
  const std::size_t n = hn::Lanes(tag);
  auto even = hn::Zero(tag);
  auto odd = hn::Zero(tag);
  for (std::size_t at = 0; at < floats; at += 2 * n) {
    even = hn::MulAdd(hn::Load(tag, direction + at), hn::LoadU(tag, x + at), even);
    odd = hn::MulAdd(hn::Load(tag, direction + at + n), hn::LoadU(tag, x + at + n), odd);
  }
  return hn::GetLane(hn::SumOfLanes(tag, hn::Add(even, odd)));
}

/// What the waiting steps take from x'Px.
HWY_INLINE float waiting_variance(const MirrorView& view, const float* HWY_RESTRICT x) {
  float sum = 0.0F;
  for (std::size_t step = 0; step < view.waiting; ++step) {
    const float part = along(view.directions + step * view.stride, x, view.stride);
    sum += view.shrinks[step] * (part * part);
  }
  return sum;
}

/// Four columns of numbers: number i of column k stands at column[k][i·step].
struct FourColumns {
  const float* column[4];
  std::size_t step;
};

/// Gives `take` the sums Σ_i column[k][i·step]·x_i for the four columns (a to d) and two vectors of
/// contexts side by side (0 and 1): number i of all contexts stands at xt + i·width. The eight sums
/// run at once, so that the multiply-adds are all that it waits for.
template <class Tag, class Take>
HWY_INLINE void take_eight_sums(Tag tag, const FourColumns& p, std::size_t numbers,
                                const float* HWY_RESTRICT xt, std::size_t width, const Take& take) {
  const std::size_t n = hn::Lanes(tag);
  auto a0 = hn::Zero(tag);
  auto a1 = hn::Zero(tag);
  auto b0 = hn::Zero(tag);
  auto b1 = hn::Zero(tag);
  auto c0 = hn::Zero(tag);
  auto c1 = hn::Zero(tag);
  auto d0 = hn::Zero(tag);
  auto d1 = hn::Zero(tag);
  for (std::size_t i = 0; i < numbers; ++i) {
    const auto x0 = hn::LoadU(tag, xt + i * width);
    const auto x1 = hn::LoadU(tag, xt + i * width + n);
    const std::size_t at = i * p.step;
    a0 = hn::MulAdd(hn::Set(tag, p.column[0][at]), x0, a0);
    a1 = hn::MulAdd(hn::Set(tag, p.column[0][at]), x1, a1);
    b0 = hn::MulAdd(hn::Set(tag, p.column[1][at]), x0, b0);
    b1 = hn::MulAdd(hn::Set(tag, p.column[1][at]), x1, b1);
    c0 = hn::MulAdd(hn::Set(tag, p.column[2][at]), x0, c0);
    c1 = hn::MulAdd(hn::Set(tag, p.column[2][at]), x1, c1);
    d0 = hn::MulAdd(hn::Set(tag, p.column[3][at]), x0, d0);
    d1 = hn::MulAdd(hn::Set(tag, p.column[3][at]), x1, d1);
  }
  take(a0, a1, b0, b1, c0, c1, d0, d1);
}

/// Takes waiting_variance() of each of `width` contexts from its variance; `width` is an even
/// number of vectors. Four steps at a time, so that the contexts, which are many, are read once for
/// all.
HWY_INLINE void subtract_waiting(const MirrorView& view, const float* HWY_RESTRICT xt,
                                 std::size_t width, float* HWY_RESTRICT variances) {
  const hn::CappedTag<float, 16> tag;
  const std::size_t n = hn::Lanes(tag);
  for (std::size_t first = 0; first < view.waiting; first += 4) {
    FourColumns z{{}, 1};
    float shrink[4];
    for (std::size_t k = 0; k < 4; ++k) {
      const bool waits = first + k < view.waiting;  // Else the first one again, for nothing.
      z.column[k] = view.directions + (waits ? first + k : first) * view.stride;
      shrink[k] = waits ? view.shrinks[first + k] : 0.0F;
    }
    for (std::size_t at = 0; at < width; at += 2 * n) {
      take_eight_sums(tag, z, view.stride, xt + at, width,
                      [&](auto a0, auto a1, auto b0, auto b1, auto c0, auto c1, auto d0, auto d1)
                          HWY_ATTR {
                            auto left0 = hn::LoadU(tag, variances + at);
                            auto left1 = hn::LoadU(tag, variances + at + n);
                            left0 = hn::NegMulAdd(hn::Set(tag, shrink[0]), hn::Mul(a0, a0), left0);
                            left1 = hn::NegMulAdd(hn::Set(tag, shrink[0]), hn::Mul(a1, a1), left1);
                            left0 = hn::NegMulAdd(hn::Set(tag, shrink[1]), hn::Mul(b0, b0), left0);
                            left1 = hn::NegMulAdd(hn::Set(tag, shrink[1]), hn::Mul(b1, b1), left1);
                            left0 = hn::NegMulAdd(hn::Set(tag, shrink[2]), hn::Mul(c0, c0), left0);
                            left1 = hn::NegMulAdd(hn::Set(tag, shrink[2]), hn::Mul(c1, c1), left1);
                            left0 = hn::NegMulAdd(hn::Set(tag, shrink[3]), hn::Mul(d0, d0), left0);
                            left1 = hn::NegMulAdd(hn::Set(tag, shrink[3]), hn::Mul(d1, d1), left1);
                            hn::StoreU(left0, tag, variances + at);
                            hn::StoreU(left1, tag, variances + at + n);
                          });
    }
  }
}

/// Takes what the waiting steps take from Px.
HWY_INLINE void subtract_waiting_product(const MirrorView& view, const float* HWY_RESTRICT x,
                                         float* HWY_RESTRICT out) {
  const hn::CappedTag<float, 16> tag;
  for (std::size_t step = 0; step < view.waiting; ++step) {
    const float* HWY_RESTRICT direction = view.directions + step * view.stride;
    const auto factor = hn::Set(tag, view.shrinks[step] * along(direction, x, view.stride));
    for (std::size_t at = 0; at < view.stride; at += hn::Lanes(tag)) {
      const auto left =
          hn::NegMulAdd(factor, hn::Load(tag, direction + at), hn::LoadU(tag, out + at));
      hn::StoreU(left, tag, out + at);
    }
  }
}

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
  variance -= waiting_variance(view, x);
  return {mean, variance > 0.0F ? variance : 0.0F};
}

/// The scalar form of the function of this name below.
std::size_t tile_width() { return 4; }

/// The scalar form of the function of this name below.
void score_tile(const MirrorView& view, const float* HWY_RESTRICT xt,
                MeanVariance* HWY_RESTRICT out) {
  const std::size_t width = tile_width();
  float owed[4] = {};
  subtract_waiting(view, xt, width, owed);
  for (std::size_t context = 0; context < width; ++context) {
    const float* HWY_RESTRICT strip = view.strips;
    float mean = 0.0F;
    float variance = owed[context];
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

/// The scalar form of the function of this name below.
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
  subtract_waiting_product(view, x, out);
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
  subtract_waiting_product(view, x, out);
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
  const float total = hn::GetLane(hn::SumOfLanes(tag, variance)) - waiting_variance(view, x);
  return {hn::GetLane(hn::SumOfLanes(tag, mean)), total > 0.0F ? total : 0.0F};
}

/// How many contexts score_tile() takes: two vectors of them.
std::size_t tile_width() { return 2 * hn::Lanes(hn::CappedTag<float, 16>()); }

/// Scores tile_width() contexts, which stand side by side: number i of all of them, then number
/// i + 1; padded_dims numbers each. Lanes are contexts and P̃'s numbers are broadcast.
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
      const float* HWY_RESTRICT own = xs + group * width;
      const float* const p = strip + 16 * group + group;
      take_eight_sums(
          tag, FourColumns{{p, p + 1, p + 2, p + 3}, 16}, rows - group, own, width,
          [&](auto a0, auto a1, auto b0, auto b1, auto c0, auto c1, auto d0, auto d1) HWY_ATTR {
            variance0 = hn::MulAdd(a0, hn::LoadU(tag, own), variance0);
            variance1 = hn::MulAdd(a1, hn::LoadU(tag, own + n), variance1);
            variance0 = hn::MulAdd(b0, hn::LoadU(tag, own + width), variance0);
            variance1 = hn::MulAdd(b1, hn::LoadU(tag, own + width + n), variance1);
            variance0 = hn::MulAdd(c0, hn::LoadU(tag, own + 2 * width), variance0);
            variance1 = hn::MulAdd(c1, hn::LoadU(tag, own + 2 * width + n), variance1);
            variance0 = hn::MulAdd(d0, hn::LoadU(tag, own + 3 * width), variance0);
            variance1 = hn::MulAdd(d1, hn::LoadU(tag, own + 3 * width + n), variance1);
          });
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
  hn::Store(variance0, tag, variances);
  hn::Store(variance1, tag, variances + n);
  subtract_waiting(view, xt, width, variances);
  for (std::size_t context = 0; context < width; ++context) {
    const float variance = variances[context];
    out[context] = {means[context], variance > 0.0F ? variance : 0.0F};
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

/// Four rows at a time: P is read once, in order, and the strips fill side by side.
void write_strips(const BlockTriangle& p, float* HWY_RESTRICT strips) {
  const hn::CappedTag<double, 8> wide;
  const hn::CappedTag<double, 4> quad;
  const double* HWY_RESTRICT row = p.data();
  for (std::size_t block = 0; block < p.blocks(); ++block) {
    const std::size_t length = 4 * (block + 1);
    float* HWY_RESTRICT line = strips + 64 * block;
    std::size_t rows = 4 * p.blocks();
    std::size_t column = 0;
    for (; column + 16 < length; column += 16) {
      for (std::size_t r = 0; r < 4; ++r) {
        for (std::size_t at = 0; at < 16; at += hn::Lanes(wide)) {
          const auto value = hn::LoadU(wide, row + r * length + column + at);
          store(wide, hn::Add(value, value), line + 16 * r + at);
        }
      }
      // The next strip begins `rows` lines on, and its first row is 16 rows below this one's.
      line += 16 * (rows - 16);
      rows -= 16;
    }
    for (; column + 4 < length; column += 4, line += 4) {
      for (std::size_t r = 0; r < 4; ++r) {
        for (std::size_t at = 0; at < 4; at += hn::Lanes(quad)) {
          const auto value = hn::Load(quad, row + r * length + column + at);
          store(quad, hn::Add(value, value), line + 16 * r + at);
        }
      }
    }
    for (std::size_t r = 0; r < 4; ++r) {
      for (std::size_t at = 0; at < 4; at += hn::Lanes(quad)) {
        const auto factor = hn::Load(quad, kDiagonalFactors[r] + at);
        store(quad, hn::Mul(factor, hn::Load(quad, row + r * length + column + at)),
              line + 16 * r + at);
      }
    }
    row += 4 * length;
  }
}

void narrow_all(const double* HWY_RESTRICT from, std::size_t count, float* HWY_RESTRICT to) {
  const hn::CappedTag<double, 8> wide;
  const std::size_t n = hn::Lanes(wide);
  std::size_t at = 0;
  for (; at + n <= count; at += n) store(wide, hn::LoadU(wide, from + at), to + at);
  for (; at < count; ++at) to[at] = static_cast<float>(from[at]);
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
HWY_EXPORT(narrow_all);

MeanVariance score_one(const MirrorView& view, const float* x) {
  return HWY_DYNAMIC_DISPATCH(score_mirror)(view, x);
}

std::size_t tile_lanes() { return HWY_DYNAMIC_DISPATCH(tile_width)(); }

void score_side_by_side(const MirrorView& view, const float* xt, MeanVariance* out) {
  HWY_DYNAMIC_DISPATCH(score_tile)(view, xt, out);
}

void add_product(const MirrorView& view, const float* x, float* out) {
  HWY_DYNAMIC_DISPATCH(times_mirror)(view, x, out);
}

void fill_strips(const BlockTriangle& p, float* strips) {
  HWY_DYNAMIC_DISPATCH(write_strips)(p, strips);
}

void narrow(std::span<const double> from, float* to) {
  HWY_DYNAMIC_DISPATCH(narrow_all)(from.data(), from.size(), to);
}

}  // namespace pointsman
#endif  // HWY_ONCE
