#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/policies/policy_spec.h"
#include "engine/values/result.h"
#include "lab/data/data_set.h"
#include "lab/data/stream_plan.h"
#include "lab/estimators/baselines.h"
#include "lab/estimators/calibration.h"
#include "lab/estimators/statistics.h"
#include "lab/replay/router_config.h"

namespace pointsman::lab {

/// What a replay asks, apart from the data and the policy.
struct ReplaySettings {
  FeatureSet features;
  bool complete_rows = true;  ///< Only rows in which every arm is known.
  std::string split;          ///< Only rows of this split; empty: all.
  ScoreRule rule;
  std::optional<double> budget_usd;  ///< Mean spend of a request that the router is to keep.
  std::size_t warm = 0;
  /// The rows of the warm-up as one WarmStart record that counts so much, not as decisions.
  std::optional<double> warm_samples;
  std::size_t seeds = 10;
  std::uint64_t shuffle_seed = 1;
  StreamShares shares;
};

/// A data set made ready once for every policy and seed.
struct ReplayData {
  const DataSet* data = nullptr;    ///< Must outlive this.
  std::vector<std::uint32_t> rows;  ///< Those that take part, in the file's order.
  EncodedRows encoded;
};

/// Errors: `invalid` where the settings leave too few rows or ask for features that are not there.
Result<ReplayData> prepare_replay(const DataSet& data, const ReplaySettings& settings);

/// An arm with so many decisions is warm: its predictions are held against what came.
inline constexpr std::uint64_t kWarmPulls = 100;

/// One seed's run. Means are over the scored rounds.
struct SeedRun {
  double mean_reward = 0.0;
  double mean_cost_usd = 0.0;           ///< NaN: no cost is known.
  Baselines baselines;                  ///< Over the very rows that were scored.
  std::uint64_t checksum = 0;           ///< Of the router's posterior at the end.
  std::vector<std::uint32_t> choices;   ///< The arm of every scored round, in order.
  std::vector<float> scores;            ///< Its score.
  std::vector<Prediction> predictions;  ///< Of the scored rounds whose arm was warm.
  double decide_seconds = 0.0;
  double update_seconds = 0.0;  ///< Append, fold and publish of outcomes and feedback.
  std::size_t decisions = 0;    ///< Of the warm-up too.
};

/// One policy on one data set over all seeds.
struct ReplayResult {
  std::string dataset;
  DataKind kind = DataKind::outcome_table;
  PolicySpec policy;
  std::vector<std::string> arms;
  std::size_t rounds = 0;  ///< Scored ones, a seed.
  std::vector<SeedRun> runs;
  Summary reward;
  double mean_cost_usd = 0.0;
  double random = 0.0;
  double oracle = 0.0;
  std::vector<Baselines::Fixed> fixed;  ///< One an arm.
  std::size_t best_arm = 0;             ///< The best fixed arm over all seeds together.
  Interval against_best_fixed;          ///< Paired by seed: the policy less the best fixed arm.
  double worst_against_best_fixed = 0.0;
  std::optional<double> best_mix;  ///< At the policy's own spend, seed by seed.
  /// With a budget: what became of it.
  struct Paced {
    double target_usd = 0.0;
    double dearest_seed_usd = 0.0;  ///< The largest mean spend of a seed.
    /// Paired by seed: the policy less the best mix of two fixed arms that costs no more than the
    /// target; nothing where there is none.
    std::optional<Interval> against_mix;
  };
  std::optional<Paced> paced;
  std::vector<CalibrationBin> calibration;  ///< Predicted quality of warm arms by decile.
  double seconds = 0.0;
};

/// Told after every seed: how many of all are done.
using ReplayProgress = std::function<void(std::size_t done)>;

/// Runs the policy in the engine itself: a Routers over a MemoryStore, decide(), one commit of the
/// decision and one of what follows it. Round n is at second n of a logical clock; nothing but the
/// timings depends on the machine. The chosen arm's outcome alone is revealed.
Result<ReplayResult> replay(const ReplayData& prepared, const PolicySpec& policy,
                            const ReplaySettings& settings, const ReplayProgress& progress = {});

/// One seed of it.
Result<SeedRun> replay_seed(const ReplayData& prepared, const PolicySpec& policy,
                            const ReplaySettings& settings, std::size_t seed_index);

}  // namespace pointsman::lab
