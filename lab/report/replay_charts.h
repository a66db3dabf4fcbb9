#pragma once

#include <string>
#include <string_view>

#include "lab/replay/replay.h"

namespace pointsman::lab {

/// A number with this many digits after the point.
struct Digits {
  int count = 4;
};

/// The number as text; an en dash where it is not finite. A negative one has a minus sign (U+2212).
std::string html_number(double value, Digits digits = {});

/// The text with `&`, `<`, `>` and `"` as entities, for an element's content or an attribute.
std::string html_escaped(std::string_view text);

/// An SVG of the mean reward so far by round, averaged over the seeds, with level lines for the
/// oracle, the best fixed arm, the best mix at the policy's spend where one is known, and a random
/// choice. Its classes (`curve`, `level`, `name`) are styled by the page.
std::string learning_chart(const ReplayResult& result);

/// An SVG of mean reward by mean dollars a call, on a logarithmic scale: each fixed arm, the line
/// of the best mixes of two of them, and the policy. Empty where an arm's cost is unknown or 0, or
/// where all arms cost the same, because the scale then says nothing.
std::string cost_chart(const ReplayResult& result);

}  // namespace pointsman::lab
