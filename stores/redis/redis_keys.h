#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/log/store.h"
#include "engine/values/values.h"

namespace pointsman {

/// The names of our keys. What stands between the braces is the hash tag: all keys of a router live
/// on one node of a cluster, so that one script can append to it. What others need before they know
/// the router stands alone. In tenants, routers and routes, % { } and : are written %XX; query ids,
/// session ids and idempotency keys stand last, as they are. Integers are decimal.
///
///     pm:store                         string: drawn once; another one, or none: another store
///     pm:scopes                        set: every scope, as "tenant:router"
///     pm:q:{tenant:query_id}           string: expiry, ':', router. Written before the decision
///     pm:s:{tenant:session_id}         set: routers in which the session may have decisions
///     pm:k:{tenant:route:key}          string: a router that may hold the idempotency key
///     pm:{tenant:router}:log           stream: position-0, field r: the record
///     pm:{tenant:router}:head          string: the last position
///     pm:{tenant:router}:feedback      stream: positions of feedback and session feedback
///     pm:{tenant:router}:counts        hash: records by kind, "feedback:" by signal type
///     pm:{tenant:router}:open          sorted set: positions of decisions by expiry
///     pm:{tenant:router}:slots         hash: slots of the router's own records
///     pm:{tenant:router}:checkpoints   hash
///     pm:{tenant:router}:pruned        string: from this position on the log is whole
///     pm:{tenant:router}:d:QUERY_ID    hash: the decision, its slots, its records
///     pm:{tenant:router}:s:SESSION_ID  hash: the session's slots and records in this router
///     pm:{tenant:router}:k:ROUTE:KEY   string: the idempotency key's entry; the only kind of key,
///                                      with pm:k:, that Redis drops by itself
///
/// The hashes' fields are told in stores/redis/append.lua.
class RedisRouterKeys final {
 public:
  explicit RedisRouterKeys(const Scope& scope);

  std::string log() const { return prefix_ + "log"; }
  std::string head() const { return prefix_ + "head"; }
  std::string feedback() const { return prefix_ + "feedback"; }
  std::string counts() const { return prefix_ + "counts"; }
  std::string open() const { return prefix_ + "open"; }
  std::string slots() const { return prefix_ + "slots"; }
  std::string checkpoints() const { return prefix_ + "checkpoints"; }
  std::string pruned() const { return prefix_ + "pruned"; }
  std::string decision(std::string_view query_id) const;
  std::string session(std::string_view session_id) const;
  std::string idempotency(const IdempotencyKey& key) const;

 private:
  std::string prefix_;
};

inline constexpr std::string_view kRedisStoreId = "pm:store";
inline constexpr std::string_view kRedisScopes = "pm:scopes";
std::string redis_claim_key(std::string_view tenant, std::string_view query_id);
std::string redis_session_key(std::string_view tenant, std::string_view session_id);
std::string redis_hint_key(std::string_view tenant, const IdempotencyKey& key);

/// A scope as a member of pm:scopes, and back. Nothing for a text that is none of ours.
std::string redis_scope_member(const Scope& scope);
std::optional<Scope> redis_scope_of(std::string_view member);

/// What pm:q holds: where a query_id's decision is, and until when it is open.
struct RedisClaim {
  std::string router;
  Timestamp expires_at{};
};
std::string write_redis_claim(const RedisClaim& claim);
std::optional<RedisClaim> read_redis_claim(std::string_view text);

/// What an idempotency key holds; see append.lua.
struct RedisKeyEntry {
  Fingerprint body{};
  Timestamp expires_at{};
  LogPosition position = 0;
};
std::optional<RedisKeyEntry> read_redis_key_entry(std::string_view text);

/// A whole number in decimal, alone. Nothing for anything else.
std::optional<std::uint64_t> redis_number(std::string_view text);

inline std::string_view redis_bytes(const Fingerprint& value) {
  return {reinterpret_cast<const char*>(value.data()), value.size()};
}

}  // namespace pointsman
