#include "engine/policies/beta_thompson.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

#include "engine/policies/share_best.h"

namespace pointsman {
namespace {

constexpr std::size_t kNodes = 12;
constexpr std::size_t kStackArms = 64;
/// More observations than any log has; beta_thompson_propensities() asks for a bound.
constexpr double kMostWeight = 1e11;
const double kLogTail = std::log(1e-8);
/// Beyond it x or 1 − x has too few digits on an axis that all arms share.
constexpr double kLargestLogit = 32.0;

using Nodes = std::array<double, kNodes>;

/// The Gauss–Legendre rule on [−1, 1] and the matrix of its antiderivative: with f known at the
/// nodes, ∫_{−1}^{node i} f ≈ Σ_j integral[j][i] f_j, exact for polynomials of degree 11.
struct Rule {
  Nodes node;
  Nodes weight;
  std::array<Nodes, kNodes> integral;

  Rule() {
    std::array<std::array<double, kNodes + 1>, kNodes> legendre;
    for (std::size_t i = 0; i < kNodes; ++i) {
      double x = -std::cos(std::numbers::pi * (static_cast<double>(i) + 0.75) / (kNodes + 0.5));
      double slope = 0.0;
      for (int newton = 0; newton < 8; ++newton) {
        slope = evaluate(x, legendre[i]);
        x -= legendre[i][kNodes] / slope;
      }
      slope = evaluate(x, legendre[i]);
      node[i] = x;
      weight[i] = 2.0 / ((1.0 - x * x) * slope * slope);
    }
    // The Lagrange polynomial of node j is w_j Σ_n (2n+1)/2 P_n(x_j) P_n, and ∫ (2n+1) P_n from −1
    // is P_{n+1} − P_{n−1}.
    for (std::size_t j = 0; j < kNodes; ++j) {
      for (std::size_t i = 0; i < kNodes; ++i) {
        double sum = node[i] + 1.0;
        for (std::size_t n = 1; n < kNodes; ++n) {
          sum += legendre[j][n] * (legendre[i][n + 1] - legendre[i][n - 1]);
        }
        integral[j][i] = 0.5 * weight[j] * sum;
      }
    }
  }

  /// Writes P_0(x) … P_n(x) and returns P_n'(x), n = kNodes.
  static double evaluate(double x, std::array<double, kNodes + 1>& p) {
    p[0] = 1.0;
    p[1] = x;
    for (std::size_t n = 1; n < kNodes; ++n) {
      const auto m = static_cast<double>(n);
      p[n + 1] = ((2.0 * m + 1.0) * x * p[n] - m * p[n - 1]) / (m + 1.0);
    }
    return kNodes * (x * p[kNodes] - p[kNodes - 1]) / (x * x - 1.0);
  }
};

const Rule& rule() {
  static const Rule table;
  return table;
}

/// ln Γ(z), z > 0, by Stirling's series; std::lgamma writes a global.
double log_gamma(double z) {
  double product = 1.0;
  for (; z < 10.0; z += 1.0) product *= z;
  const double r = 1.0 / (z * z);
  const double series =
      (1.0 / 12.0 - r * (1.0 / 360.0 - r * (1.0 / 1260.0 - r * (1.0 / 1680.0 - r / 1188.0)))) / z;
  return (z - 0.5) * std::log(z) - z + 0.5 * std::log(2.0 * std::numbers::pi) + series -
         std::log(product);
}

/// A place in an arm's support from whose end only a little mass is left.
struct TailCut {
  double logit;
  double mass;
};

/// Cuts the tail of Beta(a, b) on the side of 0. In y = logit(x) the density g is log-concave, so
/// ∫_{−∞}^y g is close to g/(ln g)' in the tail; Newton's steps on the logarithm of that approach
/// the wanted mass from below whatever the start.
TailCut cut_lower_tail(double a, double b, double log_beta) {
  const double mode = std::log(a / b);
  double y = std::max(mode - 6.0 * std::sqrt((a + b) / (a * b)), -kLargestLogit);
  double log_mass = 0.0;
  for (int step = 0; step < 12; ++step) {
    const double odds = std::exp(y);
    const double x = odds / (1.0 + odds);
    const double slope = a - (a + b) * x;
    const double log_one_minus = -std::log1p(odds);
    log_mass = a * (y + log_one_minus) + b * log_one_minus - log_beta - std::log(slope);
    if (std::abs(log_mass - kLogTail) < 0.2 || (y <= -kLargestLogit && log_mass > kLogTail)) break;
    const double log_mass_slope = slope + (a + b) * x * (1.0 - x) / slope;
    y = std::max(y + (kLogTail - log_mass) / log_mass_slope, -kLargestLogit);
  }
  return {y, std::exp(log_mass)};
}

/// An arm on its way through the panels.
struct Walker {
  BetaArm arm;
  double log_beta;
  double from;        ///< On the shared axis: its lower tail's cut…
  double to;          ///< …and its upper one's.
  double upper;       ///< Mass beyond `to`.
  double cdf;         ///< F at the current panel's start.
  double mass;        ///< What it has won so far.
  std::size_t index;  ///< In the caller's spans.
  Nodes density;      ///< In the current panel.
  Nodes cdf_at;

  Walker() = default;
  Walker(const BetaArm& given, std::size_t place) : arm(given), mass(0.0), index(place) {
    log_beta = log_gamma(arm.a) + log_gamma(arm.b) - log_gamma(arm.a + arm.b);
    const TailCut low = cut_lower_tail(arm.a, arm.b, log_beta);
    const TailCut high = cut_lower_tail(arm.b, arm.a, log_beta);
    from = arm.shift + 1.0 / (1.0 + std::exp(-low.logit));
    to = arm.shift + 1.0 - 1.0 / (1.0 + std::exp(-high.logit));
    cdf = low.mass;
    upper = high.mass;
  }

  /// Where a panel that begins at s has to end for this arm.
  double panel_end(double s) const {
    const double x = s - arm.shift;
    const double rest = arm.shift + 1.0 - s;
    const double sigma = 1.0 / std::sqrt((arm.a + arm.b) * x * rest);
    // The error of a panel is a share of the arm's mass in it, so the tails take wider ones.
    const double mass_ahead = std::max(1.0 - cdf, upper);
    const double mass_at_most = std::min({1.0, mass_ahead, cdf * std::exp(2.0 * arm.a)});
    const double decades = -std::log10(std::max(mass_at_most, 1e-9));
    const double widest = 1.6 + decades * (0.08 + 0.054 * decades);
    const double growth = std::exp(std::min((3.0 + 0.15 * decades) * sigma, widest));
    const double total = rest + x * growth;
    const double end =
        x * growth < rest ? arm.shift + x * growth / total : arm.shift + 1.0 - rest / total;
    return std::min(end, to);
  }

  double density_at(double log_x, double log_rest) const {
    return std::exp((arm.a - 1.0) * log_x + (arm.b - 1.0) * log_rest - log_beta);
  }
};

/// One panel [start, start + 2·half] and what all arms of one shift have in common there.
class Panel final {
 public:
  Panel(double start, double end) : half_(0.5 * (end - start)) {
    for (std::size_t i = 0; i < kNodes; ++i) s_[i] = start + half_ * (1.0 + rule().node[i]);
  }

  void evaluate(Walker& walker) {
    if (!(walker.arm.shift == shift_)) {
      shift_ = walker.arm.shift;
      for (std::size_t i = 0; i < kNodes; ++i) {
        log_x_[i] = std::log(s_[i] - shift_);
        log_rest_[i] = std::log(shift_ + 1.0 - s_[i]);
      }
    }
    for (std::size_t i = 0; i < kNodes; ++i) {
      walker.density[i] = half_ * walker.density_at(log_x_[i], log_rest_[i]);
    }
  }

  /// The arm's mass in the panel.
  static double mass(const Walker& walker) {
    double sum = 0.0;
    for (std::size_t i = 0; i < kNodes; ++i) sum += rule().weight[i] * walker.density[i];
    return sum;
  }

  /// F at the nodes.
  static void integrate(Walker& walker) {
    walker.cdf_at.fill(0.0);
    for (std::size_t j = 0; j < kNodes; ++j) {
      for (std::size_t i = 0; i < kNodes; ++i) {
        walker.cdf_at[i] += rule().integral[j][i] * walker.density[j];
      }
    }
    // F grows: where the approximation is below the start, rounding or the far tail made it so.
    for (double& value : walker.cdf_at) value = walker.cdf + std::max(0.0, value);
  }

 private:
  double half_;
  double shift_ = std::nan("");
  Nodes s_;
  Nodes log_x_{};
  Nodes log_rest_{};
};

/// Brings one arm's F from its own lower cut to `start`, where the shared panels begin.
void walk_alone(Walker& walker, double start) {
  for (double s = walker.from; s < start;) {
    const double end = std::min(start, walker.panel_end(s));
    if (!(end > s)) break;
    Panel panel(s, end);
    panel.evaluate(walker);
    walker.cdf += Panel::mass(walker);
    s = end;
  }
}

/// One panel from s on over the arms that are inside it; returns its end.
double walk_panel(std::span<Walker> walkers, double s, double ended) {
  double end = walkers.front().panel_end(s);
  for (const Walker& walker : walkers) end = std::min(end, walker.panel_end(s));
  end = std::max(end, std::nextafter(s, 2.0));
  Panel panel(s, end);
  Nodes product;
  product.fill(ended);
  for (Walker& walker : walkers) {
    panel.evaluate(walker);
    Panel::integrate(walker);
    for (std::size_t i = 0; i < kNodes; ++i) {
      // Far below what counts, and far above the denormals, which are slow.
      product[i] = product[i] < 1e-100 ? 0.0 : product[i] * walker.cdf_at[i];
    }
  }
  for (std::size_t i = 0; i < kNodes; ++i) product[i] *= rule().weight[i];
  for (Walker& walker : walkers) {
    for (std::size_t i = 0; i < kNodes; ++i) {
      walker.mass += product[i] * walker.density[i] / walker.cdf_at[i];
    }
    walker.cdf += Panel::mass(walker);
  }
  return end;
}

void integrate_in(std::span<Walker> room, std::span<const BetaArm> arms, std::span<double> out) {
  double start = -HUGE_VAL;
  for (std::size_t a = 0; a < arms.size(); ++a) {
    room[a] = Walker(arms[a], a);
    start = std::max(start, room[a].from);
  }
  std::fill(out.begin(), out.end(), 0.0);
  const auto cannot_win = [&](const Walker& walker) { return walker.to <= start; };
  std::span<Walker> inside(room.begin(), std::remove_if(room.begin(), room.end(), cannot_win));
  for (Walker& walker : inside) walk_alone(walker, start);

  double total = 0.0;
  double ended = 1.0;  // Π F of the arms that are past their upper cut.
  for (double s = start; !inside.empty();) {
    s = walk_panel(inside, s, ended);
    const auto is_past = [&](const Walker& walker) { return walker.to <= s; };
    double product = ended;
    for (const Walker& walker : inside) product *= walker.cdf;
    for (const Walker& walker : inside) {
      if (!is_past(walker)) continue;
      out[walker.index] = walker.mass + walker.upper * product / walker.cdf;
      ended *= walker.cdf + walker.upper;
      total += out[walker.index];
    }
    inside = {inside.begin(), std::remove_if(inside.begin(), inside.end(), is_past)};
  }
  assert(total > 0.9 && total < 1.1);
  for (double& p : out) p /= total;
}

}  // namespace

void beta_thompson_propensities(std::span<const BetaArm> arms, std::span<double> out) {
  assert(!arms.empty() && arms.size() == out.size());
  if (arms.size() <= kStackArms) {
    std::array<Walker, kStackArms> room;
    integrate_in(std::span(room).first(arms.size()), arms, out);
    return;
  }
  std::vector<Walker> room(arms.size());
  integrate_in(room, arms, out);
}

void distribute(const BetaThompsonOptions& options, std::span<const ArmUtility> arms,
                const PolicyContext& context, std::span<double> out) {
  if (context.value_usd == 0.0) return share_least_cost(arms, out);
  std::array<BetaArm, kStackArms> stack;
  std::vector<BetaArm> heap;
  std::span<BetaArm> room(stack);
  if (arms.size() > stack.size()) {
    heap.resize(arms.size());
    room = heap;
  }
  double highest = arms.front().shift;
  for (const ArmUtility& arm : arms) highest = std::max(highest, arm.shift);
  for (std::size_t a = 0; a < arms.size(); ++a) {
    const double good = std::clamp(arms[a].reward_sum, 0.0, kMostWeight);
    const double bad = std::clamp(arms[a].weight_sum - arms[a].reward_sum, 0.0, kMostWeight);
    // Two units below the best no draw can win; V may be as small as it likes.
    const double below = arms[a].shift - highest;
    const double shift = std::max(-2.0, below / context.value_usd);
    room[a] = {options.a0 + good, options.b0 + bad, shift};
  }
  beta_thompson_propensities(room.first(arms.size()), out);
}

}  // namespace pointsman
