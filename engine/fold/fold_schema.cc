// This file has the part of RouterFold that revises the schema, by which contexts are standardised.

#include <span>
#include <utility>

#include "engine/fold/default_policy.h"
#include "engine/fold/router_fold.h"

namespace pointsman {

std::optional<SchemaRevision> RouterFold::due_schema_revision() {
  if (!config_ || frozen()) return std::nullopt;
  const std::uint32_t version = standardiser_->version();
  if (version >= Standardiser::kFrozenVersion) return std::nullopt;
  // Several moments can have passed in one group: the newest one covers the others.
  std::uint32_t due = version;
  while (due < Standardiser::kFrozenVersion &&
         schema_decisions_.size() >= Standardiser::kMoments[due]) {
    ++due;
  }
  if (due == version) return std::nullopt;
  // A warm start's rows are of the same stream as far as anybody knows.
  const std::vector<std::vector<float>> warm = warm_rows();
  std::vector<const std::vector<float>*> rows;
  std::vector<const DecisionState*> states;
  const std::size_t decisions = Standardiser::kMoments[due - 1];
  rows.reserve(warm.size() + decisions);
  states.reserve(decisions);
  for (const auto& row : warm) rows.push_back(&row);
  for (std::size_t i = 0; i < decisions; ++i) {
    states.push_back(cache_.find(schema_decisions_[i]));
    rows.push_back(&states.back()->raw);
  }
  SchemaRevision revision = revise_schema(due, rows, standardiser_->raw_dims());
  learn_default(*config_, states, revision);
  return revision;
}

void RouterFold::fold_schema(const SchemaRevision& revision) {
  const std::span<const std::uint32_t> inputs = standardiser_->map_inputs();
  if (!Standardiser::fits(revision, standardiser_->raw_dims(), inputs)) return;  // An older layout.
  if (revision.version <= standardiser_->version()) return;  // Another replica was first.
  standardiser_ = std::make_shared<const Standardiser>(
      revision, std::vector<std::uint32_t>(inputs.begin(), inputs.end()));
  set_priors();
  for (const auto& arm : arms_) {
    arm->posterior.reset(prior_);
    arm->posterior_changed();
  }
  for (const auto& [position, warm] : warm_) learn_warm(warm, position);
  context_.resize(standardiser_->context_dims());
  for (const std::string& query_id : schema_decisions_) {
    const DecisionState& state = *cache_.find(query_id);
    Arm* arm = find_arm(state.arm);
    if (arm == nullptr || state.position < arm->since || state.folded.weight == 0.0) continue;
    standardiser_->apply(state.raw, context_);
    const double age = age_factor(state.position);
    observe(*arm, age * state.folded.weight, age * state.folded.weight * state.folded.reward);
  }
  if (revision.version >= Standardiser::kFrozenVersion) {
    schema_decisions_.clear();
    schema_decisions_.shrink_to_fit();
    warm_.clear();
    cache_.unpin_all();
  }
}

}  // namespace pointsman
