#include "engine/features/text_counters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/features/text_scan.h"

namespace pointsman {
namespace {

using Counters = std::array<float, kTextCounterCount>;

Counters counters_of(std::string_view text) {
  Counters out;
  out.fill(std::nanf(""));
  count_text(text, out);
  return out;
}

float counter(std::string_view text, std::string_view name) {
  const auto at = std::find(kTextCounterNames.begin(), kTextCounterNames.end(), name);
  if (at == kTextCounterNames.end()) {
    ADD_FAILURE() << "no counter is called " << name;
    return std::nanf("");
  }
  return counters_of(text)[static_cast<std::size_t>(at - kTextCounterNames.begin())];
}

/// n where `name` holds ln(1 + n).
int count(std::string_view text, std::string_view name) {
  return static_cast<int>(std::lround(std::expm1(counter(text, name))));
}

TEST(TextCounters, HaveNamesThatDiffer) {
  const std::set<std::string_view> names(kTextCounterNames.begin(), kTextCounterNames.end());
  EXPECT_EQ(names.size(), kTextCounterCount);
}

TEST(TextCounters, AreAllZeroForNoText) {
  for (const float value : counters_of("")) EXPECT_EQ(value, 0.0F);
}

TEST(TextCounters, MeasureLengthInCharactersWordsAndSentences) {
  const std::string text = "The café is open. Is it? Yes, 24 hours!";
  EXPECT_EQ(count(text, "log_characters"), 39);
  EXPECT_EQ(count(text, "log_words"), 8);
  EXPECT_EQ(count(text, "log_numbers"), 1);
  EXPECT_EQ(count(text, "log_sentences"), 3);
  EXPECT_EQ(count(text, "log_longest_word"), 5);
  EXPECT_FLOAT_EQ(counter(text, "log_words_per_sentence"), std::log1p(8.0F / 3.0F));
  EXPECT_FLOAT_EQ(counter(text, "log_mean_word_length"), std::log1p(25.0F / 8.0F));
  EXPECT_FLOAT_EQ(counter(text, "share_capitals"), 3.0F / 25.0F);
  EXPECT_FLOAT_EQ(counter(text, "share_digits"), 2.0F / 39.0F);
  EXPECT_FLOAT_EQ(counter(text, "share_non_ascii"), 1.0F / 39.0F);
}

TEST(TextCounters, SeeADecimalPointAsNoEndOfASentence) {
  EXPECT_EQ(count("Pi is 3.14159 here.", "log_sentences"), 1);
}

TEST(TextCounters, CountOptionListsOfBothKinds) {
  EXPECT_EQ(count("Pick one:\nA. red\nB. blue\n  C) green\nD: none", "log_options"), 4);
  EXPECT_EQ(count("Choices: (A) Mars, (B) Venus, (C) Earth", "log_options"), 3);
  EXPECT_EQ(count("Vitamin A. is one; see plan B.", "log_options"), 0);
}

TEST(TextCounters, CountBulletsAndNumberedLines) {
  EXPECT_EQ(count("- one\n* two\n3. three\n4) four\n5 five -x", "log_list_items"), 4);
}

TEST(TextCounters, CountBlanksToBeFilledAsRuns) {
  EXPECT_EQ(count("encourage _________, cause ________ or __; a_b", "log_blanks"), 3);
}

TEST(TextCounters, KnowQuestions) {
  EXPECT_EQ(counter("Which is it?", "is_question_first"), 1.0F);
  EXPECT_EQ(counter("It is which?", "is_question_first"), 0.0F);
  EXPECT_EQ(count("WHAT? How? And why??", "log_question_words"), 3);
  EXPECT_EQ(count("WHAT? How? And why??", "log_question_marks"), 4);
}

TEST(TextCounters, FindNegationsInsideContractions) {
  EXPECT_EQ(count("It isn't so, and it's NOT without reason.", "log_negations"), 3);
  EXPECT_EQ(count("the letter 't and t", "log_negations"), 0);
}

TEST(TextCounters, WeighStepByStepAboveAStep) {
  EXPECT_EQ(count("a step", "log_reasoning_words"), 1);
  EXPECT_EQ(count("think step by step", "log_reasoning_words"), 4);
}

TEST(TextCounters, TellCodeFromMathsFromProse) {
  const std::string code = "def f(x):\n    return [x for x in std::begin(x)];";
  EXPECT_EQ(count(code, "log_code_words"), 2);
  EXPECT_EQ(count(code, "log_code_marks"), 4);
  EXPECT_EQ(count("Find $x$ with \\frac{a}{b} = x^2 + 1.", "log_latex_marks"), 3);
  EXPECT_EQ(count("Find $x$ with \\frac{a}{b} = x^2 + 1.", "log_maths_signs"), 3);
  EXPECT_EQ(count("Dear Anna, thanks for writing.", "log_code_marks"), 0);
}

TEST(TextCounters, CountAnAddressOnce) {
  EXPECT_EQ(count("See http://www.example.org and www.example.com, not http.", "log_urls"), 2);
}

TEST(TextCounters, CountQuotesLinesAndParagraphs) {
  EXPECT_EQ(count("say \"hi\" to `x`", "log_quotes"), 4);
  EXPECT_EQ(count("a\n\n \nb\nc", "log_newlines"), 4);
  EXPECT_EQ(count("a\n\n \nb\nc", "log_blank_lines"), 2);
}

TEST(TextCounters, SeeRepetition) {
  EXPECT_FLOAT_EQ(counter("one two three four", "share_distinct_words"), 1.0F);
  EXPECT_FLOAT_EQ(counter("ha ha ha ha", "share_distinct_words"), 0.25F);
}

TEST(TextCounters, StayFiniteAndInRangeForAnyBytes) {
  std::uint64_t state = 7;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes(static_cast<std::size_t>(round % 97), '\0');
    for (char& c : bytes) {
      state = token_pair_hash(state, 1);
      // High bytes three times out of four: lead bytes and continuations in every wrong order.
      c = static_cast<char>((state & 0xffU) | ((state & 0x300U) != 0 ? 0x80U : 0U));
    }
    const Counters values = counters_of(bytes);
    for (std::size_t k = 0; k < kTextCounterCount; ++k) {
      ASSERT_TRUE(std::isfinite(values[k]) && values[k] >= 0.0F) << kTextCounterNames[k];
      const bool is_log = kTextCounterNames[k].starts_with("log_");
      ASSERT_TRUE(is_log || values[k] <= 1.0F) << kTextCounterNames[k];
    }
  }
}

struct Spans {
  std::size_t next = 0;
  bool gapless = true;
  std::string kinds;
  void take(const Token& token, char kind) {
    gapless = gapless && token.begin == next && token.end > token.begin;
    next = token.end;
    kinds += kind;
  }
  void word(const Token& token) { take(token, 'w'); }
  void number(const Token& token) { take(token, 'n'); }
  void symbol(const Token& token) { take(token, 's'); }
  void space(char) {
    ++next;
    kinds += ' ';
  }
};

TEST(TextScan, CutsWordsNumbersAndSymbolsOfSeveralScripts) {
  Spans spans;
  scan_text("Café Привет 42x 漢字°!", spans);
  EXPECT_EQ(spans.kinds, "w w nw ssss");
}

TEST(TextScan, CoversEveryByteOnceWhereUtf8IsBroken) {
  for (const std::string bytes : {"\xc3", "a\xc3", "\xe2\x82", "\xf0\x9f\x98", "\x80\x80", "\xff",
                                  "\xc3(", "\xe2(\xa1", "abc\xf0(\x8c\xbc", "\xc2"}) {
    Spans spans;
    scan_text(bytes, spans);
    EXPECT_TRUE(spans.gapless);
    EXPECT_EQ(spans.next, bytes.size());
  }
}

TEST(TextScan, HashesAWordAlikeInBothCases) {
  struct Hashes {
    std::vector<std::uint64_t> seen;
    void word(const Token& token) { seen.push_back(token.hash); }
    void number(const Token&) {}
    void symbol(const Token&) {}
    void space(char) {}
  } hashes;
  scan_text("Route rOUTE route router", hashes);
  ASSERT_EQ(hashes.seen.size(), 4U);
  EXPECT_EQ(hashes.seen[0], token_hash("route"));
  EXPECT_EQ(hashes.seen[1], hashes.seen[0]);
  EXPECT_EQ(hashes.seen[2], hashes.seen[0]);
  EXPECT_NE(hashes.seen[3], hashes.seen[0]);
}

}  // namespace
}  // namespace pointsman
