#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/fold/budget_pacer.h"
#include "engine/fold/decide.h"
#include "engine/fold/decision_cache.h"
#include "engine/fold/observation.h"
#include "engine/fold/sticky_sessions.h"
#include "engine/log/records.h"
#include "engine/log/store.h"
#include "engine/posterior/linear_posterior.h"
#include "engine/posterior/shared_posterior.h"

namespace pointsman {

/// What one arm has seen. Means are over observations, weighted, and over outcomes with a cost. The
/// aged sums forget as the posterior does and are what the policies without a context learn from.
struct ArmStats {
  std::uint64_t pulls = 0;
  double observation_weight = 0.0;
  double reward_sum = 0.0;
  std::uint64_t costs = 0;
  double cost_sum = 0.0;
  std::uint64_t latencies = 0;
  double latency_sum = 0.0;
  double aged_weight = 0.0;
  double aged_reward_sum = 0.0;
};

/// The state of one router as a fold over its log: same records, same bits. Reads nothing but
/// records and, for decisions that it no longer has at hand, the store they came from.
///
/// Thread-safety: none; one thread folds. Snapshots are immutable and may go anywhere.
class RouterFold final {
 public:
  struct Options {
    const TextModel* text_model = nullptr;  ///< For the snapshot's encoder; must outlive it.
    std::size_t cached_decisions = 65536;   ///< Bound of the decision cache; at least 2048.
    std::size_t cached_sessions = 65536;    ///< Sessions whose sticky arm is remembered.
  };

  struct Arm {
    ArmSpec spec;
    LogPosition since = 0;      ///< The record that brought it; older decisions are not its own.
    bool joined_late = false;   ///< It came to a router past its nursery's min_decisions.
    LinearPosterior posterior;  ///< Under `hybrid_linucb` of what is the arm's own.
    ArmStats stats;
    LogPosition priced_since = 0;  ///< Costs of older decisions were of another price.

    // What readers hold of it; null where it changed since the last snapshot.
    std::shared_ptr<const PackedMirror> mirror;
    std::shared_ptr<const ArmModel> model;

    void posterior_changed() {
      mirror.reset();
      model.reset();
    }
  };

  RouterFold(Scope scope, Options options);

  const Scope& scope() const { return scope_; }
  LogPosition position() const { return position_; }
  /// Of the record at position(): a log that has another there is not the log that was folded.
  const RecordId& last_id() const { return last_id_; }
  std::uint64_t decisions() const { return decisions_; }
  Timestamp last_time() const { return last_time_; }
  LogPosition layout_since() const { return layout_since_; }
  const BudgetPacer& pacer() const { return pacer_; }
  std::uint32_t schema_version() const { return standardiser_ ? standardiser_->version() : 0; }
  const RouterConfig* config() const { return config_.get(); }
  const std::vector<std::unique_ptr<Arm>>& arms() const { return arms_; }
  /// An arm's coefficients, those that arms share included.
  std::vector<double> coefficients(const Arm& arm) const;

  /// Folds the next record. Precondition: stored.position > position(). `source` is asked for
  /// decisions that are not cached. Errors: those of the store; nothing is folded then.
  Status apply(const StoredRecord& stored, DecisionSource& source);

  /// The decisions that these records, in the order of the log, speak of and that apply() would ask
  /// its source for.
  std::vector<std::string> forgotten(const std::vector<StoredRecord>& records) const;

  /// The observation of a decision as the fold holds it now; rebuilt from `source` if need be.
  Result<DecisionState> state_of(const std::string& query_id, DecisionSource& source);

  /// The schema revision that the log now owes, or nothing.
  std::optional<SchemaRevision> due_schema_revision();

  /// A view for readers; shares every arm that did not change. Null before the first RouterConfig.
  std::shared_ptr<const RouterSnapshot> snapshot();

  /// About what this fold holds, what its newest snapshot shares with it included: posteriors,
  /// mirrors, the decisions and sessions at hand, the schema. O(arms).
  std::size_t bytes() const;

  /// A digest of the exact master state: equal at equal positions on every replica.
  std::uint64_t checksum() const;

  /// The exact state as checkpoint chunks, or nullopt while the schema is not frozen yet (a log
  /// that short is folded in no time).
  std::optional<Checkpoint> checkpoint() const;

  /// Restores an empty fold. False where the bytes are damaged or of another format; the fold must
  /// then be thrown away.
  bool restore(const Checkpoint& checkpoint);

 private:
  Status fold_config(const RouterConfig& config, LogPosition position);
  void fold_arm(const ArmPut& put, LogPosition position);
  void remove_arm(const std::string& id);
  void fold_schema(const SchemaRevision& revision);
  /// The raw vectors of the warm starts, in their order.
  std::vector<std::vector<float>> warm_rows() const;
  void fold_warm_start(const WarmStart& warm, LogPosition position);
  /// Adds the rows of a warm start to the posteriors, under the standardisation of now.
  void learn_warm(const WarmStart& warm, LogPosition position);
  void fold_decision(const Decision& decision, const StoredRecord& stored);
  Status fold_outcome(const Outcome& outcome, const StoredRecord& stored, DecisionSource& source);
  Status fold_feedback(const Feedback& feedback, LogPosition position, DecisionSource& source);
  Status fold_session(const SessionFeedback& feedback, LogPosition position,
                      DecisionSource& source);

  bool frozen() const { return config_->mode == ServingMode::frozen; }
  Arm* find_arm(std::string_view id);
  Arm& add_arm(const ArmSpec& spec, LogPosition position, bool late);
  void reset_schema(LogPosition position);
  /// The priors that configuration and schema ask for now.
  void set_priors();
  /// Adds to an arm's posterior, for the context in context_, and to what arms share.
  void observe(Arm& arm, double weight, double weighted_reward);
  void rebuild_shared();
  /// Brings the posterior up to date with a decision's signals.
  void relearn(DecisionState& state);
  void count_outcome(const DecisionState& state, double sign);
  Result<DecisionState*> decision(const std::string& query_id, LogPosition before,
                                  DecisionSource& source);
  void pace(const Decision& decision, const DecisionState& state, Timestamp time);
  /// What the budget holds of a decision: its outcome's cost, else the estimate.
  double spent_usd(const DecisionState& state);
  double age_keep() const;
  double age_factor(LogPosition decision_position) const;
  std::uint32_t ageing_batch() const;
  void age_if_due(LogPosition position);

  Scope scope_;
  Options options_;
  LogPosition position_ = 0;
  RecordId last_id_{};     ///< Of the record at position_.
  Timestamp last_time_{};  ///< Of the record at position_.
  std::uint64_t decisions_ = 0;
  std::shared_ptr<const RouterConfig> config_;
  std::shared_ptr<const FeatureEncoder> encoder_;
  std::shared_ptr<const LinearPrior> prior_;  ///< Of each arm's posterior.
  std::unique_ptr<SharedPosterior> shared_;   ///< Under `hybrid_linucb`; else null.
  /// shared_ is behind the arms; it is rebuilt before the record that made it so is done.
  bool shared_stale_ = false;
  std::shared_ptr<const SharedMirror> shared_mirror_;  ///< Null where shared_ changed since.
  std::shared_ptr<const Standardiser> standardiser_;
  std::vector<std::unique_ptr<Arm>> arms_;
  DecisionCache cache_;

  LogPosition layout_since_ = 0;  ///< Decisions before it have another layout: they teach nothing.
  std::vector<std::string> schema_decisions_;  ///< Those since the layout, until it is frozen.
  /// Warm starts of this layout, until the schema is frozen: a revision folds their rows again.
  std::vector<std::pair<LogPosition, WarmStart>> warm_;
  /// An ageing: what was learnt of decisions up to this position kept so much of its weight.
  struct Ageing {
    LogPosition position = 0;
    double keep = 1.0;
  };
  std::vector<Ageing> ageings_;  ///< In the order of the log.

  std::shared_ptr<StickySessions> sessions_;
  BudgetPacer pacer_;
  FrozenSpans frozen_;
  LogPosition budget_since_ = 0;  ///< Decisions before it are not of this budget.
  std::vector<float> context_;    ///< Scratch.
};

}  // namespace pointsman
