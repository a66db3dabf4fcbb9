// This file has the part of RouterFold that makes what readers see of it.

#include <utility>

#include "engine/fold/arm_costs.h"
#include "engine/fold/router_fold.h"

namespace pointsman {

std::shared_ptr<const RouterSnapshot> RouterFold::snapshot() {
  if (!config_) return nullptr;
  auto snapshot = std::make_shared<RouterSnapshot>();
  snapshot->scope = scope_;
  snapshot->position = position_;
  snapshot->decisions = decisions_;
  snapshot->lambda = pacer_.lambda();
  snapshot->config = config_;
  snapshot->encoder = encoder_;
  snapshot->standardiser = standardiser_;
  snapshot->sessions = sessions_;
  if (shared_ && !shared_mirror_) shared_mirror_ = shared_->mirror();
  snapshot->shared = shared_mirror_;
  snapshot->arms.reserve(arms_.size());
  for (const auto& arm : arms_) {
    if (!arm->mirror) {
      auto mirror = std::make_shared<PackedMirror>();
      arm->posterior.write_mirror(*mirror);
      arm->mirror = std::move(mirror);
    }
    if (!arm->model) {
      auto model = std::make_shared<ArmModel>();
      model->spec = arm->spec;
      model->mirror = arm->mirror;
      model->pulls = arm->stats.pulls;
      model->weight_sum = arm->stats.aged_weight;
      model->reward_sum = arm->stats.aged_reward_sum;
      model->cost_usd =
          predicted(arm->spec.expected_cost_usd, arm->stats.cost_sum, arm->stats.costs);
      model->latency_ms =
          predicted(arm->spec.expected_latency_ms, arm->stats.latency_sum, arm->stats.latencies);
      model->in_nursery = arm->joined_late && arm->stats.pulls < config_->nursery.decisions;
      arm->model = std::move(model);
    }
    snapshot->arms.push_back(arm->model);
  }
  return snapshot;
}

}  // namespace pointsman
