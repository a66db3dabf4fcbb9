#include "server/auth.h"

#include <openssl/crypto.h>

#include <optional>
#include <string_view>
#include <utility>

#include "adapters/json/canonical_json.h"
#include "server/http/problem.h"

namespace pointsman {
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

std::optional<std::string_view> presented_key(const http::Request& request) {
  if (const auto key = request.headers.find("x-api-key")) return key;
  const auto authorization = request.headers.find("authorization");
  constexpr std::string_view kBearer = "Bearer ";
  if (authorization && authorization->starts_with(kBearer)) {
    return authorization->substr(kBearer.size());
  }
  return std::nullopt;
}

std::string hex(const Fingerprint& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

}  // namespace

std::variant<std::string, http::Response> Auth::admit(const http::Request& request) const {
  if (!request.body.empty() &&
      !is_json(request.headers.find("content-type").value_or("application/octet-stream"))) {
    return http::problem(415, "send Content-Type: application/json");
  }
  if (!keys_.empty()) return admit_by_key(request);
  const auto host = request.headers.find("host");
  if (host && !is_loopback(*host)) {
    return http::problem(403, "without configured keys only a loopback Host is served");
  }
  return std::string("default");
}

std::variant<std::string, http::Response> Auth::admit_by_key(const http::Request& request) const {
  const auto key = presented_key(request);
  if (!key) {
    http::Response refused = http::problem(401, "send Authorization: Bearer KEY or X-API-Key: KEY");
    refused.headers.emplace_back("WWW-Authenticate", "Bearer");
    return refused;
  }
  const std::string digest = hex(sha256(*key));
  const ApiKey* found = nullptr;
  for (const ApiKey& known : keys_) {
    // Every key is compared, so that the time tells nothing of which one it was.
    if (known.sha256_hex.size() == digest.size() &&
        CRYPTO_memcmp(known.sha256_hex.data(), digest.data(), digest.size()) == 0) {
      found = &known;
    }
  }
  if (found == nullptr) {
    http::Response refused = http::problem(401, "this key is not known");
    refused.headers.emplace_back("WWW-Authenticate", "Bearer");
    return refused;
  }
  return found->tenant;
}

}  // namespace pointsman
