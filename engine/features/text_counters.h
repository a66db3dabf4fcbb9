#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace pointsman {

/// The text counters, in the order in which count_text writes them. `log_` is ln(1 + n) of a count,
/// `share_` a part of a whole in [0, 1], `is_` 0 or 1.
inline constexpr std::array kTextCounterNames = {
    std::string_view("log_characters"),   // Code points.
    std::string_view("log_words"),        // Runs of letters.
    std::string_view("log_numbers"),      // Runs of digits.
    std::string_view("log_newlines"),     //
    std::string_view("log_blank_lines"),  // Two newlines with only white space between.
    std::string_view("log_sentences"),    // . ! ? before white space or the end.
    std::string_view("log_words_per_sentence"),
    std::string_view("log_mean_word_length"),
    std::string_view("log_longest_word"),
    std::string_view("share_distinct_words"),  // Approximate, by a bit set of 1,024.
    std::string_view("share_capitals"),        // Of letters.
    std::string_view("share_digits"),          // Of characters.
    std::string_view("share_non_ascii"),       // Of characters.
    std::string_view("share_punctuation"),     // Symbols of all characters.
    std::string_view("share_function_words"),  // the, of, is, … of words.
    std::string_view("log_question_marks"),    //
    std::string_view("log_question_words"),    // what, why, how, which, …
    std::string_view("is_question_first"),     // The first word is one of these.
    std::string_view("log_task_verbs"),        // write, list, find, calculate, …
    std::string_view("log_reasoning_words"),   // explain, prove, "step by step", …
    std::string_view("log_quantity_words"),    // many, each, total, percent, …
    std::string_view("log_logic_words"),       // true, false, statement, if, therefore, …
    std::string_view("log_negations"),         // not, never, except, n't, …
    std::string_view("log_person_words"),      // I, you, she, my, …
    std::string_view("log_options"),           // "A." at the start of a line, "(A)" anywhere.
    std::string_view("log_list_items"),        // "- ", "* ", "1." at the start of a line.
    std::string_view("log_blanks"),            // Runs of two underscores or more.
    std::string_view("log_quotes"),            // Double quotation marks and backticks.
    std::string_view("log_maths_signs"),       // = + ^ < > * / | % and the like.
    std::string_view("log_latex_marks"),       // \name and $.
    std::string_view("log_code_marks"),        // { } [ ] ; # and :: -> => != ==
    std::string_view("log_code_words"),        // def, return, import, include, const, …
    std::string_view("log_urls"),              // http://, https://, www.
};

inline constexpr std::size_t kTextCounterCount = kTextCounterNames.size();

/// Writes kTextCounterCount floats, all finite for any bytes, valid UTF-8 or not. One pass, no
/// allocation, thread-safe. The words it knows are English; for other languages those counters
/// stay at 0 and the rest still speak.
void count_text(std::string_view text, std::span<float> out);

}  // namespace pointsman
