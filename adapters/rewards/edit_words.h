#pragma once

#include <span>

#include "adapters/rewards/edit_tokens.h"

namespace pointsman {

/// Marks the words that make a number an amount or a date (EUR, %, November; weekdays by
/// themselves) as critical. English, German, French, Spanish, Italian, Dutch, Portuguese.
void mark_amounts_and_dates(std::span<EditToken> tokens);

/// Marks the words that say no, in the languages above and in Russian, Polish, Arabic, Hebrew,
/// Chinese, Japanese and Korean.
void mark_negations(std::span<EditToken> tokens);

}  // namespace pointsman
