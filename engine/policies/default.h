#pragma once

#include <span>

#include "engine/policies/arm_utility.h"

namespace pointsman {

/// The policy that needs no setting: LinUCB (Li et al. 2010) over the context and, where the router
/// has numeric fields, over LandmarkMap's non-linear features of them, both under one prior. The
/// features are chosen, and the intercept's prior mean is learnt, at the schema's moments; see
/// engine/fold/default_policy.h. Chosen on the seven classification sets and on pareto_dev and
/// routellm_mmlu_dev together (docs/BENCHMARKS.md, "One default for all").
struct DefaultOptions {
  double alpha = 0.15;  ///< Width of the bound in standard deviations; larger explores more.
  double landmark_precision = 0.1;  ///< Prior precision of a landmark feature; large: linear.
  double bandwidth = 0.6;           ///< The kernel's ℓ, in median distances of two contexts; > 0.
  bool operator==(const DefaultOptions&) const = default;
};

/// Writes the distribution, as propensities() asks for it (engine/policies/policy.h).
void distribute(const DefaultOptions& options, std::span<const ArmUtility> arms,
                const PolicyContext& context, std::span<double> out);

}  // namespace pointsman
