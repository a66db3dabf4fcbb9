#pragma once

#include <array>
#include <string_view>

#include "engine/log/records.h"
#include "engine/policies/policy.h"

namespace pointsman {

/// The words of record_json.h for values that are enumerations or alternatives in the engine.
/// Indexed by the enumeration's value, or the variant's index.
inline constexpr std::array<std::string_view, 3> kModeWords{"live", "shadow", "frozen"};

inline constexpr std::array<std::string_view, std::variant_size_v<PolicyOptions>> kPolicyWords{
    "linucb",   "lints", "uniform",       "fixed",   "epsilon_greedy",
    "squarecb", "ucb1",  "beta_thompson", "default", "hybrid_linucb"};

inline std::string_view policy_word(const PolicyOptions& policy) {
  return kPolicyWords[policy.index()];
}

}  // namespace pointsman
