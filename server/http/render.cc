#include "server/http/render.h"

#include <array>
#include <cassert>
#include <charconv>
#include <cstddef>

#include "server/http/problem.h"

namespace pointsman::http {

namespace {

void append_number(std::string& out, std::size_t number, int base) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  out.append(digits.data(), end);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  for (const char c : value) {
    const auto code = static_cast<unsigned char>(c);
    out += code < 0x20 || code == 0x7f ? ' ' : c;
  }
  out += "\r\n";
}

void append_status_line(std::string& out, int status, const Framing& framing) {
  assert(status >= 100 && status <= 599);
  out += "HTTP/1.1 ";
  append_number(out, static_cast<std::size_t>(status), 10);
  out.append(" ").append(status_title(status)).append("\r\n");
  if (!framing.date.empty()) append_field(out, "Date", framing.date);
}

void append_connection(std::string& out, const Framing& framing) {
  if (framing.close) {
    out += "Connection: close\r\n";
  } else if (!framing.http11) {
    out += "Connection: keep-alive\r\n";
  }
}

}  // namespace

void append_response(std::string& out, const Response& response, const Framing& framing) {
  out.reserve(out.size() + response.body.size() + 256);
  append_status_line(out, response.status, framing);
  if (!response.content_type.empty()) append_field(out, "Content-Type", response.content_type);
  for (const auto& [name, value] : response.headers) append_field(out, name, value);
  // RFC 9110 8.6: no Content-Length with 204; a 304 has no body either.
  const bool bodiless = response.status == 204 || response.status == 304;
  if (!bodiless) {
    out += "Content-Length: ";
    append_number(out, response.body.size(), 10);
    out += "\r\n";
  }
  append_connection(out, framing);
  out += "\r\n";
  if (!bodiless && !framing.head_only) out += response.body;
}

void append_stream_head(std::string& out, const StreamHead& head, const Framing& framing) {
  append_status_line(out, head.status, framing);
  if (!head.content_type.empty()) append_field(out, "Content-Type", head.content_type);
  for (const auto& [name, value] : head.headers) append_field(out, name, value);
  if (framing.http11) out += "Transfer-Encoding: chunked\r\n";
  append_connection(out, framing);
  out += "\r\n";
}

void append_chunk(std::string& out, std::string_view bytes) {
  assert(!bytes.empty());
  append_number(out, bytes.size(), 16);
  out.append("\r\n").append(bytes).append("\r\n");
}

}  // namespace pointsman::http
