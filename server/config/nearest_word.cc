#include "server/config/nearest_word.h"

#include <algorithm>
#include <cstddef>

namespace pointsman {
namespace {

std::size_t distance(std::string_view a, std::string_view b) {
  // before, last and row are rows i−2, i−1 and i of the table of prefix distances.
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::string> nearest_word(std::string_view word,
                                        const std::vector<std::string>& words) {
  // A name that long is no slip, and the table would cost its square.
  constexpr std::size_t kLongest = 64;
  if (word.size() > kLongest) return std::nullopt;
  std::optional<std::string> nearest;
  std::size_t least = 0;
  for (const std::string& candidate : words) {
    const std::size_t found = distance(word, candidate);
    if (found > std::max<std::size_t>(1, candidate.size() / 3)) continue;
    if (nearest && found >= least) continue;
    nearest = candidate;
    least = found;
  }
  return nearest;
}

}  // namespace pointsman
