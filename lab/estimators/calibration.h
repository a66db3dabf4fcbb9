#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace pointsman::lab {

/// What a router expected of the arm it chose, and what came.
struct Prediction {
  float expected = 0.0F;
  float outcome = 0.0F;
};

/// The predictions of one decile, least first.
struct CalibrationBin {
  std::size_t count = 0;
  double expected = 0.0;  ///< Mean prediction.
  double outcome = 0.0;   ///< Mean outcome.
  double se = 0.0;        ///< Standard error of outcome less prediction.
  bool ok = false;        ///< |outcome − expected| ≤ max(.03, 2·se).
};

/// Ten bins of as equal size as can be by predicted mean (fewer where there are fewer predictions).
/// `repeats`: how many runs over the same rows the predictions come from. The standard error is
/// that of one run: the same row in another run is no new evidence.
/// Preconditions: repeats ≥ 1.
std::vector<CalibrationBin> calibrate(std::span<const Prediction> predictions, std::size_t repeats);

}  // namespace pointsman::lab
