#include "stores/redis/redis_append.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <optional>
#include <utility>
#include <variant>

#include "engine/log/record_codec.h"
#include "stores/redis/redis_append_call.h"
#include "stores/redis/redis_keys.h"
#include "stores/redis/redis_values.h"

namespace pointsman {
namespace {

// ---- The first round trip ----------------------------------------------------------------------

Result<std::vector<RedisAppendItem>> prepare(std::span<const AppendRequest> group,
                                             const RedisAppend::Options& options) {
  std::vector<RedisAppendItem> items(group.size());
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < group.size(); ++i) {
    items[i].request = &group[i];
    items[i].traits = redis_traits_of(group[i].record.body);
    items[i].bytes = encode(group[i].record);
    items[i].too_large = items[i].bytes.size() > options.max_record_bytes;
    if (items[i].too_large) items[i].bytes.clear();
    bytes += items[i].bytes.size();
  }
  if (bytes > options.max_group_bytes) {
    return Error{ErrorCode::exhausted, "A group for Redis is larger than max_group_bytes.", ""};
  }
  return items;
}

Status look_up(RedisNodes& nodes, const RedisIdentity& identity,
               std::vector<RedisAppendItem>& items, bool cluster) {
  std::vector<RedisCommand> claims;
  std::vector<std::string> keys = {std::string(kRedisStoreId)};
  for (const RedisAppendItem& item : items) {
    const AppendRequest& request = *item.request;
    if (item.on_subject_decision()) {
      keys.push_back(redis_claim_key(request.scope.tenant, request.subject));
      const auto* decision = std::get_if<Decision>(&request.record.body);
      if (cluster && item.claims()) {
        claims.push_back({{"SET", keys.back(),
                           write_redis_claim({request.scope.router, decision->expires_at}), "NX"},
                          keys.back()});
      }
    }
    if (request.key) keys.push_back(redis_hint_key(request.scope.tenant, *request.key));
  }
  auto values = redis_values(nodes, keys, cluster, std::move(claims));
  if (!values) return values.error();
  auto value = values->begin();
  if (Status same = identity.judge(*value++); !same.ok()) return same;
  for (RedisAppendItem& item : items) {
    if (item.on_subject_decision()) item.claim = read_redis_claim(*value++);
    if (item.request->key) item.hint = std::move(*value++);
  }
  return Done{};
}

/// A decision's id may be named again later in its own group, before any claim of it is stored.
void claim_within_group(std::vector<RedisAppendItem>& items) {
  std::map<std::pair<std::string_view, std::string_view>, RedisClaim> claimed;
  for (RedisAppendItem& item : items) {
    if (!item.on_subject_decision() || item.claim) continue;
    const AppendRequest& request = *item.request;
    const std::pair<std::string_view, std::string_view> name(request.scope.tenant, request.subject);
    if (item.claims()) {
      const auto* decision = std::get_if<Decision>(&request.record.body);
      claimed.try_emplace(name, RedisClaim{request.scope.router, decision->expires_at});
    }
    if (const auto known = claimed.find(name); known != claimed.end()) item.claim = known->second;
  }
}

// ---- Keys of other routers, and requests without a router --------------------------------------

/// Where a request is judged. Nowhere: its decision is not there, or not in the router it names.
void find_home(RedisAppendItem& item) {
  const Scope& asked = item.request->scope;
  item.home = asked;
  if (!item.on_subject_decision()) return;
  if (item.creates()) {
    if (item.claim && !asked.router.empty()) item.home.router = item.claim->router;
    return;
  }
  const bool elsewhere = item.claim && !asked.router.empty() && asked.router != item.claim->router;
  item.home.router = item.claim && !elsewhere ? item.claim->router : std::string();
}

Status read_other_routers(RedisNodes& nodes, std::vector<RedisAppendItem>& items, bool cluster) {
  std::vector<std::string> keys;
  std::vector<RedisAppendItem*> asking;
  for (RedisAppendItem& item : items) {
    if (item.hint.empty() || item.hint == item.home.router) continue;
    keys.push_back(
        RedisRouterKeys({item.request->scope.tenant, item.hint}).idempotency(*item.request->key));
    asking.push_back(&item);
  }
  auto values = redis_values(nodes, keys, cluster);
  if (!values) return values.error();
  for (std::size_t i = 0; i < asking.size(); ++i) {
    const auto entry = read_redis_key_entry((*values)[i]);
    if (entry && entry->expires_at >= asking[i]->request->record.time) {
      asking[i]->key_elsewhere = std::move((*values)[i]);
    } else {
      asking[i]->hint.clear();  // It leads nowhere: this request may put its own.
    }
  }
  return Done{};
}

/// The rules for a request that no router can judge: its key first, then it is unknown.
AppendResult judge_without_router(const RedisAppendItem& item) {
  AppendResult result;
  result.scope = item.request->scope;
  const auto entry = read_redis_key_entry(item.key_elsewhere);
  if (entry && entry->body == item.request->key->body &&
      item.request->subject_kind != SubjectKind::session) {
    result.status = AppendStatus::duplicate;
    result.position = entry->position;
  }
  return result;
}

// ---- The last round trip -----------------------------------------------------------------------

void add_directories(const RedisAppendItem& item, std::vector<RedisCommand>& commands) {
  const AppendRequest& request = *item.request;
  if (item.traits.is_decision && !item.traits.session_id.empty()) {
    const std::string key = redis_session_key(item.home.tenant, item.traits.session_id);
    commands.push_back({{"SADD", key, item.home.router}, key});
  }
  if (!item.wants_hint()) return;
  const std::string key = redis_hint_key(item.home.tenant, *request.key);
  commands.push_back(
      {{"SET", key, item.home.router, "PX", std::to_string(item.hint_life().count())}, key});
}

Status take_results(const RedisAppendCall& call, const redisReply& reply,
                    std::vector<AppendResult>& results) {
  const auto values = elements_of(reply);
  if (values.size() != 2 * call.members().size()) {
    return Error{ErrorCode::in_doubt, "Redis gave an answer that is none of our script's.", ""};
  }
  for (std::size_t i = 0; i < call.members().size(); ++i) {
    AppendResult& result = results[call.members()[i]];
    result.status = static_cast<AppendStatus>(values[2 * i]->integer);
    result.position = static_cast<LogPosition>(values[2 * i + 1]->integer);
    result.scope = call.scope();
    if (result.status == AppendStatus::failed) {
      result.message = "The record is larger than max_record_bytes, or Redis refused it.";
    }
  }
  return Done{};
}

}  // namespace

RedisCommand redis_script(const std::string& sha, std::string_view lua,
                          std::vector<std::string> keys, std::vector<std::string> arguments) {
  assert(!keys.empty());
  RedisCommand command{
      .words = {"EVALSHA", sha, std::to_string(keys.size())}, .key = keys.front(), .lua = lua};
  command.words.reserve(command.words.size() + keys.size() + arguments.size());
  std::move(keys.begin(), keys.end(), std::back_inserter(command.words));
  std::move(arguments.begin(), arguments.end(), std::back_inserter(command.words));
  return command;
}

LogPosition RedisClock::now(const std::string& tenant) const {
  const std::lock_guard lock(mutex_);
  const auto known = latest_.find(tenant);
  return known == latest_.end() ? 0 : known->second;
}

void RedisClock::saw(const std::string& tenant, LogPosition position) {
  const std::lock_guard lock(mutex_);
  LogPosition& latest = latest_[tenant];
  latest = std::max(latest, position);
}

Result<std::vector<AppendResult>> RedisAppend::run(std::span<const AppendRequest> group) {
  Result<std::vector<RedisAppendItem>> prepared = prepare(group, options_);
  if (!prepared.ok()) return prepared.error();
  std::vector<RedisAppendItem>& items = *prepared;
  if (Status looked = look_up(nodes_, identity_, items, options_.cluster); !looked.ok()) {
    return looked.error();
  }
  claim_within_group(items);
  for (RedisAppendItem& item : items) find_home(item);
  if (Status read = read_other_routers(nodes_, items, options_.cluster); !read.ok())
    return read.error();

  std::vector<AppendResult> results(group.size());
  std::map<Scope, RedisAppendCall> calls;
  std::vector<RedisCommand> commands;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (items[i].home.router.empty()) {
      results[i] = judge_without_router(items[i]);
      continue;
    }
    if (options_.cluster) add_directories(items[i], commands);
    const auto call = calls.try_emplace(items[i].home, items[i].home, options_.cluster).first;
    call->second.add(items[i], i);
  }
  if (calls.empty()) return results;
  for (const auto& [scope, call] : calls) {
    commands.push_back({{"SADD", std::string(kRedisScopes), redis_scope_member(scope)},
                        std::string(kRedisScopes)});
  }
  const std::size_t first_script = commands.size();
  std::map<std::string_view, LogPosition> floors;
  for (auto& [scope, call] : calls) {
    LogPosition& floor = floors.try_emplace(scope.tenant, clock_.now(scope.tenant)).first->second;
    commands.push_back(call.command(scripts_.append, floor));
    floor += call.members().size();
  }
  const std::size_t behind_scripts = commands.size();
  if (!options_.cluster) commands.push_back(identity_.question());

  Result<std::vector<RedisReply>> replies = nodes_.run(std::move(commands), RedisRepeat::never);
  if (!replies.ok()) return replies.error();
  std::optional<Error> refused;
  std::size_t scripts_run = 0;
  for (std::size_t i = 0; i < replies->size(); ++i) {
    const bool failed = is_error(*(*replies)[i]);
    if (failed) refused = refusal(*(*replies)[i]);
    if (!failed && i >= first_script && i < behind_scripts) ++scripts_run;
  }
  if (refused) {
    // A router's script ran and another's did not: the caller must give the group again.
    if (scripts_run > 0) refused->code = ErrorCode::in_doubt;
    return *refused;
  }
  if (!options_.cluster) {
    const Status same = identity_.judge(bytes_of(*replies->back()));
    if (!same.ok()) return Error{ErrorCode::in_doubt, same.error().message, ""};
  }
  std::size_t at = first_script;
  for (const auto& [scope, call] : calls) {
    if (Status taken = take_results(call, *(*replies)[at++], results); !taken.ok()) {
      return taken.error();
    }
    for (const std::size_t i : call.members()) clock_.saw(scope.tenant, results[i].position);
  }
  return results;
}

}  // namespace pointsman
