#include "lab/estimators/baselines.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace pointsman::lab {
namespace {

struct Mean {
  double sum = 0.0;
  std::size_t count = 0;
  void add(double value) {
    sum += value;
    ++count;
  }
  double value() const {
    return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count);
  }
};

}  // namespace

double score_of(const DataSet& data, Cell cell, const ScoreRule& rule) {
  const double quality = data.quality_of(cell.row)[cell.arm];
  if (!rule.value_usd) return quality;
  return quality - data.cost_of(cell.row)[cell.arm] / *rule.value_usd;
}

Baselines baselines_over(const DataSet& data, std::span<const std::uint32_t> rows,
                         const ScoreRule& rule) {
  assert(!rows.empty());
  const std::size_t k = data.arms.size();
  Mean random;
  Mean oracle;
  std::vector<Mean> fixed(k);
  std::vector<Mean> cost(k);
  std::vector<double> scores(k);
  for (const std::uint32_t row : rows) {
    Mean offered;
    double best = -std::numeric_limits<double>::infinity();
    for (std::size_t a = 0; a < k; ++a) {
      scores[a] = score_of(data, {row, a}, rule);
      const double dollars = data.cost_of(row)[a];
      if (!std::isnan(dollars)) cost[a].add(dollars);
      if (std::isnan(scores[a])) continue;
      offered.add(scores[a]);
      best = std::max(best, scores[a]);
    }
    assert(offered.count > 0);
    random.add(offered.value());
    oracle.add(best);
    for (std::size_t a = 0; a < k; ++a) {
      fixed[a].add(std::isnan(scores[a]) ? offered.value() : scores[a]);
    }
  }
  Baselines baselines{random.value(), oracle.value(), {}};
  for (std::size_t a = 0; a < k; ++a) {
    baselines.fixed.push_back({fixed[a].value(), cost[a].value()});
  }
  return baselines;
}

std::size_t best_fixed_arm(const Baselines& baselines) {
  const auto best =
      std::max_element(baselines.fixed.begin(), baselines.fixed.end(),
                       [](const auto& a, const auto& b) { return a.score < b.score; });
  return static_cast<std::size_t>(best - baselines.fixed.begin());
}

std::optional<double> best_mix_at(const Baselines& baselines, double spend_usd) {
  std::optional<double> best;
  if (std::isnan(spend_usd)) return best;
  const auto consider = [&](double score) { best = std::max(best.value_or(score), score); };
  for (const Baselines::Fixed& arm : baselines.fixed) {
    if (std::isnan(arm.cost_usd)) return std::nullopt;
    if (arm.cost_usd > spend_usd) continue;
    consider(arm.score);
    // A mix with a dearer arm, in the share that spends exactly the limit.
    for (const Baselines::Fixed& dearer : baselines.fixed) {
      if (!(dearer.cost_usd > spend_usd)) continue;
      const double share = (spend_usd - arm.cost_usd) / (dearer.cost_usd - arm.cost_usd);
      consider(arm.score + share * (dearer.score - arm.score));
    }
  }
  return best;
}

}  // namespace pointsman::lab
