#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pointsman {

/// The one of `words` that `word` most likely was meant to be: the least optimal-string-alignment
/// distance (insert, delete, replace, swap neighbours), at most a third of its length, at least 1.
/// The first of several wins. Nothing where none is near.
std::optional<std::string> nearest_word(std::string_view word,
                                        const std::vector<std::string>& words);

}  // namespace pointsman
