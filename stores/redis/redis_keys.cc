#include "stores/redis/redis_keys.h"

#include <charconv>
#include <cstring>

namespace pointsman {
namespace {

constexpr std::string_view kReserved = "%{}:";

std::string escaped(std::string_view name) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string made;
  for (const char c : name) {
    if (kReserved.find(c) == kReserved.npos) {
      made += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    made += '%';
    made += kHex[byte >> 4U];
    made += kHex[byte & 15U];
  }
  return made;
}

std::optional<std::string> unescaped(std::string_view name) {
  std::string made;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '%') {
      made += name[i];
      continue;
    }
    unsigned byte = 0;
    if (i + 2 >= name.size()) return std::nullopt;
    const char* end = name.data() + i + 3;
    const auto read = std::from_chars(name.data() + i + 1, end, byte, 16);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
    made += static_cast<char>(byte);
    i += 2;
  }
  return made;
}

template <class Number>
std::optional<Number> whole(std::string_view text) {
  Number value{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Timestamp> timestamp(std::string_view text) {
  const auto millis = whole<std::int64_t>(text);
  if (!millis) return std::nullopt;
  return Timestamp(std::chrono::milliseconds(*millis));
}

std::string tagged(std::string_view kind, std::string_view tag) {
  std::string key = "pm:";
  key.append(kind).append(":{").append(tag).append("}");
  return key;
}

}  // namespace

RedisRouterKeys::RedisRouterKeys(const Scope& scope)
    : prefix_("pm:{" + redis_scope_member(scope) + "}:") {}

std::string RedisRouterKeys::decision(std::string_view query_id) const {
  return (prefix_ + "d:").append(query_id);
}

std::string RedisRouterKeys::session(std::string_view session_id) const {
  return (prefix_ + "s:").append(session_id);
}

std::string RedisRouterKeys::idempotency(const IdempotencyKey& key) const {
  return prefix_ + "k:" + escaped(key.route) + ":" + key.key;
}

std::string redis_claim_key(std::string_view tenant, std::string_view query_id) {
  return tagged("q", escaped(tenant) + ":" + escaped(query_id));
}

std::string redis_session_key(std::string_view tenant, std::string_view session_id) {
  return tagged("s", escaped(tenant) + ":" + escaped(session_id));
}

std::string redis_hint_key(std::string_view tenant, const IdempotencyKey& key) {
  return tagged("k", escaped(tenant) + ":" + escaped(key.route) + ":" + escaped(key.key));
}

std::string redis_scope_member(const Scope& scope) {
  return escaped(scope.tenant) + ":" + escaped(scope.router);
}

std::optional<Scope> redis_scope_of(std::string_view member) {
  const std::size_t colon = member.find(':');
  if (colon == member.npos) return std::nullopt;
  auto tenant = unescaped(member.substr(0, colon));
  auto router = unescaped(member.substr(colon + 1));
  if (!tenant || !router) return std::nullopt;
  return Scope{std::move(*tenant), std::move(*router)};
}

std::string write_redis_claim(const RedisClaim& claim) {
  return std::to_string(claim.expires_at.time_since_epoch().count()) + ":" + claim.router;
}

std::optional<RedisClaim> read_redis_claim(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == text.npos) return std::nullopt;
  const auto expires_at = timestamp(text.substr(0, colon));
  if (!expires_at) return std::nullopt;
  return RedisClaim{std::string(text.substr(colon + 1)), *expires_at};
}

std::optional<RedisKeyEntry> read_redis_key_entry(std::string_view text) {
  RedisKeyEntry entry;
  if (text.size() < entry.body.size()) return std::nullopt;
  std::memcpy(entry.body.data(), text.data(), entry.body.size());
  text.remove_prefix(entry.body.size());
  const std::size_t space = text.find(' ');
  if (space == text.npos) return std::nullopt;
  const auto expires_at = timestamp(text.substr(0, space));
  const auto position = redis_number(text.substr(space + 1));
  if (!expires_at || !position) return std::nullopt;
  entry.expires_at = *expires_at;
  entry.position = *position;
  return entry;
}

std::optional<std::uint64_t> redis_number(std::string_view text) {
  return whole<std::uint64_t>(text);
}

}  // namespace pointsman
