#include "adapters/rewards/edit_tokens.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>

#include "adapters/rewards/edit_words.h"

namespace pointsman {
namespace {

enum class Class : std::uint8_t { space, letter, digit, mark, lone, currency, symbol, other };

// Scripts that put no space between words.
bool stands_alone(UChar32 c) {
  struct Block {
    UChar32 first;
    UChar32 last;
  };
  static constexpr std::array<Block, 10> kBlocks{{{0x0E00, 0x0EFF},      // Thai, Lao
                                                  {0x1000, 0x109F},      // Myanmar
                                                  {0x1780, 0x17FF},      // Khmer
                                                  {0x2E80, 0x2FDF},      // radicals
                                                  {0x3005, 0x3007},      // 々〆〇
                                                  {0x3041, 0x30FF},      // kana
                                                  {0x31F0, 0x31FF},      // kana, small
                                                  {0x3400, 0x9FFF},      // Han
                                                  {0xF900, 0xFAFF},      // Han, compatibility
                                                  {0x20000, 0x3FFFF}}};  // Han, extensions
  return std::any_of(kBlocks.begin(), kBlocks.end(),
                     [c](const Block& b) { return c >= b.first && c <= b.last; });
}

Class class_of(UChar32 c) {
  if (c < 0x80) {
    if (c == ' ') return Class::space;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return Class::letter;
    if (c >= '0' && c <= '9') return Class::digit;
    return c == '$' ? Class::currency : Class::other;
  }
  const std::uint32_t category = U_GET_GC_MASK(c);
  if ((category & U_GC_M_MASK) != 0) return Class::mark;
  if ((category & U_GC_ND_MASK) != 0) return Class::digit;
  if (stands_alone(c)) return Class::lone;
  if ((category & U_GC_L_MASK) != 0) return Class::letter;
  if ((category & U_GC_SC_MASK) != 0) return Class::currency;
  if ((category & (U_GC_SO_MASK | U_GC_SK_MASK)) != 0) return Class::symbol;
  return Class::other;
}

constexpr UChar32 kJoiner = 0x200D;
constexpr UChar32 kNonJoiner = 0x200C;
constexpr UChar32 kApostrophe = 0x2019;

bool is_regional(UChar32 c) { return c >= 0x1F1E6 && c <= 0x1F1FF; }
bool is_skin_tone(UChar32 c) { return c >= 0x1F3FB && c <= 0x1F3FF; }
bool is_ascii_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

class Tokeniser final {
 public:
  explicit Tokeniser(std::string_view text) : text_(text) {}

  std::vector<EditToken> run() && {
    while (at_ < text_.size()) {
      const Point p = point(at_);
      if (p.kind == Class::space) {
        at_ = p.end;
      } else if (!take_address()) {
        take(p);
      }
    }
    mark_amounts_and_dates(tokens_);
    mark_negations(tokens_);
    return std::move(tokens_);
  }

 private:
  struct Point {
    UChar32 c = 0;
    std::size_t end = 0;
    Class kind = Class::space;
  };

  // The character at `i`; a space at the end of the text.
  Point point(std::size_t i) const {
    if (i >= text_.size()) return {0, text_.size(), Class::space};
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(text_.data());
    auto next = static_cast<std::int32_t>(i);
    UChar32 c = 0;
    U8_NEXT(bytes, next, static_cast<std::int32_t>(text_.size()), c);
    return {c, static_cast<std::size_t>(next), c < 0 ? Class::other : class_of(c)};
  }

  void emit(std::size_t end, TokenKind kind) {
    tokens_.push_back({text_.substr(at_, end - at_), kind});
    at_ = end;
  }

  // A URL or an e-mail address starts where a word could start. The rest of the white-space-free
  // run is looked at once, however many tokens it holds.
  bool take_address() {
    if (at_ >= run_end_) {
      run_end_ = std::min(text_.find(' ', at_), text_.size());
      const std::string_view run = text_.substr(at_, run_end_ - at_);
      run_has_url_ =
          run.find("://") != std::string_view::npos || run.find("www.") != std::string_view::npos;
      last_at_sign_ = run.rfind('@') == std::string_view::npos ? 0 : at_ + run.rfind('@');
    }
    if (at_ > 0 && is_ascii_alnum(text_[at_ - 1])) return false;
    const std::string_view rest = text_.substr(at_, run_end_ - at_);
    if (run_has_url_ &&
        (rest.starts_with("http://") || rest.starts_with("https://") || rest.starts_with("www."))) {
      std::size_t size = std::min(rest.find_first_of("<>\"'`|{}\\^"), rest.size());
      while (size > 0 &&
             std::string_view(".,;:!?)]*_").find(rest[size - 1]) != std::string_view::npos) {
        --size;
      }
      emit(at_ + size, TokenKind::critical);
      return true;
    }
    return last_at_sign_ > at_ && take_email(rest);
  }

  bool take_email(std::string_view rest) {
    const auto fits = [](char c, std::string_view more) {
      return is_ascii_alnum(c) || static_cast<unsigned char>(c) >= 0x80 ||
             more.find(c) != std::string_view::npos;
    };
    constexpr std::size_t kLongestLocalPart = 64;  // RFC 5321, section 4.5.3.1.1
    std::size_t i = 0;
    while (i < rest.size() && i <= kLongestLocalPart && fits(rest[i], "._%+-")) ++i;
    if (i == 0 || i > kLongestLocalPart || i == rest.size() || rest[i] != '@') return false;
    constexpr std::size_t kLongestDomain = 255;
    std::size_t end = i + 1;
    while (end < rest.size() && end - i <= kLongestDomain && fits(rest[end], ".-")) ++end;
    while (end > i + 1 && (rest[end - 1] == '.' || rest[end - 1] == '-')) --end;
    const std::string_view domain = rest.substr(i + 1, end - i - 1);
    if (domain.find('.') == std::string_view::npos || domain.front() == '.') return false;
    emit(at_ + end, TokenKind::critical);
    return true;
  }

  void take(const Point& p) {
    switch (p.kind) {
      case Class::letter:
      case Class::mark:
        return take_word(at_);
      case Class::digit:
        return take_word(at_);
      case Class::lone:
        return emit(past_marks(p.end), TokenKind::plain);
      case Class::currency:
        return emit(p.end, TokenKind::critical);
      case Class::symbol:
        return emit(past_emoji(p), TokenKind::plain);
      case Class::space:
      case Class::other:
        break;
    }
    const bool fresh = at_ == 0 || text_[at_ - 1] == ' ';
    const bool sign = p.c == '-' || p.c == '+' || p.c == '#' || p.c == 0x2212;
    if (fresh && sign && point(p.end).kind == Class::digit) return take_word(p.end);
    // Kana's marks and the like are letters of nobody: each other character by itself.
    emit(past_marks(p.end), TokenKind::plain);
  }

  std::size_t past_marks(std::size_t i) const {
    for (Point p = point(i); p.kind == Class::mark; p = point(i)) i = p.end;
    return i;
  }

  // An emoji with its variation, skin tone and the ones joined to it; two regional letters.
  std::size_t past_emoji(const Point& first) const {
    std::size_t i = first.end;
    if (is_regional(first.c) && is_regional(point(i).c)) return point(i).end;
    for (;;) {
      const Point p = point(i);
      if (p.kind == Class::mark || is_skin_tone(p.c)) {
        i = p.end;
      } else if (p.c == kJoiner && point(p.end).kind == Class::symbol) {
        i = point(p.end).end;
      } else {
        return i;
      }
    }
  }

  // A word, a number, or an id that mixes the two. The token starts at at_; `from` is past a sign.
  void take_word(std::size_t from) {
    bool digits = false;
    bool letters = false;
    std::size_t word_end = 0;  // Where it would end if no digit followed.
    std::size_t i = from;
    Class previous = Class::other;
    for (;;) {
      const Point p = point(i);
      const bool core = p.kind == Class::letter || p.kind == Class::digit ||
                        p.kind == Class::mark || p.c == '_' || p.c == kJoiner || p.c == kNonJoiner;
      if (core) {
        digits = digits || p.kind == Class::digit;
        letters = letters || p.kind == Class::letter;
        if (p.kind == Class::letter || p.kind == Class::digit) previous = p.kind;
        i = p.end;
        continue;
      }
      if (i == from) break;
      const Class next = point(p.end).kind;
      const bool between_digits = previous == Class::digit && next == Class::digit;
      const bool between_letters = previous == Class::letter && next == Class::letter;
      if (between_letters && (p.c == '\'' || p.c == kApostrophe)) {
        i = p.end;
      } else if (between_digits && is_number_joiner(p.c)) {
        i = p.end;
      } else if (p.c == '-' && (next == Class::letter || next == Class::digit)) {
        // An id such as ORD-1234 holds hyphens, a compound word such as follow-up does not.
        if (!digits && word_end == 0) word_end = i;
        if (!digits && !id_follows(p.end)) break;
        if (digits && next == Class::letter && !letters) break;  // "14-day": a number, a word.
        if (digits) word_end = 0;
        i = p.end;
      } else {
        break;
      }
    }
    if (!digits && word_end > 0) i = word_end;
    if (i == at_) i = point(at_).end;
    emit(i, digits ? TokenKind::critical : TokenKind::plain);
  }

  static bool is_number_joiner(UChar32 c) {
    return c == '.' || c == ',' || c == ':' || c == '/' || c == '-' || c == '\'' ||
           c == kApostrophe;
  }

  // True where the hyphenated part at `i` starts with a digit or is all capitals before one.
  bool id_follows(std::size_t i) const {
    constexpr std::size_t kLongestPart = 32;
    const std::size_t stop = std::min(text_.size(), i + kLongestPart);
    for (; i < stop; ++i) {
      const char c = text_[i];
      if (c >= '0' && c <= '9') return true;
      if (!(c >= 'A' && c <= 'Z') && c != '-') return false;
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t run_end_ = 0;
  bool run_has_url_ = false;
  std::size_t last_at_sign_ = 0;
  std::vector<EditToken> tokens_;
};

}  // namespace

std::vector<EditToken> tokenise_for_edit(std::string_view normalised) {
  return Tokeniser(normalised).run();
}

}  // namespace pointsman
