// What Routers::commit says of each record: rewards, observations, reach.

#include <memory>
#include <utility>

#include "engine/routers/routers.h"

namespace pointsman {

Status Routers::describe(const RecordBody& body, Committed& committed) {
  if (const auto* feedback = std::get_if<Feedback>(&body)) {
    committed.reward = feedback->reward;
    RouterFold& fold = *entry(committed.scope).fold;
    // A scan may have folded later records too, of which this answer must not speak.
    if (fold.position() != committed.position) return describe_at(feedback->query_id, committed);
    auto state = fold.state_of(feedback->query_id, store_);
    if (!state) return state.error();
    committed.observation = combine(*state);
  } else if (const auto* session = std::get_if<SessionFeedback>(&body)) {
    committed.reward = session->reward;
    return count_propagated(session->session_id, committed);
  }
  return Done{};
}

Status Routers::describe_at(const std::string& query_id, Committed& committed) {
  auto own = store_.find(committed.scope.tenant, query_id, committed.position);
  if (!own) return own.error();
  if (own->empty()) {  // A bounded store remembers a key longer than its decision.
    committed.status = AppendStatus::unknown;
    return Done{};
  }
  const auto session = session_of(store_, *own, committed.position);
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

Status Routers::count_propagated(const std::string& session_id, Committed& committed) {
  auto records = store_.session_records(committed.scope, session_id, committed.position);
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

Status Routers::describe_duplicate(const AppendRequest& request, Committed& committed) {
  switch (request.subject_kind) {
    case SubjectKind::decision:
      return describe_at(request.subject, committed);
    case SubjectKind::session:
      return count_propagated(request.subject, committed);
    case SubjectKind::none:
    case SubjectKind::router:
      return Done{};
  }
  return Done{};
}

}  // namespace pointsman
