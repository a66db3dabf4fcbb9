#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/fold/decide.h"
#include "engine/fold/router_fold.h"
#include "engine/log/open_decisions.h"

namespace pointsman {

/// One router in the caller's own process, without a server or a store: decide(), call the model,
/// learn(). What it knows is a fold over its records; `log` hears each of them, and restore() takes
/// them back, so that a program that keeps them goes on where it ended, to the bit.
///
/// Feedback may come late, in any order, and be revised: the latest signal of a type counts, and
/// the posterior is as if only that had come. The same again changes nothing.
///
/// Thread-safety: none; one thread at a time. A snapshot() may go to other threads, which decide on
/// it by engine/fold/decide.h. Cost: decide() and learn() are O(arms·d²) and O(d²), d = raw_dims
/// + 1.
class Router final {
 public:
  struct Options {
    RouterConfig config;
    const TextModel* text_model = nullptr;  ///< As the layout wants one; must outlive the router.
    /// Decisions that may still take feedback; the oldest is forgotten first.
    std::size_t open_decisions = 100'000;
    /// Hears every record before it is folded; an error refuses the call, and nothing changes.
    std::function<Status(const StoredRecord&)> log = {};
  };

  /// Errors: `invalid` for two arms of one id and for an option of the policy, the prior or the
  /// floor that lies outside its range, with the field named; what `log` says to the configuration.
  static Result<std::unique_ptr<Router>> make(Options options);

  /// A router that folds `records`, as an earlier one's log heard them, and goes on from there; its
  /// configuration is the last of theirs, options.config is not used. Errors: `corrupt` where the
  /// records do not begin with a configuration, are not in order, or speak of a decision that
  /// options.open_decisions, smaller than it was, has let go.
  static Result<std::unique_ptr<Router>> restore(Options options,
                                                 std::span<const StoredRecord> records);

  /// Chooses an arm, with the probability that it had (docs/MATH.md, "Order of a decision").
  /// `request.raw` is ignored: `features` are encoded. A query_id keys the draw; an empty one is
  /// made from the position. Errors: `invalid` (which names the feature, or says which limit left
  /// no arm), `conflict` for a query_id that is open already.
  Result<Decision> decide(const RequestFeatures& features, DecideRequest request = {});

  /// What came of a decision, as a signal of one type. Returns the decision's observation: all its
  /// signals combined. Errors: `not_found` where the decision is unknown, forgotten or expired at
  /// `now`; `invalid` for a reward or confidence outside [0, 1].
  Result<Observation> learn(std::string_view query_id, std::string_view signal_type, Reward reward,
                            Timestamp now = {});

  /// Cost in dollars, latency in milliseconds, tokens, or an error (reward 0, final). The last
  /// value of a field wins. Errors: as learn().
  Result<Observation> learn(Outcome outcome, Timestamp now = {});

  /// Adds an arm, or changes its prices and tags, from the next decision on.
  Status put_arm(ArmSpec arm, Timestamp now = {});
  /// Errors: `not_found`.
  Status remove_arm(const std::string& id, Timestamp now = {});

  /// The state that decide() reads; never null.
  const std::shared_ptr<const RouterSnapshot>& snapshot() const { return snapshot_; }
  const RouterFold& fold() const { return fold_; }

 private:
  explicit Router(Options options);
  Status append(RecordBody body, Timestamp now);
  Status take(const StoredRecord& stored);
  Result<Observation> observation_of(std::string_view query_id);

  Options options_;
  OpenDecisions open_;
  RouterFold fold_;
  std::shared_ptr<const RouterSnapshot> snapshot_;
  std::vector<float> raw_;  ///< Scratch.
};

}  // namespace pointsman
