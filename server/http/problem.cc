#include "server/http/problem.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "adapters/json/json_text.h"

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

Response problem(const Problem& what) {
  std::string body = R"({"type":"about:blank","title":)";
  append_json_string(status_title(what.status), body);
  body += ",\"status\":" + std::to_string(what.status) + ",\"detail\":";
  append_json_string(what.detail, body);
  if (!what.pointer.empty()) {
    body += ",\"pointer\":";
    append_json_string(what.pointer, body);
  }
  if (what.first_position) body += ",\"first_position\":" + std::to_string(*what.first_position);
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
