// This file has the part of RouterFold that sets the priors of its arms, and keeps what arms share
// under `hybrid_linucb`.

#include <utility>

#include "engine/fold/default_policy.h"
#include "engine/fold/router_fold.h"

namespace pointsman {

void RouterFold::set_priors() {
  LinearPrior whole = make_prior(*config_, standardiser_->revision());
  if (const auto* hybrid = std::get_if<HybridLinUcbOptions>(&config_->policy)) {
    auto [shared, own] = split_prior(std::move(whole), {hybrid->shared, hybrid->shared_intercept});
    prior_ = std::make_shared<const LinearPrior>(std::move(own));
    shared_ = std::make_unique<SharedPosterior>(
        std::make_shared<const LinearPrior>(std::move(shared)), prior_);
  } else {
    prior_ = std::make_shared<const LinearPrior>(std::move(whole));
    shared_.reset();
  }
  shared_mirror_.reset();
  shared_stale_ = true;
}

void RouterFold::observe(Arm& arm, double weight, double weighted_reward) {
  const auto step = arm.posterior.add(context_, weight, weighted_reward);
  arm.posterior_changed();
  if (!shared_ || shared_stale_) return;
  shared_stale_ = !shared_->add(step);
  shared_mirror_.reset();
}

void RouterFold::rebuild_shared() {
  std::vector<const LinearPosterior*> posteriors;
  for (const auto& arm : arms_) posteriors.push_back(&arm->posterior);
  shared_->rebuild(posteriors);
  shared_mirror_.reset();
  shared_stale_ = false;
}

std::vector<double> RouterFold::coefficients(const Arm& arm) const {
  if (shared_) return shared_->coefficients(arm.posterior);
  return {arm.posterior.theta().begin(), arm.posterior.theta().end()};
}

}  // namespace pointsman
