#include "engine/routers/router.h"

#include <cstring>
#include <set>
#include <utility>

namespace pointsman {
namespace {

const Scope kOwnScope{"", "router"};

/// Records of one process need no random id to be told apart.
RecordId id_at(LogPosition position) {
  RecordId id{};
  std::memcpy(id.data(), &position, sizeof position);
  return id;
}

Status check_arms(const std::vector<ArmSpec>& arms) {
  std::set<std::string_view> ids;
  for (const ArmSpec& arm : arms) {
    if (arm.id.empty() || !ids.insert(arm.id).second) {
      return invalid("arms", "arm \"" + arm.id + "\" has no id, or that of another arm");
    }
  }
  return Done{};
}

Status check_unit(const char* field, double value) {
  if (value >= 0.0 && value <= 1.0) return Done{};
  return invalid(field, "must be in [0, 1]");
}

Error closed(std::string_view query_id) {
  return {ErrorCode::not_found,
          "no such decision, or its time has passed: \"" + std::string(query_id) + "\"",
          "query_id"};
}

}  // namespace

Router::Router(Options options)
    : options_(std::move(options)),
      open_(options_.open_decisions),
      fold_(kOwnScope, {.text_model = options_.text_model}) {}

Result<std::unique_ptr<Router>> Router::make(Options options) {
  const RouterConfig& given = options.config;
  if (Status ok = check_arms(given.arms); !ok) return ok.error();
  const Learner learner{given.policy, given.posterior, given.propensity_floor};
  if (Status ok = check_learner(learner); !ok) return ok.error();
  std::unique_ptr<Router> made(new Router(std::move(options)));
  RouterConfig config = std::move(made->options_.config);
  if (Status ok = made->append(std::move(config), {}); !ok) return ok.error();
  return made;
}

Result<std::unique_ptr<Router>> Router::restore(Options options,
                                                std::span<const StoredRecord> records) {
  std::unique_ptr<Router> made(new Router(std::move(options)));
  for (const StoredRecord& stored : records) {
    if (stored.position <= made->fold_.position()) {
      return Error{ErrorCode::corrupt, "the records are not in the order of their positions", ""};
    }
    if (Status ok = made->take(stored); !ok) return ok.error();
  }
  if (made->fold_.config() == nullptr) {
    return Error{ErrorCode::corrupt, "there is no record", ""};
  }
  made->snapshot_ = made->fold_.snapshot();
  return made;
}

Status Router::take(const StoredRecord& stored) {
  if (Status ok = fold_.apply({kOwnScope, stored.position, stored.record}, open_); !ok) return ok;
  open_.put(stored);
  return Done{};
}

Status Router::append(RecordBody body, Timestamp now) {
  const LogPosition position = fold_.position() + 1;
  const StoredRecord stored{kOwnScope, position, {id_at(position), now, std::move(body)}};
  if (options_.log) {
    if (Status ok = options_.log(stored); !ok) return ok;
  }
  if (Status ok = take(stored); !ok) return ok;
  if (auto revision = fold_.due_schema_revision()) {
    if (append(*std::move(revision), now)) return Done{};
    // The log refused it, not what the caller asked for; after the next record it is due again.
  }
  snapshot_ = fold_.snapshot();
  return Done{};
}

Result<Decision> Router::decide(const RequestFeatures& features, DecideRequest request) {
  if (request.query_id.empty()) request.query_id = "d" + std::to_string(fold_.position() + 1);
  if (open_.decision(request.query_id) != nullptr) {
    return Error{ErrorCode::conflict, "this query_id is a decision's already", "query_id"};
  }
  raw_.resize(snapshot_->encoder->dims());
  if (Status ok = snapshot_->encoder->encode(features, raw_); !ok) return ok.error();
  request.raw = raw_;
  auto decision = pointsman::decide(*snapshot_, request);
  if (!decision) return decision;
  if (Status ok = append(*decision, request.now); !ok) return ok.error();
  return decision;
}

Result<Observation> Router::observation_of(std::string_view query_id) {
  const auto state = fold_.state_of(std::string(query_id), open_);
  if (!state) return state.error();
  return combine(*state);
}

Result<Observation> Router::learn(std::string_view query_id, std::string_view signal_type,
                                  Reward reward, Timestamp now) {
  if (Status ok = check_unit("reward", reward.value); !ok) return ok.error();
  if (Status ok = check_unit("confidence", reward.confidence); !ok) return ok.error();
  const Decision* const decision = open_.decision(query_id);
  if (decision == nullptr || decision->expires_at < now) return closed(query_id);
  Feedback feedback{std::string(query_id), std::string(signal_type), reward, ""};
  if (Status ok = append(std::move(feedback), now); !ok) return ok.error();
  return observation_of(query_id);
}

Result<Observation> Router::learn(Outcome outcome, Timestamp now) {
  for (const auto& [field, value] :
       {std::pair{"cost_usd", outcome.cost_usd}, std::pair{"latency_ms", outcome.latency_ms}}) {
    if (value && !(*value >= 0.0 && *value <= 1e300)) return invalid(field, "must be ≥ 0");
  }
  const Decision* const decision = open_.decision(outcome.query_id);
  if (decision == nullptr || decision->expires_at < now) return closed(outcome.query_id);
  const std::string query_id = outcome.query_id;
  if (Status ok = append(std::move(outcome), now); !ok) return ok.error();
  return observation_of(query_id);
}

Status Router::put_arm(ArmSpec arm, Timestamp now) {
  if (arm.id.empty()) return invalid("id", "an arm needs an id");
  return append(ArmPut{std::move(arm)}, now);
}

Status Router::remove_arm(const std::string& id, Timestamp now) {
  for (const auto& arm : fold_.arms()) {
    if (arm->spec.id == id) return append(ArmRemoved{id}, now);
  }
  return Error{ErrorCode::not_found, "no such arm: \"" + id + "\"", "id"};
}

}  // namespace pointsman
