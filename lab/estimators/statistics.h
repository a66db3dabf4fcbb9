#pragma once

#include <span>

namespace pointsman::lab {

/// Of a sample: sd with n − 1, se = sd/√n; both 0 for one value.
struct Summary {
  double mean = 0.0;
  double sd = 0.0;
  double se = 0.0;
};

/// Precondition: at least one value.
Summary summarise(std::span<const double> values);

/// A mean with its two-sided 95% Student interval; the interval is (−∞, ∞) for one value.
struct Interval {
  double mean = 0.0;
  double low = 0.0;
  double high = 0.0;
};

/// Over `differences`, one an independent run. Precondition: at least one.
Interval student_interval(std::span<const double> differences);

}  // namespace pointsman::lab
