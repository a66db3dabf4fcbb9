#pragma once

#include <string>
#include <vector>

#include "lab/replay/replay.h"

namespace pointsman::lab {

/// For a person, 100 columns: the policy beside its baselines.
std::string render_table(const std::vector<ReplayResult>& results);

/// One object for one result, else an array; the keys are those of `replay --format json` in the
/// project's contract, with a few more. Ends in a line end.
std::string render_json(const std::vector<ReplayResult>& results);

/// One page that needs nothing else: the table of each result and its learning curve as SVG.
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
