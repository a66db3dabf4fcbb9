#include "lab/data/text_file.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>

namespace pointsman::lab {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

unsigned byte_at(std::string_view text, std::size_t at) {
  return static_cast<unsigned char>(text[at]);
}

/// How many bytes the character at `at` has; 0 where it is none of UTF-8 (RFC 3629): an overlong
/// form, a surrogate, a value above U+10FFFF, or a sequence that is cut short.
std::size_t character_length(std::string_view text, std::size_t at) {
  const unsigned lead = byte_at(text, at);
  if (lead < 0x80) return 1;
  const std::size_t length = lead < 0xC2   ? 0
                             : lead < 0xE0 ? 2
                             : lead < 0xF0 ? 3
                             : lead < 0xF5 ? 4
                                           : 0;
  if (length == 0 || text.size() - at < length) return 0;
  const unsigned second = byte_at(text, at + 1);
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
      (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F)) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte_at(text, at + i) & 0xC0U) != 0x80U) return 0;
  }
  return length;
}

/// Where the first byte that is no UTF-8 stands.
std::optional<std::size_t> first_bad_byte(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character_length(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

}  // namespace

Error fault_at(const FilePlace& place, const std::string& message) {
  std::string text = place.file;
  if (place.line > 0) text += ":" + std::to_string(place.line);
  text += ": ";
  if (!place.column.empty()) text += "column \"" + place.column + "\": ";
  return invalid(place.column, text + message);
}

Result<std::string> read_text_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return fault_at({path, 0, ""}, "this is a folder, and a file is needed");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return fault_at({path, 0, ""}, "the file cannot be opened");
  std::ostringstream bytes;
  bytes << file.rdbuf();
  if (file.bad()) return fault_at({path, 0, ""}, "the file cannot be read");
  std::string text = std::move(bytes).str();
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  if (const auto bad = first_bad_byte(text)) {
    const auto end = text.begin() + static_cast<std::ptrdiff_t>(*bad);
    const auto line = static_cast<std::size_t>(std::count(text.begin(), end, '\n')) + 1;
    return fault_at({path, line, ""}, "the bytes are not UTF-8");
  }
  return text;
}

}  // namespace pointsman::lab
