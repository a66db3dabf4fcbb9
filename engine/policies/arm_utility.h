#pragma once

#include <cstdint>
#include <string_view>

namespace pointsman {

/// One eligible arm as a policy sees it.
struct ArmUtility {
  std::string_view arm;
  double mean = 0.0;        ///< Expected utility in dollars.
  double sigma = 0.0;       ///< Standard deviation of quality's part, in dollars, before α.
  std::uint64_t pulls = 0;  ///< Decisions for this arm so far.
  double shift = 0.0;  ///< Utility without quality, in dollars: −(1+λ)·cost − s·latency.
  double weight_sum = 0.0;  ///< Σ w over its observations, aged.
  double reward_sum = 0.0;  ///< Σ w r, aged; within rounding in [0, weight_sum].
};

/// What a policy needs to know of the decision apart from its arms.
struct PolicyContext {
  std::uint64_t decisions = 0;  ///< Decisions of the router before this one.
  double value_usd = 1.0;       ///< V, dollars of a perfect answer, ≥ 0; 0: cost alone decides.
};

}  // namespace pointsman
