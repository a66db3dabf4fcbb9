#include "lab/estimators/statistics.h"

#include <boost/math/distributions/students_t.hpp>
#include <cassert>
#include <cmath>
#include <limits>

namespace pointsman::lab {

Summary summarise(std::span<const double> values) {
  assert(!values.empty());
  const auto n = static_cast<double>(values.size());
  Summary summary;
  for (const double value : values) summary.mean += value / n;
  if (values.size() < 2) return summary;
  double squares = 0.0;
  for (const double value : values) squares += (value - summary.mean) * (value - summary.mean);
  summary.sd = std::sqrt(squares / (n - 1.0));
  summary.se = summary.sd / std::sqrt(n);
  return summary;
}

Interval student_interval(std::span<const double> differences) {
  const Summary summary = summarise(differences);
  if (differences.size() < 2) {
    const double infinity = std::numeric_limits<double>::infinity();
    return {summary.mean, -infinity, infinity};
  }
  const boost::math::students_t student(static_cast<double>(differences.size() - 1));
  const double half = boost::math::quantile(student, 0.975) * summary.se;
  return {summary.mean, summary.mean - half, summary.mean + half};
}

}  // namespace pointsman::lab
