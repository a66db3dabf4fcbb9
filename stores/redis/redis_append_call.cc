#include "stores/redis/redis_append_call.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

#include "stores/append_rules.h"
#include "stores/redis/redis_append.h"
#include "stores/redis/redis_scripts.h"

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

bool has_slots(const RedisAppendItem& item) {
  return !item.creates() && item.request->subject_kind != SubjectKind::none;
}

}  // namespace

RedisRecordTraits redis_traits_of(const RecordBody& body) {
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

std::chrono::milliseconds RedisAppendItem::hint_life() const {
  Timestamp expires_at = request->record.time + kLeastKeyLife;
  if (claim) expires_at = std::max(expires_at, claim->expires_at);
  if (const auto* decision = std::get_if<Decision>(&request->record.body)) {
    expires_at = std::max(expires_at, decision->expires_at);
  }
  return std::min(expires_at - request->record.time + kMargin, kLongestLife);
}

RedisAppendCall::RedisAppendCall(Scope scope, bool cluster)
    : scope_(std::move(scope)), cluster_(cluster), keys_of_(scope_) {
  for (std::string key :
       {keys_of_.log(), keys_of_.head(), keys_of_.counts(), keys_of_.open(), keys_of_.feedback()}) {
    number_of(std::move(key));
  }
}

// See stores/redis/append.lua: what a request has not is not sent.
void RedisAppendCall::add(const RedisAppendItem& item, std::size_t at) {
  const AppendRequest& request = *item.request;
  members_.push_back(at);
  add_form(item);
  arguments_.push_back(item.bytes);
  arguments_.push_back(std::to_string(millis(request.record.time)));
  if (request.subject_kind != SubjectKind::none) arguments_.push_back(subject_of(request));
  const auto* decision = std::get_if<Decision>(&request.record.body);
  if (item.creates()) {
    arguments_.emplace_back(redis_bytes(decision_body(request)));
    arguments_.push_back(decision ? std::to_string(millis(decision->expires_at)) : "0");
  }
  if (request.key) {
    arguments_.push_back(number_of(keys_of_.idempotency(*request.key)));
    arguments_.emplace_back(redis_bytes(request.key->body));
    arguments_.push_back(item.key_elsewhere);
  }
  if (!item.traits.session_id.empty()) {
    arguments_.push_back(number_of(keys_of_.session(item.traits.session_id)));
  }
  if (tells_claim(item)) {
    arguments_.push_back(number_of(redis_claim_key(scope_.tenant, request.subject)));
    arguments_.push_back(write_redis_claim({scope_.router, decision->expires_at}));
  }
  if (tells_routers(item)) {
    arguments_.push_back(number_of(redis_session_key(scope_.tenant, item.traits.session_id)));
  }
  if (tells_hint(item)) {
    arguments_.push_back(number_of(redis_hint_key(scope_.tenant, *request.key)));
    arguments_.push_back(millis_text(item.hint_life()));
  }
  if (!has_slots(item)) return;
  for (const Slot& slot : request.slots) arguments_.emplace_back(redis_bytes(slot.value));
}

RedisCommand RedisAppendCall::command(const std::string& sha, LogPosition floor) {
  std::vector<std::string> head = {scope_.router, std::to_string(floor), millis_text(kLeastKeyLife),
                                   millis_text(kMargin), std::to_string(members_.size())};
  arguments_.insert(arguments_.begin(), std::make_move_iterator(head.begin()),
                    std::make_move_iterator(head.end()));
  return redis_script(sha, kRedisAppendScript, std::move(keys_), std::move(arguments_));
}

std::string RedisAppendCall::flags_of(const RedisAppendItem& item) const {
  std::string flags;
  if (item.on_subject_decision()) flags += 'd';
  if (item.request->subject_kind == SubjectKind::session) flags += 's';
  if (item.request->subject_kind == SubjectKind::router) flags += 'r';
  if (item.creates()) flags += 'c';
  if (item.claims_elsewhere()) flags += 'e';
  if (item.request->first_wins) flags += 'w';
  if (item.too_large) flags += 'x';
  if (item.traits.is_feedback) flags += 'f';
  if (item.traits.is_decision) flags += 'n';
  if (item.request->key) flags += 'k';
  if (!item.traits.session_id.empty()) flags += 'o';
  if (tells_claim(item)) flags += 'q';
  if (tells_routers(item)) flags += 't';
  if (tells_hint(item)) flags += 'h';
  return flags.empty() ? "-" : flags;
}

void RedisAppendCall::add_form(const RedisAppendItem& item) {
  std::vector<std::string> form = {flags_of(item), item.traits.count, "0"};
  if (has_slots(item)) {
    form.back() = std::to_string(item.request->slots.size());
    for (const Slot& slot : item.request->slots) form.push_back('s' + slot.name);
  }
  if (form == form_) {
    arguments_.emplace_back();
    return;
  }
  arguments_.insert(arguments_.end(), form.begin(), form.end());
  form_ = std::move(form);
}

std::string RedisAppendCall::subject_of(const AppendRequest& request) {
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
std::string RedisAppendCall::subject_of_router(const std::string& subject) const {
  return subject.empty() ? keys_of_.slots() : keys_of_.slots() + ":" + subject;
}

std::string RedisAppendCall::number_of(std::string key) {
  const auto [at, is_new] = numbers_.try_emplace(std::move(key), keys_.size() + 1);
  if (is_new) keys_.push_back(at->first);
  return std::to_string(at->second);
}

}  // namespace pointsman
