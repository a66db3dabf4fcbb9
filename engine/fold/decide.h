#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/features/features.h"
#include "engine/fold/standardiser.h"
#include "engine/log/records.h"
#include "engine/posterior/packed_score.h"
#include "engine/posterior/shared_posterior.h"
#include "engine/values/result.h"

namespace pointsman {

/// One arm as readers see it: immutable, shared by every snapshot in which it did not change.
struct ArmModel {
  ArmSpec spec;
  std::shared_ptr<const PackedMirror> mirror;  ///< f32 θ and P of the arm's own coefficients.
  std::uint64_t pulls = 0;
  double weight_sum = 0.0;           ///< Σ w over the arm's observations, aged.
  double reward_sum = 0.0;           ///< Σ w r, aged.
  std::optional<double> cost_usd;    ///< Predicted mean of a call; absent: unknown, never free.
  std::optional<double> latency_ms;  ///< Predicted mean of a call.
  bool in_nursery = false;
};

/// The arm that a session already has.
struct StickyArm {
  std::string arm;
  std::string decision;  ///< The query_id that drew it.
};

class StickySessions;

/// What decide() needs to know of a router, at one position of its log. Immutable.
struct RouterSnapshot {
  Scope scope;
  LogPosition position = 0;
  std::uint64_t decisions = 0;
  double lambda = 0.0;  ///< The budget's dual; 0 without a budget.
  std::shared_ptr<const RouterConfig> config;
  std::shared_ptr<const FeatureEncoder> encoder;
  std::shared_ptr<const Standardiser> standardiser;
  std::vector<std::shared_ptr<const ArmModel>> arms;  ///< In the order they came.
  std::shared_ptr<const SharedMirror> shared;         ///< Under `hybrid_linucb`; else null.
  /// Where the router is sticky: newer than the rest of the snapshot, never older.
  std::shared_ptr<const StickySessions> sessions;
};

/// Hard limits of one call: they filter the arms before the policy sees them.
struct Constraints {
  std::optional<double> max_cost_usd;    ///< An arm whose cost is unknown does not pass.
  std::optional<double> max_latency_ms;  ///< An arm whose latency is unknown does not pass.
  std::vector<std::string> require;      ///< Tags that an arm must all have.
};

struct DecideRequest {
  std::string query_id;           ///< Keys the draw together with the router's seed.
  std::string session_id;         ///< Empty: none.
  std::span<const float> raw;     ///< From the snapshot's encoder; length encoder->dims().
  std::vector<std::string> arms;  ///< Only these; empty: all of the router's.
  Constraints constraints;
  std::optional<UtilityOptions> utility;  ///< Absent: the router's.
  std::string parent;  ///< Not empty: a fallback of that decision; `arms` names the one to serve.
  Timestamp now{};
  std::string metadata;
  std::string inputs;
};

/// The numbers of one decision before it is written out, one entry an arm of the snapshot.
/// Reusable: evaluate() keeps the capacity.
struct Evaluation {
  struct Score {
    double propensity = 0.0;
    double mean = 0.0;               ///< Expected reward.
    double sigma = 0.0;              ///< Standard deviation of the expected reward.
    double utility = 0.0;            ///< Expected, in dollars.
    double shift = 0.0;              ///< The utility without quality, in dollars.
    const char* excluded = nullptr;  ///< Static text, or null where the arm is eligible.
  };
  std::vector<Score> scores;
  std::vector<double> shadow_propensities;  ///< Empty but in shadow mode.
  std::size_t chosen = 0;
  Reason reason = Reason::exploit;
  UtilityOptions utility;
  std::string session_decision;  ///< Sticky: the decision that drew the arm.
};

/// Filter → policy → nursery → floor → sticky, fallback or shadow → one draw (docs/MATH.md, "Order
/// of a decision"). Does not allocate once `out` and the thread's scratch have grown. Thread-safe.
/// Errors: `invalid` where no arm is left (the message counts what each limit excluded) or an arm
/// is asked for that the router does not have; `unavailable` where the router has no arm at all.
Status evaluate(const RouterSnapshot& snapshot, const DecideRequest& request, Evaluation& out);

/// evaluate() of many requests on one snapshot, for work offline: `out[i]` is of `requests[i]`.
/// Scores by PackedMirror::score_tile(), so means and sigmas agree with evaluate()'s to 1e-5 and a
/// draw may fall otherwise where two arms are as close. Allocates two tiles of contexts.
/// Thread-safe. Errors: evaluate()'s, of the first request that has one, with its number before the
/// field
/// ("/3/arms/0"); `out` is then of no use. Precondition: out.size() == requests.size().
Status evaluate_batch(const RouterSnapshot& snapshot, std::span<const DecideRequest> requests,
                      std::span<Evaluation> out);

/// evaluate(), written out as the record that goes into the log.
Result<Decision> decide(const RouterSnapshot& snapshot, const DecideRequest& request);

}  // namespace pointsman
