#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/fold/observation.h"
#include "engine/log/records.h"
#include "engine/values/bytes.h"
#include "engine/values/values.h"

namespace pointsman {

/// What an arm's call costs as far as anybody knows; absent: unknown, never free.
using KnownCosts = std::span<const std::optional<double>>;

/// Finds the budget's dual λ so that the mean spend meets a target (docs/MATH.md, "Budget").
///
/// The price of a dollar in units of quality, p, is the dual of "maximise Σ q subject to Σ c ≤ B n"
/// (knapsack bandits: Badanidiyuru, Kleinberg & Slivkins 2013; Agrawal & Devanur 2016; a pacer for
/// language models: ParetoBandit). Where they step λ along the last constraint violation, this
/// solves for p over the last few hundred decisions' predicted qualities at today's prices, and
/// then corrects by an account of what was really spent:
///   p = p̂·(1 + κ·D) for D ≥ 0, p̂/(1 − κ·D) below,   D = kReserve + Σ (c − B)/B within ±kHorizon,
/// where p̂ is the least price at which those decisions would spend B·(1 − D/kHorizon) on average.
/// D counts the estimate at the decision and is put right by the outcome.
///
/// A day's budget X becomes a target a request, (X − spent today)/(requests still expected today),
/// at every decision; days are UTC. Both may be given: the lower target holds. λ steers, it refuses
/// nobody: with the budget gone the cheapest arm serves.
///
/// Only + − × ÷ √, in the order of the log: the same log gives the same bits. Cost: a decision
/// O(k), every kSolveEvery-th O(40·k·window). Memory: 4·k bytes a decision of the window.
/// Thread-safety: none.
class BudgetPacer final {
 public:
  static constexpr double kHorizon =
      200.0;                             ///< Requests over which a debt or credit is evened out.
  static constexpr double kGain = 0.06;  ///< κ: what one target overspent does to the price.
  /// Targets that a new account is short of, so that the noise of a short stream seldom overspends.
  static constexpr double kReserve = 8.0;
  static constexpr std::uint64_t kSolveEvery = 16;

  using Charge = BudgetCharge;

  /// One decision as the pacer sees it.
  struct Choice {
    Charge charge = Charge::paced;
    std::span<const float> means;    ///< Expected reward an arm of the router; NaN: not eligible.
    std::optional<double> cost_usd;  ///< Estimate for the chosen arm; absent: nobody knows any.
    Timestamp time{};
  };

  /// Starts anew where the budget or the value is another one, and says whether it did.
  bool configure(const BudgetOptions& budget, std::optional<double> value_usd);
  bool active() const { return budget_.usd_per_request || budget_.usd_per_day; }
  const BudgetOptions& budget() const { return budget_; }

  /// The router's arms are others: what is remembered of decisions does not fit them.
  void arms_changed() { rows_.clear(); }

  void decided(const Choice& choice, KnownCosts costs);

  /// An outcome says that a call cost `usd` more (or less) than it was charged at.
  void corrected(double usd, Charge charge, Timestamp time);

  /// What is charged for a call of which nobody knows the cost.
  double charged(const std::optional<double>& cost_usd) const {
    return cost_usd.value_or(budget_.usd_per_request.value_or(0.0));
  }

  /// λ ≥ 0 of the next decision; 0 without a budget.
  double lambda() const { return lambda_; }
  /// Targets overspent (below 0: left), as the account stands.
  double account() const { return account_; }
  double spent_today_usd() const { return spent_today_; }
  /// What this holds beside its own size.
  std::size_t bytes() const { return sizeof(float) * rows_.capacity(); }

  /// The exact state, for a checkpoint.
  void write(ByteWriter& out) const;
  bool read(ByteReader& in);

 private:
  void start_day(Timestamp time);
  void remember(const Choice& choice);
  std::optional<double> target(Timestamp time) const;
  double spend_at(double price, std::span<const double> costs) const;
  void solve(double target_usd, KnownCosts costs);
  void reprice();

  BudgetOptions budget_;
  std::optional<double> value_usd_;
  double account_ = kReserve;
  double solved_price_ = 0.0;  ///< p̂, quality a dollar.
  double lambda_ = 0.0;
  std::uint64_t paced_ = 0;  ///< Paced decisions since the budget began.
  std::int64_t day_ = 0;     ///< Days since the epoch.
  double spent_today_ = 0.0;
  std::uint64_t today_ = 0;        ///< Decisions today.
  std::uint64_t yesterday_ = 0;    ///< Of the last day that was seen from its start; 0: none.
  std::int64_t day_began_ms_ = 0;  ///< When counting began today.
  std::size_t arms_ = 0;           ///< Columns of rows_.
  std::vector<float> rows_;        ///< (window, arms) ring of expected rewards.
  std::uint64_t next_row_ = 0;     ///< Rows ever written since the ring was empty.
};

}  // namespace pointsman
