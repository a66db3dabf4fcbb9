#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/json/canonical_json.h"
#include "server/config/hex_text.h"
#include "server/config/sections.h"

namespace pointsman {
namespace {

/// A key travels in a header: visible ASCII, no space.
std::string_view secret_fault(std::string_view secret) {
  if (secret.empty()) return "A key must not be empty.";
  const bool visible =
      std::all_of(secret.begin(), secret.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  return visible ? std::string_view() : "A key is visible ASCII characters without a space.";
}

bool is_sha256_hex(std::string_view text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

/// The key's hash where the section gives it soundly, from whichever of its three options.
std::string read_secret(ConfigSection& table, const Environment& environment) {
  std::string secret;
  std::string hash;
  const bool given = table.read("key", secret);
  const std::optional<std::string> variable = read_variable(table, "key_env", environment);
  const bool hashed = table.read("key_sha256", hash);
  const int sources =
      int{table.has("key")} + int{table.has("key_env")} + int{table.has("key_sha256")};
  if (sources != 1) {
    table.fault("", "A key is given by exactly one of key_env, key_sha256 and key.");
    return {};
  }
  if (hashed) {
    std::transform(hash.begin(), hash.end(), hash.begin(),
                   [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
    if (is_sha256_hex(hash)) return hash;
    table.fault("key_sha256", "This must be 64 hexadecimal digits.");
    return {};
  }
  if (!given && !variable) return {};
  if (variable) secret = *variable;
  if (const std::string_view wrong = secret_fault(secret); !wrong.empty()) {
    table.fault(variable ? "key_env" : "key", std::string(wrong));
    return {};
  }
  return hex_text(sha256(secret));
}

}  // namespace

bool read_keys(ConfigSection& root, const Environment& environment, ServerConfig& config) {
  const bool declared = root.has("keys") && !root.is_empty_array("keys");
  std::map<std::string, int> names;
  std::map<std::string, int> hashes;
  for (ConfigSection& table : root.tables("keys")) {
    table.hide_unknown_names();
    ApiKey key;
    const bool named = table.read_id("name", key.name);
    if (!table.has("name")) table.fault("name", "This option is required.");
    table.read_id("tenant", key.tenant);
    key.sha256_hex = read_secret(table, environment);
    table.finish();
    if (named) {
      const auto [first, fresh] = names.emplace(key.name, table.line_of("name"));
      if (!fresh) {
        table.fault("name", "A key of this name stands on line " + std::to_string(first->second) +
                                " already.");
      }
    }
    if (!key.sha256_hex.empty()) {
      const auto [first, fresh] = hashes.emplace(key.sha256_hex, table.line());
      if (!fresh) {
        table.fault("", "The section on line " + std::to_string(first->second) +
                            " gives the same key; who calls could not be told.");
      }
    }
    config.keys.push_back(std::move(key));
  }
  return declared;
}

}  // namespace pointsman
