#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lab/data/data_set.h"

namespace pointsman::lab {

/// What a row's arm is worth: quality, or with `value_usd` V quality − cost/V. An arm is on offer
/// in a row where its quality is known and, with V, its cost too.
struct ScoreRule {
  std::optional<double> value_usd;
};

struct Cell {
  std::size_t row = 0;
  std::size_t arm = 0;
};

/// The score of one arm in one row; NaN where the arm is not on offer there.
double score_of(const DataSet& data, Cell cell, const ScoreRule& rule);

/// What needs no learning, over the same rows as a policy. All scores are means a row.
struct Baselines {
  struct Fixed {
    double score = 0.0;
    double cost_usd = 0.0;  ///< Mean over the rows whose cost is known; NaN: never known.
  };
  double random = 0.0;       ///< Uniform over the arms on offer.
  double oracle = 0.0;       ///< The best arm of every row, in hindsight.
  std::vector<Fixed> fixed;  ///< One an arm. Where it is not on offer: uniform, as fixed:ARM does.
};

/// Precondition: `rows` is not empty and each of them has an arm on offer.
Baselines baselines_over(const DataSet& data, std::span<const std::uint32_t> rows,
                         const ScoreRule& rule);

/// The arm that is best on average in hindsight.
std::size_t best_fixed_arm(const Baselines& baselines);

/// The best mean score of any mix of two fixed arms (or one) that costs at most `spend_usd` a call:
/// the "zero router" of Hu et al. 2024 (RouterBench), which looks at no prompt. Nothing where an
/// arm's cost is unknown or no arm is that cheap.
std::optional<double> best_mix_at(const Baselines& baselines, double spend_usd);

}  // namespace pointsman::lab
