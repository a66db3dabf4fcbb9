#pragma once

#include <limits>
#include <string>

namespace pointsman {

/// The finite numbers that something may be set to. A configuration file, a request body, a policy
/// spec and a log are all held to a range by holds(), and name it by text().
struct NumberRange {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool above_min = false;  ///< True: min itself lies outside.

  /// False for NaN and for the infinities, whatever the bounds.
  bool holds(double value) const;

  /// What a number has to be, to follow "This must be": "a number from 0 to 1", "a number of at
  /// least 0", "a number more than 0 and at most 1", "a finite number".
  std::string text() const;

  /// The range in as few signs as a table has room for: "0 to 1", "≥ 0", "> 0, ≤ 1", "any".
  std::string short_text() const;
};

inline constexpr NumberRange kPositive = {.min = 0.0, .above_min = true};
inline constexpr NumberRange kNotNegative = {.min = 0.0};
inline constexpr NumberRange kUnitInterval = {.min = 0.0, .max = 1.0};

}  // namespace pointsman
