// This file has the part of RouterFold that forgets. Forgetting has one clock, the decision number.

#include <algorithm>

#include "engine/fold/router_fold.h"

namespace pointsman {

std::uint32_t RouterFold::ageing_batch() const {
  return standardiser_->context_dims() > 64 ? 256 : 64;
}

double RouterFold::age_factor(LogPosition decision_position) const {
  // Each ageing counts as it was, whatever γ is now: a revision takes back what is left of the
  // observation, and no more.
  auto ageing = std::upper_bound(
      ageings_.begin(), ageings_.end(), decision_position,
      [](LogPosition position, const Ageing& one) { return position < one.position; });
  double factor = 1.0;
  for (; ageing != ageings_.end() && factor > 1e-300; ++ageing) factor *= ageing->keep;
  return factor;
}

double RouterFold::age_keep() const {
  double keep = 1.0;
  for (std::uint32_t i = 0; i < ageing_batch(); ++i) keep *= config_->posterior.gamma;
  return keep;
}

void RouterFold::age_if_due(LogPosition position) {
  if (config_->posterior.gamma >= 1.0 || decisions_ % ageing_batch() != 0 || frozen()) return;
  const double keep = age_keep();
  ageings_.push_back({position, keep});
  shared_stale_ = true;
  for (const auto& arm : arms_) {
    arm->posterior.age(keep);
    arm->stats.aged_weight *= keep;
    arm->stats.aged_reward_sum *= keep;
    arm->posterior_changed();
  }
}

}  // namespace pointsman
