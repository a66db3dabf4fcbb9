#include "lab/estimators/calibration.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace pointsman::lab {
namespace {

constexpr std::size_t kBins = 10;
constexpr double kTolerance = 0.03;

CalibrationBin bin_of(std::span<const Prediction> predictions, std::size_t repeats) {
  const auto n = static_cast<double>(predictions.size());
  CalibrationBin bin;
  bin.count = predictions.size();
  for (const Prediction& one : predictions) {
    bin.expected += static_cast<double>(one.expected) / n;
    bin.outcome += static_cast<double>(one.outcome) / n;
  }
  const double bias = bin.outcome - bin.expected;
  double squares = 0.0;
  for (const Prediction& one : predictions) {
    const double residual = static_cast<double>(one.outcome) - static_cast<double>(one.expected);
    squares += (residual - bias) * (residual - bias);
  }
  bin.se = std::sqrt(squares / n * static_cast<double>(repeats) / n);
  bin.ok = std::abs(bias) <= std::max(kTolerance, 2.0 * bin.se);
  return bin;
}

}  // namespace

std::vector<CalibrationBin> calibrate(std::span<const Prediction> predictions,
                                      std::size_t repeats) {
  assert(repeats > 0);
  std::vector<Prediction> sorted(predictions.begin(), predictions.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const Prediction& a, const Prediction& b) {
    return a.expected < b.expected;
  });
  const std::size_t bins = std::min(kBins, sorted.size());
  std::vector<CalibrationBin> table;
  for (std::size_t i = 0; i < bins; ++i) {
    const std::size_t from = sorted.size() * i / bins;
    const std::size_t to = sorted.size() * (i + 1) / bins;
    table.push_back(bin_of(std::span(sorted).subspan(from, to - from), repeats));
  }
  return table;
}

}  // namespace pointsman::lab
