#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/features/features.h"
#include "engine/policies/policy_catalogue.h"
#include "engine/values/values.h"

namespace pointsman {

/// The log's records. Everything that changes a fold is one of these, and a fold reads nothing
/// else: no clock, no configuration file, no local counter.

/// One choice that a router can make.
struct ArmSpec {
  std::string id;
  std::string model;  ///< The provider's name; the id where the operator gave none.
  std::optional<double> input_usd_per_million_tokens;
  std::optional<double> output_usd_per_million_tokens;
  std::optional<double> expected_cost_usd;    ///< A call's mean cost before any outcome is known.
  std::optional<double> expected_latency_ms;  ///< The same of its latency.
  std::vector<std::string> tags;              ///< What a `require` constraint can ask for.
  bool operator==(const ArmSpec&) const = default;
};

/// V where only a budget or a request's preference brings cost into play.
inline constexpr double kDefaultValueUsd = 0.01;

/// What a reward is worth, in dollars: u = V·q − (1+λ)·c − s·l. Without `value_usd` quality alone
/// decides: u = q, and neither cost nor latency counts; with a budget and no `value_usd`,
/// u = kDefaultValueUsd·q − λ·c.
struct UtilityOptions {
  std::optional<double> value_usd;  ///< V: what a perfect answer is worth; 0: cost alone decides.
  double usd_per_second = 0.0;      ///< s: what a second of waiting costs.
  bool operator==(const UtilityOptions&) const = default;
};

/// What may be spent. λ rises until the mean spend meets it (engine/fold/budget_pacer.h).
struct BudgetOptions {
  std::optional<double> usd_per_request;  ///< Mean spend of a request, > 0.
  std::optional<double> usd_per_day;      ///< Of all requests of a UTC day, > 0.
  bool operator==(const BudgetOptions&) const = default;
};

/// Arms that join a router which already has `min_decisions` are tried on purpose.
struct NurseryOptions {
  std::uint32_t decisions = 10;       ///< n: tries an arm gets before it stands on its own.
  double share = 0.2;                 ///< ν: share of the traffic that the nursery takes.
  std::uint64_t min_decisions = 100;  ///< A router younger than this has no nursery.
  bool operator==(const NurseryOptions&) const = default;
};

/// Shadow: `shadow_arm` serves every call, and the log says what the policy would have done.
/// Frozen: the policy serves with what it knows. Feedback is recorded and teaches nothing, nothing
/// is forgotten; budgets, prices and the predictions of cost and latency stay live.
enum class ServingMode : std::uint8_t { live = 0, shadow = 1, frozen = 2 };

/// How a router behaves from this record's position on.
struct RouterConfig {
  std::string source_hash;  ///< Of the configuration it came from; empty for one made in code.
  std::uint64_t seed = 1;
  PolicyOptions policy = unnamed_policy();
  PosteriorOptions posterior;
  FeatureLayout features;
  UtilityOptions utility;
  NurseryOptions nursery;
  double propensity_floor = 0.0;  ///< Least propensity of an eligible arm; ≤ 1/k.
  ServingMode mode = ServingMode::live;
  std::string shadow_arm;  ///< The arm that serves in shadow mode.
  bool sticky_sessions = false;
  std::int64_t decision_ttl_ms = 30LL * 24 * 3600 * 1000;
  bool store_inputs = false;  ///< Keep the request's text in the log, for later re-encoding.
  std::vector<ArmSpec> arms;
  BudgetOptions budget;
  bool operator==(const RouterConfig&) const = default;
};

struct ArmPut {
  ArmSpec arm;
};

struct ArmRemoved {
  std::string arm;
};

/// The online standardisation from here on: x = clip((v − mean)/scale, ±5), coordinate by
/// coordinate of the raw vector (the intercept is not part of it). The rest is the policy
/// `default`'s: what it learnt from the router's first contexts and rewards.
struct SchemaRevision {
  std::uint32_t version = 0;
  std::vector<double> mean;
  std::vector<double> scale;
  std::vector<float> landmarks;  ///< Of LandmarkMap: contexts of the map's inputs, row after row.
  double bandwidth = 0.0;        ///< ℓ of its kernel; 0 without landmarks.
  std::optional<double> intercept_mean;  ///< Prior mean of an arm's intercept from here on.
};

/// Rows of full information from before the router's time: an outcome table, or another log.
/// Together they count as at most `effective_samples` observations of each arm. Arms that the
/// router has at this record's position learn from it.
struct WarmStart {
  std::string source;              ///< For people.
  double effective_samples = 0.0;  ///< > 0.
  std::vector<std::string> arms;
  std::vector<float> raw;  ///< (rows, d) row-major, as the router encodes a request; NaN missing.
  std::vector<double> quality;   ///< (rows, arms) row-major, in [0, 1]; NaN: unknown.
  std::vector<double> cost_usd;  ///< (rows, arms) row-major; NaN: unknown.
  std::size_t rows() const { return arms.empty() ? 0 : quality.size() / arms.size(); }
};

/// How one arm looked to one decision.
struct ArmView {
  std::string arm;
  double propensity = 0.0;
  double expected_reward = 0.0;
  double uncertainty = 0.0;  ///< One standard deviation of the expected reward.
  std::optional<double> expected_cost_usd;
  std::optional<double> expected_latency_ms;
  double utility = 0.0;  ///< Expected utility in dollars.
  std::string excluded;  ///< Why the arm was not eligible; empty where it was.
  bool operator==(const ArmView&) const = default;
};

enum class Reason : std::uint8_t {
  exploit = 0,
  explore = 1,
  nursery = 2,
  sticky = 3,
  only_eligible = 4,
  shadow = 5,
  fallback = 6,
};

struct Decision {
  std::string query_id;
  std::string session_id;  ///< Empty: none.
  std::vector<float> raw;  ///< The raw feature vector, NaN = missing, before standardising.
  std::uint32_t schema_version = 0;
  std::vector<ArmView> arms;  ///< Eligible and excluded, with the exact propensities.
  std::uint32_t chosen = 0;   ///< Index into arms.
  Reason reason = Reason::exploit;
  std::string session_decision;             ///< Sticky: the decision that drew this session's arm.
  std::string parent;                       ///< Fallback: the decision whose arm failed.
  std::vector<double> shadow_propensities;  ///< Shadow: what the policy would have done.
  UtilityOptions utility;                   ///< V and s as they were used.
  double lambda = 0.0;                      ///< λ as it was used.
  std::vector<std::string> fallbacks;       ///< Arms to ask next, best first.
  std::string model;                        ///< The provider's name of the chosen arm.
  Timestamp expires_at{};
  std::string metadata;  ///< The caller's JSON, kept as bytes.
  std::string inputs;    ///< The request's text where store_inputs asks for it.
  /// Of the canonical request, where the client named the decision: who sends the same again gets
  /// this decision even where it could not be made any more.
  std::optional<Fingerprint> request;
};

/// What a call cost. A field that is absent says nothing; the last value of a field wins.
struct Outcome {
  std::string query_id;
  std::optional<double> cost_usd;
  std::optional<double> latency_ms;
  std::optional<std::uint64_t> input_tokens;
  std::optional<std::uint64_t> output_tokens;
  std::string error;  ///< Not empty: the call failed; reward 0, weight 1, final.
};

struct Feedback {
  std::string query_id;
  std::string signal_type;
  Reward reward;
  std::string payload;  ///< As it came, kept as bytes.
};

struct SessionFeedback {
  std::string session_id;
  std::string signal_type;
  Reward reward;  ///< Before propagation.
  double propagation_weight = 0.5;
  std::string payload;
};

using RecordBody = std::variant<RouterConfig, ArmPut, ArmRemoved, SchemaRevision, Decision, Outcome,
                                Feedback, SessionFeedback, WarmStart>;

struct Record {
  RecordId id{};
  Timestamp time{};
  RecordBody body;
};

/// A record with its place in the log of `scope`.
struct StoredRecord {
  Scope scope;
  LogPosition position = 0;
  Record record;
};

/// Lower-case name of a record's kind: "decision", "feedback", …
const char* kind_name(const RecordBody& body);

}  // namespace pointsman
