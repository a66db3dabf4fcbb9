#include "stores/redis_append.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>

#include "engine/record_codec.h"
#include "stores/append_rules.h"
#include "stores/redis_keys.h"
#include "stores/redis_scripts.h"

namespace pointsman {
namespace {

/// How much longer than it must a key lives, for clocks that differ.
constexpr std::chrono::milliseconds kMargin = std::chrono::days(1);
/// Redis refuses a life that its clock cannot hold.
constexpr std::chrono::milliseconds kLongestLife = std::chrono::days(3650);

std::int64_t millis(Timestamp time) { return time.time_since_epoch().count(); }

std::string millis_text(std::chrono::milliseconds duration) {
  return std::to_string(duration.count());
}

/// What the script is told of a record beside its bytes.
struct RecordTraits {
  std::string count;  ///< Field of the counts; empty: not counted.
  bool is_feedback = false;
  std::string_view session_id;
  bool is_decision = false;
};

RecordTraits traits_of(const RecordBody& body) {
  if (const auto* decision = std::get_if<Decision>(&body)) {
    return {.count = "decision", .session_id = decision->session_id, .is_decision = true};
  }
  if (std::holds_alternative<Outcome>(body)) return {.count = "outcome"};
  if (const auto* feedback = std::get_if<Feedback>(&body)) {
    return {.count = "feedback:" + feedback->signal_type, .is_feedback = true};
  }
  if (const auto* session = std::get_if<SessionFeedback>(&body)) {
    return {.count = "session_feedback", .is_feedback = true, .session_id = session->session_id};
  }
  return {};
}

/// One request on its way through the round trips.
struct Item {
  const AppendRequest* request = nullptr;
  std::string bytes;
  bool too_large = false;
  RecordTraits traits;
  std::optional<RedisClaim> claim;  ///< Of the decision that the subject names.
  std::string hint;                 ///< A router that may hold the key; empty: none is known.
  std::string key_elsewhere;        ///< The key's entry in that router; empty: none.
  Scope home;                       ///< Where it is judged; no router: it is judged here.

  bool on_subject_decision() const { return request->subject_kind == SubjectKind::decision; }
  bool creates() const { return on_subject_decision() && request->creates_subject; }
  /// Whether the first round trip claims the query_id for this request's router.
  bool claims() const {
    return creates() && traits.is_decision && !too_large && !request->scope.router.empty();
  }
  bool wants_hint() const { return request->key && hint.empty(); }
  std::chrono::milliseconds hint_life() const {
    Timestamp expires_at = request->record.time + kLeastKeyLife;
    if (claim) expires_at = std::max(expires_at, claim->expires_at);
    if (const auto* decision = std::get_if<Decision>(&request->record.body)) {
      expires_at = std::max(expires_at, decision->expires_at);
    }
    return std::min(expires_at - request->record.time + kMargin, kLongestLife);
  }
  bool claims_elsewhere() const {
    return creates() && claim && claim->router != request->scope.router;
  }
};

/// The arguments of one script: the requests of one router.
class ScriptCall final {
 public:
  ScriptCall(Scope scope, bool cluster)
      : scope_(std::move(scope)), cluster_(cluster), keys_of_(scope_) {
    for (std::string key : {keys_of_.log(), keys_of_.head(), keys_of_.counts(), keys_of_.open(),
                            keys_of_.feedback()}) {
      number_of(std::move(key));
    }
  }

  void add(const Item& item, std::size_t at) {
    const AppendRequest& request = *item.request;
    members_.push_back(at);
    arguments_.push_back(flags_of(item));
    arguments_.push_back(item.bytes);
    arguments_.push_back(std::to_string(millis(request.record.time)));
    arguments_.push_back(subject_of(request));
    arguments_.push_back(request.key ? number_of(keys_of_.idempotency(*request.key)) : "0");
    arguments_.emplace_back(request.key ? redis_bytes(request.key->body) : std::string_view());
    arguments_.push_back(item.key_elsewhere);
    arguments_.emplace_back(redis_bytes(decision_body(request)));
    const auto* decision = std::get_if<Decision>(&request.record.body);
    arguments_.push_back(decision ? std::to_string(millis(decision->expires_at)) : "0");
    const std::string_view session = item.traits.session_id;
    arguments_.push_back(session.empty() ? "0" : number_of(keys_of_.session(session)));
    arguments_.push_back(item.traits.count);
    add_directories(item);
    const bool judged_by_slots = !item.creates() && request.subject_kind != SubjectKind::none;
    arguments_.push_back(std::to_string(judged_by_slots ? request.slots.size() : 0));
    if (!judged_by_slots) return;
    for (const Slot& slot : request.slots) {
      arguments_.push_back(slot.name);
      arguments_.emplace_back(redis_bytes(slot.value));
    }
  }

  RedisCommand command(const std::string& sha, LogPosition floor) const {
    std::vector<std::string> arguments = {scope_.router, std::to_string(floor),
                                          millis_text(kLeastKeyLife), millis_text(kMargin),
                                          std::to_string(members_.size())};
    arguments.insert(arguments.end(), arguments_.begin(), arguments_.end());
    return redis_script(sha, kRedisAppendScript, keys_, arguments);
  }

  const Scope& scope() const { return scope_; }
  const std::vector<std::size_t>& members() const { return members_; }

 private:
  static std::string flags_of(const Item& item) {
    std::string flags;
    if (item.on_subject_decision()) flags += 'd';
    if (item.request->subject_kind == SubjectKind::session) flags += 's';
    if (item.creates()) flags += 'c';
    if (item.claims_elsewhere()) flags += 'e';
    if (item.request->first_wins) flags += 'w';
    if (item.too_large) flags += 'x';
    if (item.traits.is_feedback) flags += 'f';
    if (item.traits.is_decision) flags += 'n';
    return flags;
  }

  /// The keys with hash tags of their own: a cluster does not take them beside the router's.
  void add_directories(const Item& item) {
    const AppendRequest& request = *item.request;
    const std::string& tenant = scope_.tenant;
    const auto* decision = std::get_if<Decision>(&request.record.body);
    const bool claims = !cluster_ && item.claims() && !item.claims_elsewhere();
    arguments_.push_back(claims ? number_of(redis_claim_key(tenant, request.subject)) : "0");
    arguments_.push_back(claims ? write_redis_claim({scope_.router, decision->expires_at})
                                : std::string());
    const bool session = !cluster_ && decision != nullptr && !item.traits.session_id.empty();
    arguments_.push_back(session ? number_of(redis_session_key(tenant, item.traits.session_id))
                                 : "0");
    const bool hints = !cluster_ && item.wants_hint();
    arguments_.push_back(hints ? number_of(redis_hint_key(tenant, *request.key)) : "0");
    arguments_.push_back(hints ? millis_text(item.hint_life()) : std::string());
  }

  std::string subject_of(const AppendRequest& request) {
    switch (request.subject_kind) {
      case SubjectKind::none:
        return "0";
      case SubjectKind::decision:
        return number_of(keys_of_.decision(request.subject));
      case SubjectKind::session:
        return number_of(keys_of_.session(request.subject));
      case SubjectKind::router:
        return number_of(subject_of_router(request.subject));
    }
    return "0";
  }

  /// A router's slots are one hash a subject; the usual subject is the empty one.
  std::string subject_of_router(const std::string& subject) const {
    return subject.empty() ? keys_of_.slots() : keys_of_.slots() + ":" + subject;
  }

  std::string number_of(std::string key) {
    const auto [at, is_new] = numbers_.try_emplace(std::move(key), keys_.size() + 1);
    if (is_new) keys_.push_back(at->first);
    return std::to_string(at->second);
  }

  Scope scope_;
  bool cluster_;
  RedisRouterKeys keys_of_;
  std::vector<std::string> keys_;
  std::unordered_map<std::string, std::size_t> numbers_;
  std::vector<std::size_t> members_;
  std::vector<std::string> arguments_;
};

// ---- The first round trip ----------------------------------------------------------------------

Result<std::vector<Item>> prepare(std::span<const AppendRequest> group,
                                  const RedisAppend::Options& options) {
  std::vector<Item> items(group.size());
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < group.size(); ++i) {
    items[i].request = &group[i];
    items[i].traits = traits_of(group[i].record.body);
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

std::string text_or_empty(const RedisReply& reply) {
  return reply->type == REDIS_REPLY_STRING ? std::string(bytes_of(*reply)) : std::string();
}

Status look_up(RedisNodes& nodes, std::vector<Item>& items, bool cluster) {
  std::vector<RedisCommand> commands;
  for (const Item& item : items) {
    const AppendRequest& request = *item.request;
    if (item.on_subject_decision()) {
      const std::string key = redis_claim_key(request.scope.tenant, request.subject);
      const auto* decision = std::get_if<Decision>(&request.record.body);
      if (cluster && item.claims()) {
        commands.push_back(
            {{"SET", key, write_redis_claim({request.scope.router, decision->expires_at}), "NX"},
             key});
      }
      commands.push_back({{"GET", key}, key});
    }
    if (request.key) {
      const std::string key = redis_hint_key(request.scope.tenant, *request.key);
      commands.push_back({{"GET", key}, key});
    }
  }
  if (commands.empty()) return Done{};
  Result<std::vector<RedisReply>> replies = nodes.run(std::move(commands), RedisRepeat::safe);
  if (!replies.ok()) return replies.error();
  for (const RedisReply& reply : *replies) {
    if (is_error(*reply)) return refusal(*reply);
  }
  std::size_t at = 0;
  for (Item& item : items) {
    if (item.on_subject_decision()) {
      if (cluster && item.claims()) ++at;
      item.claim = read_redis_claim(text_or_empty((*replies)[at++]));
    }
    if (item.request->key) item.hint = text_or_empty((*replies)[at++]);
  }
  return Done{};
}

/// A decision's id may be named again later in its own group, before any claim of it is stored.
void claim_within_group(std::vector<Item>& items) {
  std::map<std::pair<std::string_view, std::string_view>, RedisClaim> claimed;
  for (Item& item : items) {
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
void find_home(Item& item) {
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

Status read_other_routers(RedisNodes& nodes, std::vector<Item>& items) {
  std::vector<RedisCommand> commands;
  std::vector<Item*> asking;
  for (Item& item : items) {
    if (item.hint.empty() || item.hint == item.home.router) continue;
    const std::string key =
        RedisRouterKeys({item.request->scope.tenant, item.hint}).idempotency(*item.request->key);
    commands.push_back({{"GET", key}, key});
    asking.push_back(&item);
  }
  if (commands.empty()) return Done{};
  Result<std::vector<RedisReply>> replies = nodes.run(std::move(commands), RedisRepeat::safe);
  if (!replies.ok()) return replies.error();
  for (std::size_t i = 0; i < asking.size(); ++i) {
    if (is_error(*(*replies)[i])) return refusal(*(*replies)[i]);
    std::string text = text_or_empty((*replies)[i]);
    const auto entry = read_redis_key_entry(text);
    if (entry && entry->expires_at >= asking[i]->request->record.time) {
      asking[i]->key_elsewhere = std::move(text);
    } else {
      asking[i]->hint.clear();  // It leads nowhere: this request may put its own.
    }
  }
  return Done{};
}

/// The rules for a request that no router can judge: its key first, then it is unknown.
AppendResult judge_without_router(const Item& item) {
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

void add_directories(const Item& item, std::vector<RedisCommand>& commands) {
  const AppendRequest& request = *item.request;
  if (item.traits.is_decision && !item.traits.session_id.empty()) {
    const std::string key = redis_session_key(item.home.tenant, item.traits.session_id);
    commands.push_back({{"SADD", key, item.home.router}, key});
  }
  if (!item.wants_hint()) return;
  const std::string key = redis_hint_key(item.home.tenant, *request.key);
  commands.push_back({{"SET", key, item.home.router, "PX", millis_text(item.hint_life())}, key});
}

Status take_results(const ScriptCall& call, const redisReply& reply,
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

RedisCommand redis_script(const std::string& sha, const char* lua,
                          const std::vector<std::string>& keys,
                          const std::vector<std::string>& arguments) {
  assert(!keys.empty());
  RedisCommand command{
      .words = {"EVALSHA", sha, std::to_string(keys.size())}, .key = keys.front(), .lua = lua};
  command.words.insert(command.words.end(), keys.begin(), keys.end());
  command.words.insert(command.words.end(), arguments.begin(), arguments.end());
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
  Result<std::vector<Item>> prepared = prepare(group, options_);
  if (!prepared.ok()) return prepared.error();
  std::vector<Item>& items = *prepared;
  if (Status looked = look_up(nodes_, items, options_.cluster); !looked.ok()) return looked.error();
  claim_within_group(items);
  for (Item& item : items) find_home(item);
  if (Status read = read_other_routers(nodes_, items); !read.ok()) return read.error();

  std::vector<AppendResult> results(group.size());
  std::map<Scope, ScriptCall> calls;
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
  for (const auto& [scope, call] : calls) {
    LogPosition& floor = floors.try_emplace(scope.tenant, clock_.now(scope.tenant)).first->second;
    commands.push_back(call.command(scripts_.append, floor));
    floor += call.members().size();
  }

  Result<std::vector<RedisReply>> replies = nodes_.run(std::move(commands), RedisRepeat::never);
  if (!replies.ok()) return replies.error();
  std::optional<Error> refused;
  std::size_t scripts_run = 0;
  for (std::size_t i = 0; i < replies->size(); ++i) {
    const bool failed = is_error(*(*replies)[i]);
    if (failed) refused = refusal(*(*replies)[i]);
    if (!failed && i >= first_script) ++scripts_run;
  }
  if (refused) {
    // A router's script ran and another's did not: the caller must give the group again.
    if (scripts_run > 0) refused->code = ErrorCode::in_doubt;
    return *refused;
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
