#include "stores/plain_columns.h"

#include <variant>

namespace pointsman {
namespace {

PlainColumns columns(const Decision& body) {
  PlainColumns made{.query_id = body.query_id, .session_id = body.session_id};
  if (body.chosen < body.arms.size()) made.arm = body.arms[body.chosen].arm;
  return made;
}

PlainColumns columns(const Outcome& body) {
  return {.query_id = body.query_id, .cost_usd = body.cost_usd, .latency_ms = body.latency_ms};
}

PlainColumns columns(const Feedback& body) {
  return {.query_id = body.query_id,
          .signal_type = body.signal_type,
          .reward = body.reward.value,
          .confidence = body.reward.confidence};
}

PlainColumns columns(const SessionFeedback& body) {
  return {.session_id = body.session_id,
          .signal_type = body.signal_type,
          .reward = body.reward.value,
          .confidence = body.reward.confidence};
}

PlainColumns columns(const ArmPut& body) { return {.arm = body.arm.id}; }
PlainColumns columns(const ArmRemoved& body) { return {.arm = body.arm}; }
PlainColumns columns(const RouterConfig&) { return {}; }
PlainColumns columns(const SchemaRevision&) { return {}; }
PlainColumns columns(const WarmStart&) { return {}; }

}  // namespace

PlainColumns plain_columns(const RecordBody& body) {
  return std::visit([](const auto& made) { return columns(made); }, body);
}

}  // namespace pointsman
