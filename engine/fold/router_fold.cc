#include "engine/fold/router_fold.h"

#include <algorithm>
#include <cassert>
#include <unordered_set>
#include <utility>

#include "engine/fold/default_policy.h"

namespace pointsman {

RouterFold::RouterFold(Scope scope, Options options)
    : scope_(std::move(scope)),
      options_(options),
      cache_(std::max<std::size_t>(options.cached_decisions, 2048)),
      sessions_(std::make_shared<StickySessions>(options.cached_sessions)) {}

Status RouterFold::apply(const StoredRecord& stored, DecisionSource& source) {
  assert(stored.position > position_);
  const RecordBody& body = stored.record.body;
  Status status = Done{};
  if (const auto* config = std::get_if<RouterConfig>(&body)) {
    status = fold_config(*config, stored.position);
  } else if (!config_) {
    return Error{
        ErrorCode::corrupt,
        "the log of router \"" + scope_.router + "\" does not begin with its configuration", ""};
  } else if (const auto* put = std::get_if<ArmPut>(&body)) {
    fold_arm(*put, stored.position);
  } else if (const auto* removed = std::get_if<ArmRemoved>(&body)) {
    remove_arm(removed->arm);
  } else if (const auto* revision = std::get_if<SchemaRevision>(&body)) {
    fold_schema(*revision);
  } else if (const auto* warm = std::get_if<WarmStart>(&body)) {
    fold_warm_start(*warm, stored.position);
  } else if (const auto* decision = std::get_if<Decision>(&body)) {
    fold_decision(*decision, stored);
  } else if (const auto* outcome = std::get_if<Outcome>(&body)) {
    status = fold_outcome(*outcome, stored, source);
  } else if (const auto* feedback = std::get_if<Feedback>(&body)) {
    status = fold_feedback(*feedback, stored.position, source);
  } else if (const auto* session = std::get_if<SessionFeedback>(&body)) {
    status = fold_session(*session, stored.position, source);
  }
  if (status) {
    if (shared_ && shared_stale_) rebuild_shared();
    position_ = stored.position;
    last_id_ = stored.record.id;
    last_time_ = stored.record.time;
  }
  return status;
}

// Configuration and arms ---------------------------------------------------------------------

RouterFold::Arm* RouterFold::find_arm(std::string_view id) {
  for (const auto& arm : arms_) {
    if (arm->spec.id == id) return arm.get();
  }
  return nullptr;
}

RouterFold::Arm& RouterFold::add_arm(const ArmSpec& spec, LogPosition position, bool late) {
  arms_.push_back(std::make_unique<Arm>(
      Arm{spec, position, late, LinearPosterior(prior_), ArmStats{}, position, nullptr, nullptr}));
  pacer_.arms_changed();
  return *arms_.back();
}

void RouterFold::reset_schema(LogPosition position) {
  layout_since_ = position;
  schema_decisions_.clear();
  warm_.clear();
  cache_.unpin_all();
  standardiser_ =
      std::make_shared<const Standardiser>(raw_dims(config_->features), map_inputs(*config_));
  set_priors();
}

Status RouterFold::fold_config(const RouterConfig& config, LogPosition position) {
  const std::shared_ptr<const RouterConfig> before = config_;
  auto bounded = std::make_shared<RouterConfig>(config);
  bound_learner(bounded->policy, bounded->posterior, bounded->propensity_floor);
  config_ = std::move(bounded);
  encoder_ = std::make_shared<const FeatureEncoder>(config.features, options_.text_model);

  // A map over the fields comes and goes with the policy, and with it what contexts are.
  if (!before || !(before->features == config.features) ||
      map_inputs(*before) != map_inputs(config)) {
    reset_schema(position);
    for (const auto& arm : arms_) {
      arm->posterior.reset(prior_);
      arm->posterior_changed();
    }
  } else {
    const auto prior = prior_;
    set_priors();
    for (const auto& arm : arms_) {
      if (*prior_ == *prior) break;
      arm->posterior.change_prior(prior_);
      arm->posterior_changed();
    }
  }

  if (pacer_.configure(config.budget, config.utility.value_usd)) budget_since_ = position;
  frozen_.note(config.mode == ServingMode::frozen, position);
  std::erase_if(arms_, [&](const std::unique_ptr<Arm>& arm) {
    return std::none_of(config.arms.begin(), config.arms.end(),
                        [&](const ArmSpec& spec) { return spec.id == arm->spec.id; });
  });
  for (const ArmSpec& spec : config.arms) fold_arm(ArmPut{spec}, position);
  return Done{};
}

void RouterFold::fold_arm(const ArmPut& put, LogPosition position) {
  Arm* arm = find_arm(put.arm.id);
  if (arm == nullptr) {
    add_arm(put.arm, position, decisions_ >= config_->nursery.min_decisions);
    return;
  }
  const bool other_price =
      arm->spec.input_usd_per_million_tokens != put.arm.input_usd_per_million_tokens ||
      arm->spec.output_usd_per_million_tokens != put.arm.output_usd_per_million_tokens ||
      arm->spec.expected_cost_usd != put.arm.expected_cost_usd;
  arm->spec = put.arm;
  arm->model.reset();
  if (other_price) {
    // What earlier calls cost says nothing of the new price.
    arm->stats.costs = 0;
    arm->stats.cost_sum = 0.0;
    arm->priced_since = position;
  }
}

void RouterFold::remove_arm(const std::string& id) {
  pacer_.arms_changed();
  shared_stale_ = true;
  std::erase_if(arms_, [&](const std::unique_ptr<Arm>& arm) { return arm->spec.id == id; });
}

// Decisions and what is learnt of them ---------------------------------------------------------

void RouterFold::fold_decision(const Decision& decision, const StoredRecord& stored) {
  const LogPosition position = stored.position;
  ++decisions_;
  if (Arm* arm = find_arm(decision.arms[decision.chosen].arm)) {
    ++arm->stats.pulls;
    arm->model.reset();
  }
  DecisionState state = start_state(decision, position);
  const bool fits = state.raw.size() == standardiser_->raw_dims();
  if (pacer_.active()) pace(decision, state, stored.record.time);
  cache_.put(decision.query_id, std::move(state));
  if (fits && standardiser_->version() < Standardiser::kFrozenVersion) {
    schema_decisions_.push_back(decision.query_id);
    cache_.pin(decision.query_id);
  }
  if (config_->sticky_sessions && !decision.session_id.empty()) {
    const bool stuck = decision.reason == Reason::sticky;
    sessions_->put(decision.session_id,
                   StickyArm{decision.arms[decision.chosen].arm,
                             stuck ? decision.session_decision : decision.query_id});
  }
  age_if_due(position);
}

Result<DecisionState*> RouterFold::decision(const std::string& query_id, LogPosition before,
                                            DecisionSource& source) {
  if (DecisionState* state = cache_.find(query_id)) return state;
  auto own = source.find(scope_.tenant, query_id, before - 1);
  if (!own) return own.error();
  const auto session = session_of(source, *own, before - 1);
  if (!session) return session.error();
  auto state = rebuild_state(*own, *session, before, frozen_);
  if (!state) {
    return Error{ErrorCode::corrupt, "a record speaks of a decision that the log does not have",
                 "query_id"};
  }
  return &cache_.put(query_id, std::move(*state));
}

std::vector<std::string> RouterFold::forgotten(const std::vector<StoredRecord>& records) const {
  std::vector<std::string> ids;
  std::unordered_set<std::string_view> known;
  for (const StoredRecord& stored : records) {
    if (stored.position <= position_) continue;
    const std::string* id = query_id_of(stored.record.body);
    if (id == nullptr || !known.insert(*id).second) continue;
    const bool made_here = std::holds_alternative<Decision>(stored.record.body);
    if (!made_here && !cache_.contains(*id)) ids.push_back(*id);
  }
  return ids;
}

Result<DecisionState> RouterFold::state_of(const std::string& query_id, DecisionSource& source) {
  auto state = decision(query_id, position_ + 1, source);
  if (!state) return state.error();
  return **state;
}

void RouterFold::relearn(DecisionState& state) {
  if (frozen()) return;
  const Observation now = combine(state);
  if (now == state.folded) return;
  const Observation before = std::exchange(state.folded, now);
  Arm* arm = find_arm(state.arm);
  if (arm == nullptr || state.position < arm->since) return;
  arm->stats.observation_weight += now.weight - before.weight;
  arm->stats.reward_sum += now.weight * now.reward - before.weight * before.reward;
  const double age = age_factor(state.position);
  const double weight_step = age * (now.weight - before.weight);
  const double reward_step = age * (now.weight * now.reward - before.weight * before.reward);
  arm->stats.aged_weight += weight_step;
  arm->stats.aged_reward_sum += reward_step;
  arm->model.reset();
  if (state.position < layout_since_) return;
  context_.resize(standardiser_->context_dims());
  standardiser_->apply(state.raw, context_);
  observe(*arm, weight_step, reward_step);
}

Status RouterFold::fold_feedback(const Feedback& feedback, LogPosition position,
                                 DecisionSource& source) {
  auto state = decision(feedback.query_id, position, source);
  if (!state) return state.error();
  put_signal(**state, feedback.signal_type, feedback.reward, position);
  relearn(**state);
  return Done{};
}

Status RouterFold::fold_session(const SessionFeedback& feedback, LogPosition position,
                                DecisionSource& source) {
  auto records = source.session_records(scope_, feedback.session_id, position - 1);
  if (!records) return records.error();
  for (const StoredRecord& stored : *records) {
    const auto* logged = std::get_if<Decision>(&stored.record.body);
    if (logged == nullptr) continue;
    auto state = decision(logged->query_id, position, source);
    if (!state) return state.error();
    put_session_signal(**state, feedback, position);
    relearn(**state);
  }
  return Done{};
}

}  // namespace pointsman
