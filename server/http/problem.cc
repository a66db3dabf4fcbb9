#include "server/http/problem.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace pointsman::http {

std::string_view status_title(int status) {
  struct Entry {
    int status;
    std::string_view title;
  };
  static constexpr std::array table = std::to_array<Entry>({
      {100, "Continue"},
      {101, "Switching Protocols"},
      {200, "OK"},
      {201, "Created"},
      {202, "Accepted"},
      {204, "No Content"},
      {206, "Partial Content"},
      {207, "Multi-Status"},
      {301, "Moved Permanently"},
      {302, "Found"},
      {303, "See Other"},
      {304, "Not Modified"},
      {307, "Temporary Redirect"},
      {308, "Permanent Redirect"},
      {400, "Bad Request"},
      {401, "Unauthorized"},
      {402, "Payment Required"},
      {403, "Forbidden"},
      {404, "Not Found"},
      {405, "Method Not Allowed"},
      {406, "Not Acceptable"},
      {408, "Request Timeout"},
      {409, "Conflict"},
      {410, "Gone"},
      {411, "Length Required"},
      {412, "Precondition Failed"},
      {413, "Content Too Large"},
      {414, "URI Too Long"},
      {415, "Unsupported Media Type"},
      {417, "Expectation Failed"},
      {421, "Misdirected Request"},
      {422, "Unprocessable Content"},
      {425, "Too Early"},
      {426, "Upgrade Required"},
      {428, "Precondition Required"},
      {429, "Too Many Requests"},
      {431, "Request Header Fields Too Large"},
      {500, "Internal Server Error"},
      {501, "Not Implemented"},
      {502, "Bad Gateway"},
      {503, "Service Unavailable"},
      {504, "Gateway Timeout"},
      {505, "HTTP Version Not Supported"},
      {507, "Insufficient Storage"},
  });
  const auto found = std::lower_bound(table.begin(), table.end(), status,
                                      [](const Entry& e, int s) { return e.status < s; });
  return found != table.end() && found->status == status ? found->title : "Unknown";
}

namespace {

/// How many bytes the UTF-8 sequence at the front of `text` has; 0 if it is none (RFC 3629:
/// overlong forms, surrogates and values over U+10FFFF are none).
std::size_t utf8_sequence_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  std::size_t size = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    size = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    size = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    size = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (text.size() < size || byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < size; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return size;
}

void append_escaped(std::string& out, char c) {
  static constexpr std::string_view digits = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto code = static_cast<unsigned char>(c);
  if (code < 0x20 || code == 0x7F) {
    out += "\\u00";
    out += digits[code >> 4];
    out += digits[code & 0xF];
  } else {
    out += c;
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const std::size_t size = utf8_sequence_size(text);
    if (size == 0) {
      out += "\\ufffd";
      text.remove_prefix(1);
    } else if (size == 1) {
      append_escaped(out, text.front());
      text.remove_prefix(1);
    } else {
      out += text.substr(0, size);
      text.remove_prefix(size);
    }
  }
  out += '"';
}

Response problem(const Problem& what) {
  std::string body = R"({"type":"about:blank","title":)";
  append_json_string(body, status_title(what.status));
  body += ",\"status\":" + std::to_string(what.status) + ",\"detail\":";
  append_json_string(body, what.detail);
  if (!what.pointer.empty()) {
    body += ",\"pointer\":";
    append_json_string(body, what.pointer);
  }
  body += '}';
  return {.status = what.status,
          .content_type = "application/problem+json",
          .body = std::move(body),
          .headers = {}};
}

Response problem(int status, std::string detail, std::string pointer) {
  return problem(
      Problem{.status = status, .detail = std::move(detail), .pointer = std::move(pointer)});
}

}  // namespace pointsman::http
