#include "engine/block_kernels.h"

// See packed_score.cc on how Highway compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/block_kernels.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace pointsman {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// At most four lanes, whatever the machine has: a sum has four. With fewer, the loops over `lane`
// go through a row once for each group of lanes, and each lane still sees its own numbers in order.
using Tag = hn::CappedTag<double, 4>;

/// `row` is the first of the four rows of block row `block`.
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

void times(const double* HWY_RESTRICT m, std::size_t blocks, const double* HWY_RESTRICT x,
           double* HWY_RESTRICT z) {
  for (std::size_t block = 0; block < blocks; ++block) {
    block_row_times(m, block, x, z);
    m += 16 * (block + 1);
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

void weighted_rows(double* HWY_RESTRICT m, std::size_t blocks, const WeightedRow* rows,
                   std::size_t count) {
  const Tag tag;
  for (std::size_t block = 0; block < blocks; ++block) {
    const std::size_t length = 4 * (block + 1);
    double* HWY_RESTRICT row1 = m + length;
    double* HWY_RESTRICT row2 = row1 + length;
    double* HWY_RESTRICT row3 = row2 + length;
    for (std::size_t at = 0; at < length; at += hn::Lanes(tag)) {
      auto m0 = hn::Load(tag, m + at);
      auto m1 = hn::Load(tag, row1 + at);
      auto m2 = hn::Load(tag, row2 + at);
      auto m3 = hn::Load(tag, row3 + at);
      for (std::size_t n = 0; n < count; ++n) {
        const auto xs = hn::Load(tag, rows[n].x->lanes.data() + at);
        const double* HWY_RESTRICT weighted = rows[n].weighted_x[block].lanes.data();
        m0 = hn::Add(m0, hn::Mul(hn::Set(tag, weighted[0]), xs));
        m1 = hn::Add(m1, hn::Mul(hn::Set(tag, weighted[1]), xs));
        m2 = hn::Add(m2, hn::Mul(hn::Set(tag, weighted[2]), xs));
        m3 = hn::Add(m3, hn::Mul(hn::Set(tag, weighted[3]), xs));
      }
      hn::Store(m0, tag, m + at);
      hn::Store(m1, tag, row1 + at);
      hn::Store(m2, tag, row2 + at);
      hn::Store(m3, tag, row3 + at);
    }
    m += 4 * length;
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

void symmetric_times(const BlockTriangle& m, const Quad* x, Quad* z) {
  HWY_DYNAMIC_DISPATCH(times)(m.data(), m.blocks(), x->lanes.data(), z->lanes.data());
}

void add_outer(BlockTriangle& m, double c, const Quad* v) {
  HWY_DYNAMIC_DISPATCH(outer)(m.data(), m.blocks(), c, v->lanes.data());
}

void add_weighted_rows(BlockTriangle& m, std::span<const WeightedRow> rows) {
  HWY_DYNAMIC_DISPATCH(weighted_rows)(m.data(), m.blocks(), rows.data(), rows.size());
}

}  // namespace pointsman
#endif  // HWY_ONCE
