#include "stores/append_rules.h"

#include <algorithm>
#include <cassert>
#include <chrono>
#include <utility>
#include <variant>
#include <vector>

namespace pointsman {
namespace {

/// What the current slots say of a request.
struct SlotJudgement {
  bool any_known = false;
  bool all_equal = true;     ///< Every slot is known and holds the value that the request gives.
  LogPosition position = 0;  ///< The newest record that set one of them.
  std::vector<bool> equal;   ///< A slot each.
};

SlotJudgement judge_slots(const AppendRequest& request, const SubjectKey& subject,
                          AppendIndex& index) {
  SlotJudgement judged;
  judged.all_equal = !request.slots.empty();
  judged.equal.reserve(request.slots.size());
  for (const Slot& slot : request.slots) {
    const std::optional<SlotEntry> known = index.find_slot(subject, slot.name);
    const bool equal = known && known->value == slot.value;
    judged.equal.push_back(equal);
    judged.all_equal = judged.all_equal && equal;
    if (!known) continue;
    judged.any_known = true;
    judged.position = std::max(judged.position, known->position);
  }
  return judged;
}

/// One request on its way through the rules.
class Judgement final {
 public:
  Judgement(const AppendRequest& request, AppendIndex& index)
      : request_(request), index_(index), scope_(request.scope) {}

  AppendResult run() {
    const bool names_decision = request_.subject_kind == SubjectKind::decision;
    if (names_decision) known_ = index_.find_decision(scope_.tenant, request_.subject);
    const bool on_decision = names_decision && !request_.creates_subject;
    if (on_decision && known_ && scope_.router.empty()) scope_.router = known_->router;

    std::optional<KeyEntry> key = find_key();
    const bool same_body = key && key->body == request_.key->body;
    if (same_body && key->router == key_router()) {
      return result(AppendStatus::duplicate, key->position);
    }
    if (scope_.router.empty() || (on_decision && !is_open())) {
      return result(AppendStatus::unknown, 0);
    }
    if (key && !same_body) return result(AppendStatus::conflict, key->position);
    if (request_.creates_subject) return known_ ? repeat_decision() : append_decision();
    return judge_and_append();
  }

 private:
  bool is_open() const {
    return known_ && known_->router == scope_.router && request_.record.time <= known_->expires_at;
  }

  // One session feedback is a record in each router that the session touched, all with one key.
  std::string key_router() const {
    return request_.subject_kind == SubjectKind::session ? scope_.router : std::string();
  }

  std::optional<KeyEntry> find_key() {
    if (!request_.key) return std::nullopt;
    std::optional<KeyEntry> key = index_.find_key(scope_.tenant, *request_.key, key_router());
    if (key && key->expires_at < request_.record.time) key.reset();
    return key;
  }

  void remember_key(LogPosition position, Timestamp decision_expires_at) {
    if (!request_.key) return;
    const Timestamp least = request_.record.time + kLeastKeyLife;
    index_.put_key(scope_.tenant, *request_.key,
                   {.router = key_router(),
                    .body = request_.key->body,
                    .position = position,
                    .expires_at = std::max(least, decision_expires_at)});
  }

  AppendResult repeat_decision() {
    scope_.router = known_->router;
    if (known_->body != decision_body(request_)) {
      return result(AppendStatus::conflict, known_->position);
    }
    remember_key(known_->position, known_->expires_at);
    return result(AppendStatus::duplicate, known_->position);
  }

  AppendResult append_decision() {
    const auto* decision = std::get_if<Decision>(&request_.record.body);
    assert(decision != nullptr && decision->query_id == request_.subject);
    const Result<LogPosition> position = index_.add_record(scope_, request_.record, 0);
    if (!position.ok()) return failed(position.error());
    index_.put_decision(scope_.tenant, request_.subject,
                        {.router = scope_.router,
                         .position = position.value(),
                         .expires_at = decision->expires_at,
                         .body = decision_body(request_)});
    remember_key(position.value(), decision->expires_at);
    return result(AppendStatus::recorded, position.value());
  }

  AppendResult judge_and_append() {
    const bool of_decision = request_.subject_kind == SubjectKind::decision;
    const SubjectKey subject{.kind = request_.subject_kind,
                             .tenant = scope_.tenant,
                             .router = of_decision ? std::string_view() : scope_.router,
                             .subject = request_.subject,
                             .decision = known_ ? known_->position : 0};
    const Timestamp decision_expires_at = known_ ? known_->expires_at : Timestamp::min();
    SlotJudgement slots;
    if (subject.kind != SubjectKind::none) {
      slots = judge_slots(request_, subject, index_);
      if (slots.all_equal || (request_.first_wins && slots.any_known)) {
        remember_key(slots.position, decision_expires_at);
        return result(AppendStatus::duplicate, slots.position);
      }
    }
    const Result<LogPosition> position =
        index_.add_record(scope_, request_.record, subject.decision);
    if (!position.ok()) return failed(position.error());
    for (std::size_t i = 0; i < slots.equal.size(); ++i) {
      if (slots.equal[i]) continue;
      index_.put_slot(subject, request_.slots[i].name,
                      {.value = request_.slots[i].value, .position = position.value()});
    }
    remember_key(position.value(), decision_expires_at);
    return result(slots.any_known ? AppendStatus::revised : AppendStatus::recorded,
                  position.value());
  }

  AppendResult result(AppendStatus status, LogPosition position) {
    return {.status = status, .position = position, .scope = std::move(scope_), .message = {}};
  }

  AppendResult failed(const Error& error) {
    AppendResult made = result(AppendStatus::failed, 0);
    made.message = error.message;
    return made;
  }

  const AppendRequest& request_;
  AppendIndex& index_;
  Scope scope_;
  std::optional<DecisionEntry> known_;
};

}  // namespace

Fingerprint decision_body(const AppendRequest& request) {
  if (!request.slots.empty()) return request.slots.front().value;
  Fingerprint body{};
  std::copy(request.record.id.begin(), request.record.id.end(), body.begin());
  return body;
}

AppendResult append_by_rules(const AppendRequest& request, AppendIndex& index) {
  return Judgement(request, index).run();
}

}  // namespace pointsman
