#pragma once

#include <string>
#include <string_view>

#include "engine/policies/policy_catalogue.h"
#include "engine/values/result.h"

namespace pointsman {

/// A policy with the prior and floor it runs on, as a command line writes it.
struct PolicySpec {
  std::string text;  ///< As given.
  PolicyOptions policy;
  PosteriorOptions posterior;
  double propensity_floor = 0.0;
};

/// The spec of unnamed_policy(): what runs where nobody named a policy.
PolicySpec unnamed_policy_spec();

/// Parses `name[:key=value[,key=value…]]`, for example "linucb:alpha=.3,text_precision=50", and
/// "fixed:ARM" (the arm ends at the first comma). Options that are not named keep the values of
/// `defaults`; where one is set twice, the later stands. The error's field is the key.
///
/// The keys are those of the policy in policy_catalogue(), those of posterior_catalogue(), `floor`
/// and `precision`, which sets field_precision, text_precision and embedding_precision at once.
Result<PolicySpec> parse_policy_spec(std::string_view text, const PosteriorOptions& defaults = {});

}  // namespace pointsman
