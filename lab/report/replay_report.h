#pragma once

#include <string>
#include <vector>

#include "lab/replay/replay.h"

namespace pointsman::lab {

/// What the replay says, in one or two plain sentences: with a budget how the policy did beside the
/// best mix of two fixed arms within it, else beside the best fixed arm, and which of the two to
/// prefer on this data. A difference counts where its 95% interval, paired by seed, excludes 0.
std::string verdict_of(const ReplayResult& result);

/// The indices of the arms, the best fixed arm first.
std::vector<std::size_t> arms_best_first(const ReplayResult& result);

/// A table for a person, 100 columns wide: the policy beside its baselines, and the verdict.
std::string render_table(const std::vector<ReplayResult>& results);

/// One object for one result, else an array; the keys are those of `replay --format json` in the
/// project's contract, with a few more. Ends in a line end.
std::string render_json(const std::vector<ReplayResult>& results);

/// One page that needs nothing else, light or dark as the reader's system is: of each result the
/// verdict, the charts (lab/report/replay_charts.h) and the table.
std::string render_html(const std::vector<ReplayResult>& results);

/// The mean score of the rounds so far, averaged over the seeds, at `points` evenly spaced rounds
/// (fewer where there are fewer rounds), the last round included.
struct CurvePoint {
  std::size_t round = 0;  ///< From 1.
  double mean_reward = 0.0;
};
std::vector<CurvePoint> learning_curve(const ReplayResult& result, std::size_t points);

/// Mean time of a decide() and of what follows it (append, fold, publish), in microseconds.
struct ReplayTimes {
  double decision_us = 0.0;
  double update_us = 0.0;
};
ReplayTimes times_of(const ReplayResult& result);

}  // namespace pointsman::lab
