#include "engine/features/text_counters.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstdint>

#include "engine/features/text_scan.h"

namespace pointsman {
namespace {

/// What a known word counts for; a bit each.
enum WordClass : std::uint16_t {
  kFunction = 1,
  kQuestion = 2,
  kTask = 4,
  kReasoning = 8,
  kQuantity = 16,
  kLogic = 32,
  kNegation = 64,
  kPerson = 128,
  kCode = 256,
  kUrl = 512,
};
constexpr std::size_t kWordClasses = 10;

struct WordList {
  std::uint16_t word_class;
  std::string_view words;  ///< Lower case, parted by single blanks.
};

constexpr std::array kWordLists = {
    WordList{kFunction,
             "the of and a to in is that for it as was with be by on are this or from at an which "
             "has have had were but can will would should if than then its his her their"},
    WordList{kQuestion, "what why how which who whom whose when where"},
    WordList{kTask,
             "write list find calculate compute determine give describe summarize summarise "
             "translate solve create generate classify identify complete choose select evaluate "
             "simplify rewrite implement design compare"},
    WordList{kReasoning,
             "explain explanation reason reasoning justify prove proof show derive why because "
             "step steps think argue analyze analyse"},
    WordList{kQuantity,
             "many much each total more less per percent twice half times average every number sum "
             "cost costs dollars hours minutes days years remaining left altogether"},
    WordList{kLogic,
             "true false statement statements if then all some none implies therefore hence only "
             "every valid invalid premise conclusion"},
    WordList{kNegation, "not no never none nor cannot without except neither incorrect false"},
    WordList{kPerson, "i you he she we they my your his her our me us him"},
    WordList{kCode,
             "def return import include const void elif lambda println printf public static struct "
             "func async await nullptr null int str bool var function class python java "
             "javascript sql array string assert code"},
    WordList{kUrl, "http https www"},
};

constexpr std::size_t kWordSlots = 1024;

struct KnownWord {
  std::uint64_t hash = 0;
  std::uint16_t classes = 0;
};

/// Open addressing by the hash's low bits; classes 0 marks an empty slot. A word in two lists has
/// both bits.
constexpr std::array<KnownWord, kWordSlots> make_known_words() {
  std::array<KnownWord, kWordSlots> slots{};
  for (const WordList& list : kWordLists) {
    std::size_t begin = 0;
    while (begin < list.words.size()) {
      const std::size_t end = std::min(list.words.find(' ', begin), list.words.size());
      const std::uint64_t hash = token_hash(list.words.substr(begin, end - begin));
      std::size_t slot = hash % kWordSlots;
      while (slots[slot].classes != 0 && slots[slot].hash != hash) slot = (slot + 1) % kWordSlots;
      slots[slot].hash = hash;
      slots[slot].classes = static_cast<std::uint16_t>(slots[slot].classes | list.word_class);
      begin = end + 1;
    }
  }
  return slots;
}

constexpr std::array<KnownWord, kWordSlots> kKnownWords = make_known_words();
constexpr std::uint64_t kWordBy = token_hash("by");
constexpr std::uint64_t kWordStep = token_hash("step");
constexpr std::uint64_t kWordWww = token_hash("www");
constexpr std::uint64_t kWordT = token_hash("t");

std::uint16_t classes_of(std::uint64_t hash) {
  std::size_t slot = hash % kWordSlots;
  while (kKnownWords[slot].classes != 0) {
    if (kKnownWords[slot].hash == hash) return kKnownWords[slot].classes;
    slot = (slot + 1) % kWordSlots;
  }
  return 0;
}

/// What a symbol counts for; a bit each.
enum SymbolClass : std::uint8_t { kMaths = 1, kCodeMark = 2, kQuote = 4, kStop = 8, kBullet = 16 };

constexpr std::array<std::uint8_t, 256> make_symbol_classes() {
  std::array<std::uint8_t, 256> classes{};
  const auto add = [&classes](std::string_view symbols, std::uint8_t bit) {
    for (const char c : symbols) {
      auto& entry = classes[static_cast<unsigned char>(c)];
      entry = static_cast<std::uint8_t>(entry | bit);
    }
  };
  add("=+^<>*/|%", kMaths);
  add("{}[];#", kCodeMark);
  add("\"`", kQuote);
  add(".!?", kStop);
  add("-*", kBullet);
  return classes;
}

constexpr std::array<std::uint8_t, 256> kSymbolClasses = make_symbol_classes();

bool two_byte_operator(char first, char second) {
  return (first == ':' && second == ':') || (second == '>' && (first == '-' || first == '=')) ||
         (second == '=' && (first == '!' || first == '='));
}

class Tally final {
 public:
  explicit Tally(std::string_view text) : text_(text) {}

  void word(const Token& token) {
    start_of_token(token);
    ++words_;
    letters_ += token.characters;
    capitals_ += token.capitals;
    non_ascii_ += static_cast<std::uint32_t>(token.end - token.begin) - token.characters;
    longest_word_ = std::max(longest_word_, token.characters);
    distinct_[(token.hash >> 6) & 15U] |= 1ULL << (token.hash & 63U);

    const std::uint16_t classes = classes_of(token.hash);
    for (std::size_t k = 0; k < kWordClasses; ++k) known_[k] += (classes >> k) & 1U;
    if (words_ == 1) question_first_ = (classes & kQuestion) != 0;
    // "step by step" weighs more than a lone "step"; "n't" is the negation its word hides.
    if (token.hash == kWordStep && last_word_ == kWordBy) ++step_by_step_;
    if (token.hash == kWordT && token.begin > 1 && text_[token.begin - 1] == '\'' &&
        (text_[token.begin - 2] | 0x20) == 'n') {
      ++contracted_negations_;
    }
    if ((classes & kUrl) != 0) urls_ += starts_url(token) ? 1U : 0U;
    if (token.characters == 1 && token.capitals == 1) options_ += is_option(token) ? 1U : 0U;
    last_word_ = token.hash;
    end_of_token();
  }

  void number(const Token& token) {
    start_of_token(token);
    ++numbers_;
    digits_ += token.characters;
    if (at_line_start_) {
      const char after = byte_at(token.end);
      list_items_ += after == '.' || after == ')' ? 1U : 0U;
    }
    end_of_token();
  }

  void symbol(const Token& token) {
    start_of_token(token);
    ++symbols_;
    if (token.end - token.begin > 1 || (text_[token.begin] & 0x80) != 0) {
      ++non_ascii_;
      end_of_token();
      return;
    }
    const char c = text_[token.begin];
    const char next = byte_at(token.end);
    const std::uint8_t classes = kSymbolClasses[static_cast<unsigned char>(c)];
    maths_ += (classes & kMaths) != 0 ? 1U : 0U;
    code_marks_ += (classes & kCodeMark) != 0 || two_byte_operator(c, next) ? 1U : 0U;
    quotes_ += (classes & kQuote) != 0 ? 1U : 0U;
    question_marks_ += c == '?' ? 1U : 0U;
    if ((classes & kStop) != 0) sentences_ += next == '\0' || is_space(next) ? 1U : 0U;
    if ((classes & kBullet) != 0 && at_line_start_) list_items_ += next == ' ' ? 1U : 0U;
    latex_ += c == '$' || (c == '\\' && is_letter(next)) ? 1U : 0U;
    if (c == '_') {
      const bool first = token.begin == 0 || text_[token.begin - 1] != '_';
      blanks_ += first && next == '_' ? 1U : 0U;
    }
    end_of_token();
  }

  void space(char c) {
    ++characters_;
    if (c != '\n') return;
    ++newlines_;
    blank_lines_ += at_line_start_ && newlines_ > 1 ? 1U : 0U;
    at_line_start_ = true;
  }

  void write(std::span<float> out) const;

 private:
  static bool is_space(char c) { return static_cast<unsigned char>(c) <= 0x20; }
  static bool is_letter(char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; }
  /// '\0' past the end.
  char byte_at(std::size_t at) const { return at < text_.size() ? text_[at] : '\0'; }

  void start_of_token(const Token& token) { characters_ += token.characters; }
  void end_of_token() { at_line_start_ = false; }

  /// "http://…", or a "www." of its own: the one inside "http://www." is the same address.
  bool starts_url(const Token& token) const {
    if (token.hash != kWordWww) return text_.substr(token.end, 3) == "://";
    return byte_at(token.end) == '.' && (token.begin == 0 || text_[token.begin - 1] != '/');
  }
  bool is_option(const Token& token) const {
    const char after = byte_at(token.end);
    if (token.begin > 0 && text_[token.begin - 1] == '(') return after == ')';
    return at_line_start_ && (after == '.' || after == ')' || after == ':');
  }

  std::string_view text_;
  bool at_line_start_ = true;
  bool question_first_ = false;
  std::uint64_t last_word_ = 0;
  std::array<std::uint64_t, 16> distinct_{};
  std::array<std::uint32_t, kWordClasses> known_{};
  std::uint32_t characters_ = 0, words_ = 0, numbers_ = 0, symbols_ = 0;
  std::uint32_t letters_ = 0, capitals_ = 0, digits_ = 0, non_ascii_ = 0, longest_word_ = 0;
  std::uint32_t newlines_ = 0, blank_lines_ = 0, sentences_ = 0, question_marks_ = 0;
  std::uint32_t step_by_step_ = 0, contracted_negations_ = 0, options_ = 0, list_items_ = 0;
  std::uint32_t blanks_ = 0, quotes_ = 0, maths_ = 0, latex_ = 0, code_marks_ = 0, urls_ = 0;
};

/// ln(1 + n); short texts never leave the table.
float log_of(std::uint32_t count) {
  static const std::array<float, 256> table = [] {
    std::array<float, 256> values{};
    for (std::size_t n = 0; n < values.size(); ++n) {
      values[n] = static_cast<float>(std::log1p(static_cast<double>(n)));
    }
    return values;
  }();
  return count < table.size() ? table[count] : std::log1p(static_cast<float>(count));
}

float share(std::uint32_t part, std::uint32_t whole) {
  return whole == 0 ? 0.0F : std::min(1.0F, static_cast<float>(part) / static_cast<float>(whole));
}

float log_ratio(std::uint32_t part, std::uint32_t whole) {
  return whole == 0 ? 0.0F : std::log1p(static_cast<float>(part) / static_cast<float>(whole));
}

void Tally::write(std::span<float> out) const {
  std::uint32_t distinct = 0;
  for (const std::uint64_t bits : distinct_) {
    distinct += static_cast<std::uint32_t>(std::popcount(bits));
  }
  const auto known = [this](WordClass word_class) {
    return known_[static_cast<std::size_t>(std::countr_zero(static_cast<unsigned>(word_class)))];
  };
  // In the order of kTextCounterNames.
  const std::array<float, kTextCounterCount> values = {
      log_of(characters_),
      log_of(words_),
      log_of(numbers_),
      log_of(newlines_),
      log_of(blank_lines_),
      log_of(sentences_),
      log_ratio(words_, std::max(sentences_, 1U)),
      log_ratio(letters_, words_),
      log_of(longest_word_),
      share(distinct, words_),
      share(capitals_, letters_),
      share(digits_, characters_),
      share(non_ascii_, characters_),
      share(symbols_, characters_),
      share(known(kFunction), words_),
      log_of(question_marks_),
      log_of(known(kQuestion)),
      question_first_ ? 1.0F : 0.0F,
      log_of(known(kTask)),
      log_of(known(kReasoning) + step_by_step_),
      log_of(known(kQuantity)),
      log_of(known(kLogic)),
      log_of(known(kNegation) + contracted_negations_),
      log_of(known(kPerson)),
      log_of(options_),
      log_of(list_items_),
      log_of(blanks_),
      log_of(quotes_),
      log_of(maths_),
      log_of(latex_),
      log_of(code_marks_),
      log_of(known(kCode)),
      log_of(urls_),
  };
  std::copy(values.begin(), values.end(), out.begin());
}

}  // namespace

void count_text(std::string_view text, std::span<float> out) {
  assert(out.size() == kTextCounterCount);
  Tally tally(text);
  scan_text(text, tally);
  tally.write(out);
}

}  // namespace pointsman
