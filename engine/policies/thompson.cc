#include "engine/policies/thompson.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

// See packed_kernels.cc on how Highway compiles this file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/policies/thompson.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#ifndef POINTSMAN_ENGINE_THOMPSON_CC_
#define POINTSMAN_ENGINE_THOMPSON_CC_
namespace pointsman {

constexpr std::size_t kPanelNodes = 10;
constexpr std::size_t kChunkPanels = 8;
/// Nodes that are worked on together; a multiple of every vector's lanes.
constexpr std::size_t kChunk = kPanelNodes * kChunkPanels;

/// An arm that can win, on the axis t = s − (the interval's lower end).
struct ThompsonArm {
  double centre;         ///< Its mean.
  double inverse_sigma;  ///< 1/σ
  double sigma;
  double end;         ///< Where its Φ is 1 for our purposes: centre + Tσ.
  double mass;        ///< Σ w·F·φ/Φ so far, in units of the interval's length.
  std::size_t index;  ///< The arm's place in the caller's spans.
};

/// Up to kChunk nodes in increasing order. Unused ones have weight 0 and a valid t.
struct ThompsonChunk {
  std::array<double, kChunk> t;
  std::array<float, kChunk> weight;   ///< In units of the interval's length.
  std::array<float, kChunk> product;  ///< Scratch: F = Π Φ at each node, then w·F.
};

/// One arm's part in a chunk.
struct ThompsonRow {
  ThompsonArm* arm;
  std::size_t nodes;  ///< The first so many nodes meet its transition: a multiple of 16.
  float* ratio;       ///< Scratch: φ/Φ at each of them.
};

}  // namespace pointsman
#endif  // POINTSMAN_ENGINE_THOMPSON_CC_

HWY_BEFORE_NAMESPACE();
namespace pointsman {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, 16>;
using V = hn::Vec<Tag>;

/// (t − centre)/σ in f64, rounded to f32: offsets cancel before they lose digits.
HWY_INLINE V standardise(Tag tag, const double* HWY_RESTRICT t, const ThompsonArm& arm) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(tag, static_cast<float>((*t - arm.centre) * arm.inverse_sigma));
#else
  const hn::Repartition<double, Tag> wide;
  const hn::Half<Tag> half;
  const auto centre = hn::Set(wide, arm.centre);
  const auto inverse = hn::Set(wide, arm.inverse_sigma);
  const auto low = hn::Mul(hn::Sub(hn::LoadU(wide, t), centre), inverse);
  const auto high = hn::Mul(hn::Sub(hn::LoadU(wide, t + hn::Lanes(wide)), centre), inverse);
  return hn::Combine(tag, hn::DemoteTo(half, high), hn::DemoteTo(half, low));
#endif
}

/// exp(−z²/2) for |z| ≤ 9, relative error 2e-7 where |z| ≤ 2: 2ⁿ·2ʳ, |r| ≤ ½, with 2ʳ a minimax
/// polynomial (2e-9).
HWY_INLINE V normal_exponential(Tag tag, V z) {
  const hn::RebindToSigned<Tag> integers;
  const V y = hn::Mul(hn::Mul(z, z), hn::Set(tag, -0.72134752044448F));
  const V whole = hn::Round(y);
  const V r = hn::Sub(y, whole);
  V power = hn::Set(tag, 0.000153458119029F);
  power = hn::MulAdd(power, r, hn::Set(tag, 0.00133999312185F));
  power = hn::MulAdd(power, r, hn::Set(tag, 0.00961848895749F));
  power = hn::MulAdd(power, r, hn::Set(tag, 0.0555032877697F));
  power = hn::MulAdd(power, r, hn::Set(tag, 0.240226468906F));
  power = hn::MulAdd(power, r, hn::Set(tag, 0.693147205737F));
  power = hn::MulAdd(power, r, hn::Set(tag, 1.0F));
  const auto exponent = hn::Add(hn::ConvertTo(integers, whole), hn::Set(integers, 127));
  return hn::Mul(power, hn::BitCast(tag, hn::ShiftLeft<23>(exponent)));
}

/// Φ(−|z|) = exp(−z²/2)·t·P(t), t = 1/(1 + .28|z|); absolute error 1e-8.
HWY_INLINE V normal_tail(Tag tag, V absolute, V exponential) {
  const V one = hn::Set(tag, 1.0F);
  const V t = hn::Div(one, hn::MulAdd(absolute, hn::Set(tag, 0.28F), one));
  V p = hn::Set(tag, -0.105810377878F);
  p = hn::MulAdd(p, t, hn::Set(tag, 0.389883031237F));
  p = hn::MulAdd(p, t, hn::Set(tag, -0.237008639115F));
  p = hn::MulAdd(p, t, hn::Set(tag, 0.26892285215F));
  p = hn::MulAdd(p, t, hn::Set(tag, 0.0674914696391F));
  p = hn::MulAdd(p, t, hn::Set(tag, 0.116521654679F));
  return hn::Mul(hn::Mul(p, t), exponential);
}

/// Multiplies the arm's Φ into the chunk's product and leaves φ/Φ in row.ratio.
HWY_INLINE void multiply_in(Tag tag, ThompsonChunk& chunk, const ThompsonRow& row) {
  const V one = hn::Set(tag, 1.0F);
  for (std::size_t i = 0; i < row.nodes; i += hn::Lanes(tag)) {
    const V unclamped = standardise(tag, chunk.t.data() + i, *row.arm);
    const V z = hn::Min(unclamped, hn::Set(tag, 9.0F));
    const V exponential = normal_exponential(tag, z);
    const V tail = normal_tail(tag, hn::Abs(z), exponential);
    const V cdf = hn::IfThenElse(hn::Lt(z, hn::Zero(tag)), tail, hn::Sub(one, tail));
    // The nodes past the arm's end, which fill its last vector, may have any weight.
    const V density = hn::IfThenElseZero(hn::Lt(z, hn::Set(tag, 8.5F)),
                                         hn::Mul(exponential, hn::Set(tag, 0.398942280401F)));
    const V product = hn::Mul(hn::LoadU(tag, chunk.product.data() + i), cdf);
    // Far below what counts, and far above the denormals, which are slow.
    hn::StoreU(hn::IfThenElseZero(hn::Gt(product, hn::Set(tag, 1e-25F)), product), tag,
               chunk.product.data() + i);
    hn::StoreU(hn::Div(density, cdf), tag, row.ratio + i);
  }
}

/// Adds a chunk's part to every row's arm.
void accumulate_chunk(ThompsonChunk& chunk, const ThompsonRow* rows, std::size_t count) {
  const Tag tag;
  const std::size_t n = hn::Lanes(tag);
  for (std::size_t i = 0; i < kChunk; i += n) {
    hn::StoreU(hn::Set(tag, 1.0F), tag, chunk.product.data() + i);
  }
  for (std::size_t a = 0; a < count; ++a) multiply_in(tag, chunk, rows[a]);
  for (std::size_t i = 0; i < kChunk; i += n) {
    const V weighted =
        hn::Mul(hn::LoadU(tag, chunk.product.data() + i), hn::LoadU(tag, chunk.weight.data() + i));
    hn::StoreU(weighted, tag, chunk.product.data() + i);
  }
  for (std::size_t a = 0; a < count; ++a) {
    V sum = hn::Zero(tag);
    for (std::size_t i = 0; i < rows[a].nodes; i += n) {
      sum = hn::MulAdd(hn::LoadU(tag, chunk.product.data() + i), hn::LoadU(tag, rows[a].ratio + i),
                       sum);
    }
    rows[a].arm->mass += static_cast<double>(hn::GetLane(hn::SumOfLanes(tag, sum)));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace pointsman
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace pointsman {

HWY_EXPORT(accumulate_chunk);

namespace {

constexpr std::size_t kStackArms = 64;
/// Sigmas below this share of the largest are point masses.
constexpr double kPointMass = 1e-20;

/// Gauss–Legendre on [0, 1].
constexpr std::array<double, kPanelNodes> kNode = {
    0.013046735741414128, 0.067468316655507732, 0.16029521585048778, 0.28330230293537639,
    0.42556283050918442,  0.57443716949081558,  0.71669769706462361, 0.83970478414951222,
    0.93253168334449232,  0.98695326425858587};
constexpr std::array<double, kPanelNodes> kWeight = {
    0.033335672154344069, 0.074725674575290294, 0.10954318125799103, 0.13463335965499817,
    0.14776211235737644,  0.14776211235737644,  0.13463335965499817, 0.10954318125799103,
    0.074725674575290294, 0.033335672154344069};

/// How far and how finely to integrate, in standard deviations.
struct Resolution {
  double reach;  ///< T: beyond it an arm's Φ is 0 or 1.
  double panel;  ///< W: the widest panel.
};

/// With k arms the integral misses up to k tails, and the product of k Φ rises k times as fast:
/// seen over thousands of random cases, these keep the error of every size below 3e-7.
Resolution resolution_for(std::size_t arms) {
  if (arms <= 8) return {5.5, 2.75};
  if (arms <= 64) return {6.0, 2.4};
  return {6.5, 2.0};
}

/// Everything a call works on, for `Arms` storage that holds every arm.
struct Workspace {
  std::span<ThompsonArm> arms;  ///< k long; filled from the front.
  std::span<ThompsonRow> rows;  ///< k long.
  std::span<float> ratios;      ///< k·kChunk long.
};

/// The arm whose mean − T·sigma is largest: below that point no other arm can win. Compares
/// differences, so that a large common mean costs no digits.
std::size_t highest_start(std::span<const double> mean, std::span<const double> sigma, double T) {
  std::size_t best = 0;
  for (std::size_t a = 1; a < mean.size(); ++a) {
    if (mean[a] - mean[best] > T * (sigma[a] - sigma[best])) best = a;
  }
  return best;
}

void uniform_over_argmax(std::span<const double> mean, std::span<double> out) {
  const double best = *std::max_element(mean.begin(), mean.end());
  const auto ties = static_cast<double>(std::count(mean.begin(), mean.end(), best));
  for (std::size_t a = 0; a < mean.size(); ++a) out[a] = mean[a] == best ? 1.0 / ties : 0.0;
}

/// Cuts the axis from t = 0 on into panels. Each is as wide as its steepest arm allows.
class PanelCutter final {
 public:
  PanelCutter(std::span<const ThompsonArm> arms, double panel) : arms_(arms), panel_(panel) {
    for (const ThompsonArm& arm : arms_) upper_ = std::max(upper_, arm.end);
  }

  double upper() const { return upper_; }
  bool done() const { return !(at_ < upper_); }

  /// Fills the chunk and returns its number of nodes; `starts` receives each panel's left end.
  std::size_t fill(ThompsonChunk& chunk, std::array<double, kChunkPanels>& starts) {
    std::size_t nodes = 0;
    for (std::size_t p = 0; p < kChunkPanels && !done(); ++p) {
      double right = upper_;
      for (const ThompsonArm& arm : arms_) {
        if (arm.end > at_) right = std::min(right, at_ + panel_ * arm.sigma);
      }
      const double width = right - at_;
      starts[p] = at_;
      for (std::size_t i = 0; i < kPanelNodes; ++i, ++nodes) {
        chunk.t[nodes] = at_ + width * kNode[i];
        chunk.weight[nodes] = static_cast<float>(width / upper_ * kWeight[i]);
      }
      at_ = right;
    }
    std::fill(chunk.t.begin() + static_cast<std::ptrdiff_t>(nodes), chunk.t.end(), at_);
    std::fill(chunk.weight.begin() + static_cast<std::ptrdiff_t>(nodes), chunk.weight.end(), 0.0F);
    return nodes;
  }

 private:
  std::span<const ThompsonArm> arms_;
  double panel_;
  double upper_ = 0.0;
  double at_ = 0.0;
};

void integrate(const Workspace& work, std::span<ThompsonArm> arms, double panel) {
  PanelCutter cutter(arms, panel);
  ThompsonChunk chunk;
  std::array<double, kChunkPanels> starts;
  while (!cutter.done()) {
    const std::size_t panels = cutter.fill(chunk, starts) / kPanelNodes;
    std::size_t rows = 0;
    for (ThompsonArm& arm : arms) {
      std::size_t met = panels;
      while (met > 0 && starts[met - 1] >= arm.end) --met;
      if (met == 0) continue;
      const std::size_t nodes = (met * kPanelNodes + 15) / 16 * 16;
      work.rows[rows] = {&arm, nodes, work.ratios.data() + rows * kChunk};
      ++rows;
    }
    HWY_DYNAMIC_DISPATCH(accumulate_chunk)(chunk, work.rows.data(), rows);
  }
  for (ThompsonArm& arm : arms) arm.mass *= cutter.upper() * arm.inverse_sigma;
}

/// Where the point masses stand.
struct PointMasses {
  std::size_t best = 0;  ///< One with the highest mean.
  std::size_t ties = 0;  ///< How many share that mean; 0: there is none.
};

void thompson_in(const Workspace& work, std::span<const double> mean, std::span<const double> sigma,
                 std::span<double> out) {
  const Resolution resolution = resolution_for(mean.size());
  const double T = resolution.reach;
  const std::size_t top = highest_start(mean, sigma, T);
  const auto can_win = [&](std::size_t a) {
    return a == top || mean[a] - mean[top] + T * (sigma[a] + sigma[top]) > 0.0;
  };
  double widest = 0.0;
  for (std::size_t a = 0; a < mean.size(); ++a) {
    if (can_win(a)) widest = std::max(widest, sigma[a]);
  }
  if (!(widest > 1e-280)) return uniform_over_argmax(mean, out);

  PointMasses points;
  const auto is_point = [&](std::size_t a) { return sigma[a] <= kPointMass * widest; };
  for (std::size_t a = 0; a < mean.size(); ++a) {
    if (!is_point(a)) continue;
    if (points.ties == 0 || mean[a] > mean[points.best]) {
      points = {a, 1};
    } else if (mean[a] == mean[points.best]) {
      ++points.ties;
    }
  }
  // The interval starts at the higher of the point masses and top's start.
  const bool from_point =
      points.ties > 0 && (is_point(top) || mean[points.best] - mean[top] > -T * sigma[top]);
  const std::size_t origin = from_point ? points.best : top;
  const double shift = from_point ? 0.0 : T * sigma[top];

  std::size_t count = 0;
  double point_mass = points.ties > 0 ? 1.0 : 0.0;
  const double point_at = points.ties > 0 ? mean[points.best] - mean[origin] + shift : 0.0;
  for (std::size_t a = 0; a < mean.size(); ++a) {
    out[a] = 0.0;
    if (is_point(a)) continue;
    const double centre = mean[a] - mean[origin] + shift;
    const double end = centre + T * sigma[a];
    if (points.ties > 0) {
      point_mass *= 0.5 * std::erfc((centre - point_at) / (sigma[a] * std::numbers::sqrt2));
    }
    if (end > 0.0) work.arms[count++] = {centre, 1.0 / sigma[a], sigma[a], end, 0.0, a};
  }
  integrate(work, work.arms.first(count), resolution.panel);

  double total = point_mass;
  for (std::size_t i = 0; i < count; ++i) total += work.arms[i].mass;
  assert(total > 0.9 && total < 1.1);
  for (std::size_t i = 0; i < count; ++i) out[work.arms[i].index] = work.arms[i].mass / total;
  if (points.ties == 0) return;
  const double share = point_mass / total / static_cast<double>(points.ties);
  for (std::size_t a = 0; a < mean.size(); ++a) {
    if (is_point(a) && mean[a] == mean[points.best]) out[a] = share;
  }
}

}  // namespace

void thompson_propensities(std::span<const double> mean, std::span<const double> sigma,
                           std::span<double> out) {
  const std::size_t k = mean.size();
  assert(k > 0 && sigma.size() == k && out.size() == k);
  if (k <= kStackArms) {
    std::array<ThompsonArm, kStackArms> arms;
    std::array<ThompsonRow, kStackArms> rows;
    std::array<float, kStackArms * kChunk> ratios;
    thompson_in({arms, rows, ratios}, mean, sigma, out);
    return;
  }
  std::vector<ThompsonArm> arms(k);
  std::vector<ThompsonRow> rows(k);
  std::vector<float> ratios(k * kChunk);
  thompson_in({arms, rows, ratios}, mean, sigma, out);
}

}  // namespace pointsman
#endif  // HWY_ONCE
