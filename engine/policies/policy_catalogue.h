#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "engine/policies/beta_thompson.h"
#include "engine/policies/default.h"
#include "engine/policies/epsilon_greedy.h"
#include "engine/policies/fixed.h"
#include "engine/policies/hybrid_linucb.h"
#include "engine/policies/lints.h"
#include "engine/policies/linucb.h"
#include "engine/policies/posterior_options.h"
#include "engine/policies/squarecb.h"
#include "engine/policies/ucb1.h"
#include "engine/policies/uniform.h"
#include "engine/values/number_range.h"
#include "engine/values/result.h"

namespace pointsman {

/// Every policy there is. A log stores a policy by its place here, so a new one goes to the end.
using PolicyOptions = std::variant<LinUcbOptions, LinTsOptions, UniformOptions, FixedOptions,
                                   EpsilonGreedyOptions, SquareCbOptions, Ucb1Options,
                                   BetaThompsonOptions, DefaultOptions, HybridLinUcbOptions>;

/// The policy of a router whose configuration names none, with its own defaults and those of
/// PosteriorOptions. RouterConfig, the configuration file, the demo and `replay` take it from here.
PolicyOptions unnamed_policy();

/// One number that can be set in an Owner. What reads or writes options (policy specs, TOML, JSON,
/// the rendered configuration, `--help`, the documents) goes through the lists below, so that an
/// option has one name and one range everywhere.
///
/// Within its range an option keeps every later number finite, whatever the others are.
template <class Owner>
struct Option {
  std::string_view key;
  std::string_view unit;  ///< Empty for a number without one.
  NumberRange range;
  std::string_view consequence;  ///< What it does and what a larger value changes: a sentence.
  const double& (*member)(const Owner&);

  /// The member. Precondition: where Owner is PolicyOptions, it holds the option's policy.
  double get(const Owner& owner) const { return member(owner); }
  double& of(Owner& owner) const { return const_cast<double&>(member(owner)); }
};
using PolicyOption = Option<PolicyOptions>;
using PosteriorOption = Option<PosteriorOptions>;

struct CataloguedPolicy {
  std::string_view name;
  std::string_view summary;  ///< What it does, as a sentence without its full stop.
  std::span<const PolicyOption> options;
  PolicyOptions (*make)();  ///< With its defaults.
};

/// Every policy, in the order of PolicyOptions' alternatives.
std::span<const CataloguedPolicy, std::variant_size_v<PolicyOptions>> policy_catalogue();

/// The options of the prior that every linear policy stands on, in PosteriorOptions' order.
std::span<const PosteriorOption> posterior_catalogue();

/// The floor under every eligible arm's propensity; a policy spec calls it kFloorSpecKey.
const Option<double>& propensity_floor_option();
inline constexpr std::string_view kFloorSpecKey = "floor";

const CataloguedPolicy& catalogued(const PolicyOptions& policy);
/// Null where no policy has this name.
const CataloguedPolicy* find_policy(std::string_view name);
/// "linucb, lints, … and hybrid_linucb", for messages.
std::string policy_names();

/// The id of the arm that the policy names, which is set under the key kArmKey, or null where it
/// names none.
const std::string* named_arm(const PolicyOptions& policy);
std::string* named_arm(PolicyOptions& policy);
inline constexpr std::string_view kArmKey = "arm";

/// The policy's name, as "linucb".
std::string_view policy_name(const PolicyOptions& policy);

/// What decides how a router learns.
struct Learner {
  const PolicyOptions& policy;
  const PosteriorOptions& posterior;
  double propensity_floor = 0.0;
};

/// Errors: `invalid` for the first option outside its range, with the field "policy/alpha",
/// "posterior/gamma" or "propensity_floor".
Status check_learner(const Learner& learner);

/// Moves every option to the nearest value of its range, one that is not a number to its default.
/// For configurations that an earlier release, which bounded less, put into a log.
void bound_learner(PolicyOptions& policy, PosteriorOptions& posterior, double& propensity_floor);

}  // namespace pointsman
