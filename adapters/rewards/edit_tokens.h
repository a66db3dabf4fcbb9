#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pointsman {

/// What a token is to a reader who checks facts.
enum class TokenKind : std::uint8_t {
  plain,     ///< A word, a punctuation mark, a symbol, one CJK character.
  critical,  ///< A number, date, amount, URL, e-mail address or order id.
  negation,  ///< "not", "don't", "nicht", "pas", "не", "不", …
};

struct EditToken {
  std::string_view text;  ///< Into the text that was tokenised.
  TokenKind kind = TokenKind::plain;
};

/// The text as the edit reward compares it: Unicode NFC, the quoted thread and the signature cut,
/// each run of white space one space, none at the ends; case kept. Bytes that are not UTF-8 become
/// U+FFFD.
///
/// Cut are: lines that start with ">"; an attribution line ("On … wrote:", "Am … schrieb …:",
/// "Le … a écrit :", "El … escribió:") that a quoted line follows, alone, or that holds a digit or
/// an @ and nothing quoted after it, with all that follows; "-----Original Message-----" with all
/// that follows; the signature mark "-- " (RFC 3676, section 4.3) with all that follows.
std::string normalise_for_edit(std::string_view text);

/// Cuts a normalised text into tokens, in order: words (letters and marks, with inner apostrophes),
/// numbers and dates with their separators, order ids (letters and digits together, inner hyphens,
/// a # in front of digits), URLs, e-mail addresses, and each other character by itself. Characters
/// of scripts written without spaces (Han, kana, Thai, Lao, Khmer, Myanmar) are a token each.
/// The views point into `normalised`. Linear in the bytes.
std::vector<EditToken> tokenise_for_edit(std::string_view normalised);

}  // namespace pointsman
