#pragma once

#include <cstddef>
#include <string_view>

#include "engine/values/result.h"
#include "engine/values/values.h"

namespace pointsman {

/// What an operator was shown and what was sent.
struct Edit {
  std::string_view draft;
  std::string_view final_text;
};

/// How an edit looks before it is a reward.
struct EditMeasure {
  std::size_t draft_tokens = 0;
  std::size_t final_tokens = 0;
  std::size_t kept_tokens = 0;  ///< Length of the longest common subsequence.
  bool critical = false;        ///< A fact was changed or lost, or a negation changed.
  bool identical = false;       ///< The same text after normalising.
};

/// Longest text in tokens that an edit may have; longer is an error, not a guess.
inline constexpr std::size_t kMaxEditTokens = 32'768;

/// Compares two texts after normalise_for_edit(), token by token (edit_tokens.h).
///
/// kept is the longest common subsequence by bit vectors (Crochemore, Iliopoulos, Pinzon & Reid
/// 2001; Hyyrö 2004), after common ends are set aside: O(n·m/64) time.
/// critical is judged by counts: each number, date, amount, URL, e-mail address and order id of the
/// draft must be in the final text as often, and each negation exactly as often. Two facts that
/// trade places are therefore not seen.
/// Errors: `invalid` at "/payload/draft" or "/payload/final" beyond kMaxEditTokens.
Result<EditMeasure> measure_edit(const Edit& edit);

/// r = clamp(.15 + .75·kept·min(1, 2|draft|/|final|) − .10·add − .35·crit, .05, .90), with
/// kept = LCS/|draft| and add = max(0, |final| − |draft|)/|final|, at confidence .9. An edit that
/// changed nothing is worth an approval, 1. An empty draft says nothing: confidence 0.
/// Source: docs/MATH.md, "Edit reward". Errors as measure_edit().
Result<Reward> edit_reward(const Edit& edit);

}  // namespace pointsman
