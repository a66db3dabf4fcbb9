#include "server/http/admission.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "server/http/problem.h"

namespace pointsman::http {
namespace {

bool is_loopback(std::string_view host) {
  if (host.starts_with("[::1]")) return host.size() == 5 || host[5] == ':';
  const std::string_view name = host.substr(0, host.find(':'));
  return name == "localhost" || name == "127.0.0.1";
}

bool is_json(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  for (char& c : type) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return type == "application/json" ||
         (type.starts_with("application/") && type.ends_with("+json"));
}

std::optional<std::string_view> presented_key(const Request& request) {
  if (const auto key = request.headers.find("x-api-key")) return key;
  const auto authorization = request.headers.find("authorization");
  constexpr std::string_view kBearer = "Bearer ";
  if (authorization && authorization->starts_with(kBearer)) {
    return authorization->substr(kBearer.size());
  }
  return std::nullopt;
}

Response unauthorized(std::string detail) {
  Response refused = problem(401, std::move(detail));
  refused.headers.emplace_back("WWW-Authenticate", "Bearer");
  return refused;
}

}  // namespace

std::variant<Caller, Response> admit(const Keys& keys, const Request& request) {
  if (!request.body.empty() &&
      !is_json(request.headers.find("content-type").value_or("application/octet-stream"))) {
    return problem(415, "send Content-Type: application/json");
  }
  if (keys.none()) {
    const auto host = request.headers.find("host");
    if (host && !is_loopback(*host)) {
      return problem(403, "without configured keys only a loopback Host is served");
    }
    return Caller{};
  }
  const auto key = presented_key(request);
  if (!key) return unauthorized("send Authorization: Bearer KEY or X-API-Key: KEY");
  auto caller = keys.find(*key);
  if (!caller) return unauthorized("this key is not known");
  return *std::move(caller);
}

}  // namespace pointsman::http
