#include "engine/routers/committed.h"

#include <variant>

namespace pointsman {
namespace {

/// Fills in the answer that was given at committed.position, from the store.
Status describe_at(Store& store, const std::string& query_id, Committed& committed) {
  auto own = store.find(committed.scope.tenant, query_id, committed.position);
  if (!own) return own.error();
  if (own->empty()) {  // A bounded store remembers a key longer than its decision.
    committed.status = AppendStatus::unknown;
    return Done{};
  }
  const auto session = session_of(store, *own, committed.position);
  if (!session) return session.error();
  for (const StoredRecord& stored : *own) {
    if (stored.position != committed.position) continue;
    if (const auto* feedback = std::get_if<Feedback>(&stored.record.body)) {
      committed.reward = feedback->reward;
    }
    if (const auto* decision = std::get_if<Decision>(&stored.record.body)) {
      committed.decision = std::make_shared<const Decision>(*decision);
    }
  }
  const auto state = rebuild_state(*own, *session, committed.position + 1);
  if (!state) return Error{ErrorCode::corrupt, "a duplicate of a record that is not there", ""};
  committed.observation = combine(*state);
  return Done{};
}

/// Counts the decisions of a session that its feedback at committed.position reached.
Status count_propagated(Store& store, const std::string& session_id, Committed& committed) {
  auto records = store.session_records(committed.scope, session_id, committed.position);
  if (!records) return records.error();
  for (const StoredRecord& stored : *records) {
    if (std::holds_alternative<Decision>(stored.record.body)) ++committed.propagated;
    if (stored.position != committed.position) continue;
    if (const auto* session = std::get_if<SessionFeedback>(&stored.record.body)) {
      committed.reward = session->reward;
    }
  }
  return Done{};
}

}  // namespace

Status describe(RouterFold& fold, Store& store, const RecordBody& body, Committed& committed) {
  if (const auto* feedback = std::get_if<Feedback>(&body)) {
    committed.reward = feedback->reward;
    if (fold.position() != committed.position) {
      return describe_at(store, feedback->query_id, committed);
    }
    auto state = fold.state_of(feedback->query_id, store);
    if (!state) return state.error();
    committed.observation = combine(*state);
  } else if (const auto* session = std::get_if<SessionFeedback>(&body)) {
    committed.reward = session->reward;
    return count_propagated(store, session->session_id, committed);
  }
  return Done{};
}

Status describe_duplicate(Store& store, const AppendRequest& request, Committed& committed) {
  switch (request.subject_kind) {
    case SubjectKind::decision:
      return describe_at(store, request.subject, committed);
    case SubjectKind::session:
      return count_propagated(store, request.subject, committed);
    case SubjectKind::none:
    case SubjectKind::router:
      return Done{};
  }
  return Done{};
}

}  // namespace pointsman
