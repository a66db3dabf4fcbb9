#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <array>
#include <cstddef>
#include <optional>
#include <utility>

#include "adapters/rewards/edit_tokens.h"

namespace pointsman {
namespace {

constexpr std::string_view kBlanks = " \t\r\f\v";

std::string_view trim(std::string_view line) {
  const std::size_t first = line.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return line.substr(first, line.find_last_not_of(kBlanks) - first + 1);
}

// ICU rather than tables of our own: composition needs every script's decompositions and combining
// classes, two thousand of them, and ICU's character properties serve the tokeniser as well.
std::string to_nfc(std::string_view text) {
  bool ascii = true;
  for (const char c : text) ascii = ascii && static_cast<unsigned char>(c) < 0x80;
  if (ascii) return std::string(text);
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(status);
  std::string out;
  icu::StringByteSink<std::string> sink(&out);
  if (U_SUCCESS(status)) {
    nfc->normalizeUTF8(0, icu::StringPiece(text.data(), static_cast<std::int32_t>(text.size())),
                       sink, nullptr, status);
  }
  return U_SUCCESS(status) ? out : std::string(text);
}

// "On 3 May 2026, Anna wrote:" in a few languages.
bool is_attribution(std::string_view line) {
  struct Form {
    std::string_view start;
    std::string_view verb;
  };
  static constexpr std::array<Form, 5> kForms{{{"On ", "wrote"},
                                               {"Am ", "schrieb"},
                                               {"Le ", "a écrit"},
                                               {"El ", "escribió"},
                                               {"Il ", "ha scritto"}}};
  if (!line.ends_with(':')) return false;
  for (const Form& form : kForms) {
    if (line.starts_with(form.start) && line.find(form.verb) != std::string_view::npos) return true;
  }
  return false;
}

bool is_original_message(std::string_view line) {
  return line.starts_with("-----") && line.ends_with("-----") &&
         (line.find("Original Message") != std::string_view::npos ||
          line.find("Ursprüngliche Nachricht") != std::string_view::npos ||
          line.find("Message d'origine") != std::string_view::npos ||
          line.find("Mensaje original") != std::string_view::npos);
}

// Hands out a text line by line.
class Lines final {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}

  std::optional<std::string_view> next() {
    if (done_) return std::nullopt;
    const std::size_t end = rest_.find('\n');
    const std::string_view line = rest_.substr(0, end);
    done_ = end == std::string_view::npos;
    rest_.remove_prefix(done_ ? rest_.size() : end + 1);
    return line;
  }

  // The next line that holds anything, trimmed; it stays where it is.
  std::string_view peek_full() const {
    Lines ahead = *this;
    while (const auto line = ahead.next()) {
      if (const std::string_view text = trim(*line); !text.empty()) return text;
    }
    return {};
  }

 private:
  std::string_view rest_;
  bool done_ = false;
};

std::string cut_thread_and_signature(std::string_view text) {
  std::string out;
  Lines lines(text);
  while (const auto raw = lines.next()) {
    const std::string_view line = trim(*raw);
    if (line == "--" || is_original_message(line)) break;
    if (line.starts_with('>')) continue;
    if (is_attribution(line)) {
      if (lines.peek_full().starts_with('>')) continue;
      if (line.find_first_of("0123456789@") != std::string_view::npos) break;
    }
    out.append(line);
    out += '\n';
  }
  return out;
}

bool is_space(UChar32 c) {
  constexpr UChar32 kZeroWidthSpace = 0x200B;
  constexpr UChar32 kByteOrderMark = 0xFEFF;
  return u_isUWhiteSpace(c) || u_isISOControl(c) || c == kZeroWidthSpace || c == kByteOrderMark;
}

std::string collapse_white_space(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool gap = false;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
  const auto length = static_cast<std::int32_t>(text.size());
  for (std::int32_t i = 0; i < length;) {
    const std::int32_t start = i;
    UChar32 c = 0;
    U8_NEXT(bytes, i, length, c);
    if (c >= 0 && is_space(c)) {
      gap = true;
      continue;
    }
    if (std::exchange(gap, false) && !out.empty()) out += ' ';
    if (c < 0) {
      out += "\xEF\xBF\xBD";
    } else {
      out.append(text, static_cast<std::size_t>(start), static_cast<std::size_t>(i - start));
    }
  }
  return out;
}

}  // namespace

std::string normalise_for_edit(std::string_view text) {
  return collapse_white_space(cut_thread_and_signature(to_nfc(text)));
}

}  // namespace pointsman
