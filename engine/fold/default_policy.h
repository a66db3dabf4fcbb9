#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/log/records.h"
#include "engine/posterior/linear_posterior.h"

namespace pointsman {

struct DecisionState;

/// What the policy `default` (DefaultOptions) adds to a router: the inputs of its LandmarkMap, what
/// it learns at the schema's moments, and the prior that follows. All of it is a function of the
/// configuration and of one SchemaRevision, so that it is the same wherever the log is folded, and
/// an observation that is revised afterwards is revised exactly, under that prior.

/// The numeric fields' places in the raw vector; empty for any other policy, and where the layout
/// has no numeric field. Text, embeddings and categories stay linear: a category is a coordinate of
/// its own already, and a prompt says too little of the right model to bend the truth after it.
std::vector<std::uint32_t> map_inputs(const RouterConfig& config);

/// Adds to `revision` (whose mean and scale stand already) what the policy learns from the first
/// decisions, in the log's order: landmarks and bandwidth from their contexts, and the intercept's
/// prior mean r̄ + .5·√(r̄(1 − r̄)), at most 1, from the first 16 observed rewards among them: an arm
/// starts a little above what an arm drawn blindly is worth. With fewer than 8 observed rewards the
/// optimistic mean of PosteriorOptions stays. Nothing under another policy.
void learn_default(const RouterConfig& config, std::span<const DecisionState* const> first,
                   SchemaRevision& revision);

/// The prior of a router's arms under `revision`: the intercept, each coordinate with the precision
/// of its kind, and LandmarkMap's features. Under `default` a numeric field's precision grows with
/// their number n, field_precision·max(1, n/20), so that many fields do not say more together.
LinearPrior make_prior(const RouterConfig& config, const SchemaRevision& revision);

}  // namespace pointsman
