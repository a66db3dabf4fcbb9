#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/config/sections.h"

namespace pointsman {
namespace {

using namespace std::chrono_literals;

/// What is wrong with a store's url; empty where nothing is. Says nothing of the url, which may
/// hold a password.
std::string_view store_url_fault(std::string_view url) {
  constexpr std::array<std::string_view, 3> kServers = {"redis://", "postgresql://", "postgres://"};
  if (url == "memory:") return {};
  constexpr std::string_view kSqlite = "sqlite:";
  if (url.starts_with(kSqlite)) {
    url.remove_prefix(kSqlite.size());
    return url.empty() || url == "//" ? "A sqlite: url names its file, as in sqlite:pointsman.db."
                                      : std::string_view();
  }
  // The rest of such a url is judged by its store when it is opened.
  if (std::any_of(kServers.begin(), kServers.end(),
                  [&](std::string_view scheme) { return url.starts_with(scheme); })) {
    return {};
  }
  if (url.starts_with("rediss:")) {
    return "The packaged Redis client has no TLS: use redis:// over a private network or a tunnel.";
  }
  return "A store url is memory:, sqlite:FILE, redis://… or postgresql://….";
}

void read_url(ConfigSection& store, const Environment& environment, std::string& url) {
  std::string text;
  std::string_view key = "url";
  bool found = store.read("url", text);
  const std::optional<std::string> variable = read_variable(store, "url_env", environment);
  if (store.has("url") && store.has("url_env")) {
    store.fault("url_env", "The option url gives the url already.");
    return;
  }
  if (variable) {
    key = "url_env";
    text = *variable;
    found = true;
  }
  if (!found) return;
  if (const std::string_view wrong = store_url_fault(text); !wrong.empty()) {
    store.fault(key, std::string(wrong));
    return;
  }
  url = std::move(text);
}

}  // namespace

std::optional<std::string> read_variable(ConfigSection& section, std::string_view key,
                                         const Environment& environment) {
  std::string name;
  if (!section.read(key, name)) return std::nullopt;
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  const bool sound = !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
                     std::all_of(name.begin(), name.end(), allowed);
  if (!sound) {
    // Not repeated: it may be the secret itself.
    section.fault(key, "This must be the name of an environment variable: capitals, digits and _.");
    return std::nullopt;
  }
  std::optional<std::string> value;
  if (environment) value = environment(name);
  if (!value || value->empty()) {
    section.fault(key, "The environment variable that this names is not set, or empty.");
    return std::nullopt;
  }
  return value;
}

void read_store(ConfigSection& root, const Environment& environment, ServerConfig& config) {
  ConfigSection store = root.table("store");
  read_url(store, environment, config.store.url);
  constexpr std::array<Word<SqliteSynchronous>, 2> kSynchronous = {
      {{"full", SqliteSynchronous::full}, {"normal", SqliteSynchronous::normal}}};
  store.read_word<SqliteSynchronous>("synchronous", config.store.sqlite.synchronous, kSynchronous);
  std::chrono::milliseconds busy(config.store.sqlite.busy_timeout_ms);
  store.read("busy_timeout", busy, {1ms, 10min});
  config.store.sqlite.busy_timeout_ms = static_cast<int>(busy.count());
  store.read_count("readers", config.store.sqlite.readers, {1, 64});
  store.read_count("max_records", config.store.memory.max_records, {1});
  std::size_t max_record_bytes = 0;
  if (store.read_count("max_record_bytes", max_record_bytes, {1'024, std::uint64_t{1} << 30})) {
    config.store.memory.max_record_bytes = max_record_bytes;
    config.store.sqlite.max_record_bytes = max_record_bytes;
  }
  store.read_count("max_queued", config.writer.max_queued, {1});
  store.read_count("max_queued_bytes", config.writer.max_queued_bytes, {1});
  store.read_count("max_group", config.writer.max_group, {1, 1'024});
  std::uint32_t route_commit_ms = 0;
  if (store.read_count("route_commit_ms", route_commit_ms, {1, 600'000})) {
    config.writer.route_commit = std::chrono::milliseconds(route_commit_ms);
  }
  store.read_count("checkpoint_every", config.checkpoint_every, {});
  store.read_count("awake_mb", config.awake_mb, {0, 1'048'576});
  constexpr std::array<Word<DecisionDurability>, 2> kDurability = {
      {{"commit", DecisionDurability::commit}, {"queued", DecisionDurability::queued}}};
  store.read_word<DecisionDurability>("decision_durability", config.durability, kDurability);
  store.finish();
}

}  // namespace pointsman
