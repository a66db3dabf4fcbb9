#include "engine/posterior/block_kernels.h"

#include <cassert>
#include <cstdint>

// See packed_kernels.cc on how Highway compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/posterior/block_kernels.cc"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace pointsman {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// At most four lanes, whatever the machine has: a sum has four. With fewer, the loops over `lane`
// go through a row once for each group of lanes, and each lane still sees its own numbers in order.
using Tag = hn::CappedTag<double, 4>;

/// Asks for the cache line 8 KB on, where it is not too late and not too early: a kernel reads four
/// rows at once, of which the machine sees four short streams, but they lie in one piece with those
/// that follow. Beside busy neighbours that saves a third at d = 384. Only a hint: what lies there,
/// or behind the end of M, is not touched.
HWY_INLINE void expect_after(const double* at) {
  hwy::Prefetch(reinterpret_cast<const char*>(reinterpret_cast<std::uintptr_t>(at) + 8192));
}

/// `row` is the first of the four rows of block row `block`. A step needs two cache lines; where M
/// is small asking for both costs more than it saves.
template <bool kLarge>
HWY_INLINE void block_row_times(const double* HWY_RESTRICT row, std::size_t block,
                                const double* HWY_RESTRICT x, double* HWY_RESTRICT z) {
  const Tag tag;
  const std::size_t length = 4 * (block + 1);
  const double* HWY_RESTRICT row1 = row + length;
  const double* HWY_RESTRICT row2 = row1 + length;
  const double* HWY_RESTRICT row3 = row2 + length;
  const std::size_t diagonal = 4 * block;
  const auto x0 = hn::Set(tag, x[diagonal]);
  const auto x1 = hn::Set(tag, x[diagonal + 1]);
  const auto x2 = hn::Set(tag, x[diagonal + 2]);
  const auto x3 = hn::Set(tag, x[diagonal + 3]);
  alignas(32) double sums[4][4];
  for (std::size_t lane = 0; lane < 4; lane += hn::Lanes(tag)) {
    auto s0 = hn::Zero(tag);
    auto s1 = hn::Zero(tag);
    auto s2 = hn::Zero(tag);
    auto s3 = hn::Zero(tag);
    for (std::size_t at = lane; at < diagonal; at += 4) {
      expect_after(row + 4 * at);
      if constexpr (kLarge) expect_after(row + 4 * at + 8);
      const auto xs = hn::Load(tag, x + at);
      const auto r0 = hn::Load(tag, row + at);
      const auto r1 = hn::Load(tag, row1 + at);
      const auto r2 = hn::Load(tag, row2 + at);
      const auto r3 = hn::Load(tag, row3 + at);
      s0 = hn::Add(s0, hn::Mul(r0, xs));
      s1 = hn::Add(s1, hn::Mul(r1, xs));
      s2 = hn::Add(s2, hn::Mul(r2, xs));
      s3 = hn::Add(s3, hn::Mul(r3, xs));
      const auto first = hn::Add(hn::Mul(r0, x0), hn::Mul(r1, x1));
      const auto second = hn::Add(hn::Mul(r2, x2), hn::Mul(r3, x3));
      hn::Store(hn::Add(hn::Load(tag, z + at), hn::Add(first, second)), tag, z + at);
    }
    const std::size_t at = diagonal + lane;
    const auto first =
        hn::Add(hn::Mul(hn::Load(tag, row + at), x0), hn::Mul(hn::Load(tag, row1 + at), x1));
    const auto second =
        hn::Add(hn::Mul(hn::Load(tag, row2 + at), x2), hn::Mul(hn::Load(tag, row3 + at), x3));
    hn::Store(hn::Add(first, second), tag, z + at);
    hn::Store(s0, tag, sums[0] + lane);
    hn::Store(s1, tag, sums[1] + lane);
    hn::Store(s2, tag, sums[2] + lane);
    hn::Store(s3, tag, sums[3] + lane);
  }
  for (std::size_t r = 0; r < 4; ++r) {
    z[diagonal + r] += (sums[r][0] + sums[r][2]) + (sums[r][1] + sums[r][3]);
  }
}

template <bool kLarge>
HWY_INLINE void times_of(const double* HWY_RESTRICT m, std::size_t blocks,
                         const double* HWY_RESTRICT x, double* HWY_RESTRICT z) {
  for (std::size_t block = 0; block < blocks; ++block) {
    block_row_times<kLarge>(m, block, x, z);
    m += 16 * (block + 1);
  }
}

void times(const double* HWY_RESTRICT m, std::size_t blocks, const double* HWY_RESTRICT x,
           double* HWY_RESTRICT z) {
  if (blocks < 32) {
    times_of<false>(m, blocks, x, z);
  } else {
    times_of<true>(m, blocks, x, z);
  }
}

void outer(double* HWY_RESTRICT m, std::size_t blocks, double c, const double* HWY_RESTRICT v) {
  const Tag tag;
  const auto factor = hn::Set(tag, c);
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::size_t length = 4 * (block + 1);
    double* HWY_RESTRICT row1 = m + length;
    double* HWY_RESTRICT row2 = row1 + length;
    double* HWY_RESTRICT row3 = row2 + length;
    const auto v0 = hn::Set(tag, v[4 * block]);
    const auto v1 = hn::Set(tag, v[4 * block + 1]);
    const auto v2 = hn::Set(tag, v[4 * block + 2]);
    const auto v3 = hn::Set(tag, v[4 * block + 3]);
    for (std::size_t at = 0; at < length; at += hn::Lanes(tag)) {
      const auto vs = hn::Load(tag, v + at);
      const auto d0 = hn::Mul(factor, hn::Mul(v0, vs));
      const auto d1 = hn::Mul(factor, hn::Mul(v1, vs));
      const auto d2 = hn::Mul(factor, hn::Mul(v2, vs));
      const auto d3 = hn::Mul(factor, hn::Mul(v3, vs));
      hn::Store(hn::Add(hn::Load(tag, m + at), d0), tag, m + at);
      hn::Store(hn::Add(hn::Load(tag, row1 + at), d1), tag, row1 + at);
      hn::Store(hn::Add(hn::Load(tag, row2 + at), d2), tag, row2 + at);
      hn::Store(hn::Add(hn::Load(tag, row3 + at), d3), tag, row3 + at);
    }
    m += 4 * length;
  }
}

/// Four rows of M, one vector wide or two: they stay in registers while every observation is added.
/// `weights` has four numbers an observation.
template <std::size_t kVectors, class D>
HWY_INLINE void add_to_tile(D tag, const double* HWY_RESTRICT weights, const WeightedRow* rows,
                            std::size_t count, std::size_t at, std::size_t length,
                            double* HWY_RESTRICT m) {
  const std::size_t n = hn::Lanes(tag);
  const std::size_t second = kVectors == 2 ? n : 0;
  double* HWY_RESTRICT m1 = m + length;
  double* HWY_RESTRICT m2 = m1 + length;
  double* HWY_RESTRICT m3 = m2 + length;
  auto a0 = hn::LoadU(tag, m);
  auto a1 = hn::LoadU(tag, m1);
  auto a2 = hn::LoadU(tag, m2);
  auto a3 = hn::LoadU(tag, m3);
  auto b0 = hn::LoadU(tag, m + second);
  auto b1 = hn::LoadU(tag, m1 + second);
  auto b2 = hn::LoadU(tag, m2 + second);
  auto b3 = hn::LoadU(tag, m3 + second);
  for (std::size_t i = 0; i < count; ++i) {
    const double* HWY_RESTRICT x = rows[i].x->lanes.data() + at;
    const auto w0 = hn::Set(tag, weights[4 * i]);
    const auto w1 = hn::Set(tag, weights[4 * i + 1]);
    const auto w2 = hn::Set(tag, weights[4 * i + 2]);
    const auto w3 = hn::Set(tag, weights[4 * i + 3]);
    const auto xa = hn::LoadU(tag, x);
    a0 = hn::Add(a0, hn::Mul(w0, xa));
    a1 = hn::Add(a1, hn::Mul(w1, xa));
    a2 = hn::Add(a2, hn::Mul(w2, xa));
    a3 = hn::Add(a3, hn::Mul(w3, xa));
    if constexpr (kVectors < 2) continue;
    const auto xb = hn::LoadU(tag, x + n);
    b0 = hn::Add(b0, hn::Mul(w0, xb));
    b1 = hn::Add(b1, hn::Mul(w1, xb));
    b2 = hn::Add(b2, hn::Mul(w2, xb));
    b3 = hn::Add(b3, hn::Mul(w3, xb));
  }
  hn::StoreU(a0, tag, m);
  hn::StoreU(a1, tag, m1);
  hn::StoreU(a2, tag, m2);
  hn::StoreU(a3, tag, m3);
  if constexpr (kVectors < 2) return;
  hn::StoreU(b0, tag, m + n);
  hn::StoreU(b1, tag, m1 + n);
  hn::StoreU(b2, tag, m2 + n);
  hn::StoreU(b3, tag, m3 + n);
}

void weighted_rows(double* HWY_RESTRICT m, std::size_t blocks, const WeightedRow* rows,
                   std::size_t count) {
  // Here a number does not care which lane it is in, so eight are taken at once: in one vector, or
  // in two, which then share what is read of `weights`.
  const Tag tag;
  const hn::CappedTag<double, 8> wide;
  constexpr std::size_t kWideVectors = hn::MaxLanes(hn::CappedTag<double, 8>()) == 8 ? 1 : 2;
  const std::size_t n = kWideVectors * hn::Lanes(wide);
  alignas(32) double weights[4 * kMostRows];
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::size_t length = 4 * (block + 1);
    for (std::size_t i = 0; i < count; ++i) {
      const double* HWY_RESTRICT from = rows[i].weighted_x[block].lanes.data();
      for (std::size_t r = 0; r < 4; ++r) weights[4 * i + r] = from[r];
    }
    std::size_t at = 0;
    for (; at + n <= length; at += n) {
      for (std::size_t line = 0; line < 4 * n; line += 8) expect_after(m + 4 * at + line);
      add_to_tile<kWideVectors>(wide, weights, rows, count, at, length, m + at);
    }
    for (; at < length; at += hn::Lanes(tag)) {
      add_to_tile<1>(tag, weights, rows, count, at, length, m + at);
    }
    m += 4 * length;
  }
}

/// Σ a[k]·b[k]: a sum a lane over the even quads, one over the odd ones, joined at the end.
HWY_INLINE double dot(const double* HWY_RESTRICT a, const double* HWY_RESTRICT b,
                      std::size_t blocks) {
  const Tag tag;
  const std::size_t length = 4 * blocks;
  alignas(32) double sums[4];
  for (std::size_t lane = 0; lane < 4; lane += hn::Lanes(tag)) {
    auto even = hn::Zero(tag);
    auto odd = hn::Zero(tag);
    std::size_t at = lane;
    for (; at + 4 < length; at += 8) {
      even = hn::Add(even, hn::Mul(hn::Load(tag, a + at), hn::Load(tag, b + at)));
      odd = hn::Add(odd, hn::Mul(hn::Load(tag, a + at + 4), hn::Load(tag, b + at + 4)));
    }
    if (at < length) {
      even = hn::Add(even, hn::Mul(hn::Load(tag, a + at), hn::Load(tag, b + at)));
    }
    hn::Store(hn::Add(even, odd), tag, sums + lane);
  }
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

void subtract_steps(const WaitingStep* steps, std::size_t count, std::size_t blocks,
                    const double* HWY_RESTRICT x, double* HWY_RESTRICT z) {
  const Tag tag;
  for (std::size_t n = 0; n < count; ++n) {
    const double* HWY_RESTRICT direction = steps[n].direction->lanes.data();
    const auto factor = hn::Set(tag, steps[n].shrink * dot(direction, x, blocks));
    for (std::size_t at = 0; at < 4 * blocks; at += hn::Lanes(tag)) {
      const auto taken = hn::Mul(factor, hn::Load(tag, direction + at));
      hn::Store(hn::Sub(hn::Load(tag, z + at), taken), tag, z + at);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace pointsman
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pointsman {

HWY_EXPORT(times);
HWY_EXPORT(outer);
HWY_EXPORT(weighted_rows);
HWY_EXPORT(subtract_steps);

void symmetric_times(const BlockTriangle& m, const Quad* x, Quad* z) {
  HWY_DYNAMIC_DISPATCH(times)(m.data(), m.blocks(), x->lanes.data(), z->lanes.data());
}

void add_outer(BlockTriangle& m, double c, const Quad* v) {
  HWY_DYNAMIC_DISPATCH(outer)(m.data(), m.blocks(), c, v->lanes.data());
}

void add_weighted_rows(BlockTriangle& m, std::span<const WeightedRow> rows) {
  assert(rows.size() <= kMostRows);
  HWY_DYNAMIC_DISPATCH(weighted_rows)(m.data(), m.blocks(), rows.data(), rows.size());
}

void subtract_waiting(std::span<const WaitingStep> steps, std::size_t blocks, const Quad* x,
                      Quad* z) {
  HWY_DYNAMIC_DISPATCH(subtract_steps)
  (steps.data(), steps.size(), blocks, x->lanes.data(), z->lanes.data());
}

}  // namespace pointsman
#endif  // HWY_ONCE
