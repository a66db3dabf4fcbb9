#include "engine/values/number_range.h"

#include <cmath>

#include "engine/values/number_text.h"

namespace pointsman {

bool NumberRange::holds(double value) const {
  return std::isfinite(value) && value <= max && (above_min ? value > min : value >= min);
}

std::string NumberRange::text() const {
  const bool has_min = std::isfinite(min);
  const bool has_max = std::isfinite(max);
  if (!has_min && !has_max) return "a finite number";
  if (!has_min) return "a number of at most " + number_text(max);
  if (above_min) {
    const std::string low = "a number more than " + number_text(min);
    return has_max ? low + " and at most " + number_text(max) : low;
  }
  return has_max ? "a number from " + number_text(min) + " to " + number_text(max)
                 : "a number of at least " + number_text(min);
}

std::string NumberRange::short_text() const {
  const bool has_min = std::isfinite(min);
  const bool has_max = std::isfinite(max);
  if (has_min && has_max && !above_min) return number_text(min) + " to " + number_text(max);
  std::string text;
  if (has_min) text = (above_min ? "> " : "≥ ") + number_text(min);
  if (has_max) text += (has_min ? ", ≤ " : "≤ ") + number_text(max);
  return text.empty() ? "any" : text;
}

}  // namespace pointsman
