#include <algorithm>
#include <charconv>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "adapters/json/canonical_json.h"
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

/// What 64 hexadecimal digits of either case stand for; nothing where the text is not that.
std::optional<Fingerprint> read_sha256(std::string_view text) {
  Fingerprint print{};
  if (text.size() != 2 * print.size()) return std::nullopt;
  for (std::size_t i = 0; i < print.size(); ++i) {
    const char* const first = text.data() + 2 * i;
    const auto [end, fault] = std::from_chars(first, first + 2, print[i], 16);
    if (fault != std::errc{} || end != first + 2) return std::nullopt;
  }
  return print;
}

/// The key's hash where the section gives it soundly, from whichever of its three options.
std::optional<Fingerprint> read_secret(ConfigSection& table, const Environment& environment) {
  std::string secret;
  std::string hash;
  const bool given = table.read("key", secret);
  const std::optional<std::string> variable = read_variable(table, "key_env", environment);
  const bool hashed = table.read("key_sha256", hash);
  const int sources =
      int{table.has("key")} + int{table.has("key_env")} + int{table.has("key_sha256")};
  if (sources != 1) {
    table.fault("", "A key is given by exactly one of key_env, key_sha256 and key.");
    return std::nullopt;
  }
  if (hashed) {
    if (const auto print = read_sha256(hash)) return print;
    table.fault("key_sha256", "This must be 64 hexadecimal digits.");
    return std::nullopt;
  }
  if (!given && !variable) return std::nullopt;
  if (variable) secret = *variable;
  if (const std::string_view wrong = secret_fault(secret); !wrong.empty()) {
    table.fault(variable ? "key_env" : "key", std::string(wrong));
    return std::nullopt;
  }
  return sha256(secret);
}

}  // namespace

bool read_keys(ConfigSection& root, const Environment& environment, ServerConfig& config) {
  const bool declared = root.has("keys") && !root.is_empty_array("keys");
  std::map<std::string, int> names;
  std::map<Fingerprint, int> hashes;
  for (ConfigSection& table : root.tables("keys")) {
    table.hide_unknown_names();
    ApiKey key;
    const bool named = table.read_id("name", key.name);
    if (!table.has("name")) table.fault("name", "This option is required.");
    table.read_id("tenant", key.tenant);
    const std::optional<Fingerprint> hash = read_secret(table, environment);
    table.finish();
    if (named) {
      const auto [first, fresh] = names.emplace(key.name, table.line_of("name"));
      if (!fresh) {
        table.fault("name", "A key of this name stands on line " + std::to_string(first->second) +
                                " already.");
      }
    }
    if (hash) {
      key.sha256 = *hash;
      const auto [first, fresh] = hashes.emplace(*hash, table.line());
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
