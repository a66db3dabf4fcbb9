#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

#include "engine/features/text_scan.h"

namespace pointsman {

/// The terms of a text model are its text's tokens, with two changes: a number of three digits or
/// more counts by its length only, and (with `word_pairs`) two words that only white space parts
/// are a term too. TextModel::embed and fit_text_model both read texts through this.
namespace term_detail {

inline constexpr std::array<std::uint64_t, 10> kLongNumberHashes = {
    0,
    0,
    0,
    token_hash("#3"),
    token_hash("#4"),
    token_hash("#5"),
    token_hash("#6"),
    token_hash("#7"),
    token_hash("#8"),
    token_hash("#9+"),
};

template <class Sink>
class TermVisitor final {
 public:
  TermVisitor(bool word_pairs, Sink& sink) : word_pairs_(word_pairs), sink_(sink) {}

  void word(const Token& token) {
    sink_.term(token.hash);
    if (word_pairs_) {
      if (after_word_) sink_.term(token_pair_hash(last_word_, token.hash));
      last_word_ = token.hash;
      after_word_ = true;
    }
  }
  void number(const Token& token) {
    const std::size_t digits = token.end - token.begin;
    sink_.term(digits < 3 ? token.hash : kLongNumberHashes[std::min<std::size_t>(digits, 9)]);
    after_word_ = false;
  }
  void symbol(const Token& token) {
    sink_.term(token.hash);
    after_word_ = false;
  }
  void space(char) {}

 private:
  const bool word_pairs_;
  Sink& sink_;
  std::uint64_t last_word_ = 0;
  bool after_word_ = false;
};

}  // namespace term_detail

/// Calls sink.term(hash) for every term of `text`, repeats included.
template <class Sink>
void for_each_term(std::string_view text, bool word_pairs, Sink& sink) {
  term_detail::TermVisitor<Sink> visitor(word_pairs, sink);
  scan_text(text, visitor);
}

}  // namespace pointsman
