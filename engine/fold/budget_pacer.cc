#include "engine/fold/budget_pacer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace pointsman {
namespace {

constexpr double kDayMs = 24.0 * 3600.0 * 1000.0;
constexpr std::int64_t kDay = 24LL * 3600 * 1000;
/// Before it a day's own traffic says little of the day.
constexpr double kLeastElapsedMs = 60.0 * 1000.0;
constexpr double kTrustTodayMs = 3600.0 * 1000.0;

/// Room for k arms' expected rewards; 512 decisions up to 16 arms, fewer with more.
constexpr std::size_t kMostNumbers = 8192;
constexpr std::size_t kMostRows = 512;
constexpr std::size_t kLeastRows = 32;
/// From so many decisions on p̂ is solved for now and then, until then every time.
constexpr std::uint64_t kFewDecisions = 32;

/// A price below this moves no utility by more than 1e-4 of a perfect answer.
constexpr double kLeastEffect = 1e-4;
constexpr double kHighestPrice = 1e12;
constexpr int kBisections = 40;

std::size_t window_of(std::size_t arms) {
  return std::clamp(kMostNumbers / std::max<std::size_t>(arms, 1), kLeastRows, kMostRows);
}

/// Known costs, the dearest known one where an arm's is not. Empty where none is known.
std::vector<double> filled(KnownCosts costs) {
  std::optional<double> dearest;
  for (const auto& cost : costs) {
    if (cost) dearest = std::max(dearest.value_or(*cost), *cost);
  }
  std::vector<double> known;
  if (!dearest) return known;
  for (const auto& cost : costs) known.push_back(cost.value_or(*dearest));
  return known;
}

}  // namespace

bool BudgetPacer::configure(const BudgetOptions& budget, std::optional<double> value_usd) {
  const bool same = budget == budget_ && value_usd == value_usd_;
  if (same) return false;
  *this = BudgetPacer();
  budget_ = budget;
  value_usd_ = value_usd;
  return true;
}

void BudgetPacer::start_day(Timestamp time) {
  const std::int64_t now = time.time_since_epoch().count();
  // Floor, also before 1970.
  const std::int64_t day = now / kDay - (now % kDay < 0 ? 1 : 0);
  if (today_ > 0 && day <= day_) return;  // Times of a log may run back by a little.
  if (today_ > 0) {
    const double counted = static_cast<double>((day_ + 1) * kDay - day_began_ms_);
    const double whole = static_cast<double>(today_) * kDayMs / std::max(counted, kLeastElapsedMs);
    yesterday_ = static_cast<std::uint64_t>(std::min(whole, 1e15));
    day_began_ms_ = day * kDay;
  } else {
    day_began_ms_ = now;
  }
  day_ = day;
  spent_today_ = 0.0;
  today_ = 0;
}

void BudgetPacer::remember(const Choice& choice) {
  if (arms_ != choice.means.size()) rows_.clear();
  arms_ = choice.means.size();
  if (rows_.empty()) next_row_ = 0;
  const std::size_t window = window_of(arms_);
  if (rows_.size() < window * arms_) {
    rows_.insert(rows_.end(), choice.means.begin(), choice.means.end());
  } else {
    const std::size_t at = static_cast<std::size_t>(next_row_ % window) * arms_;
    std::copy(choice.means.begin(), choice.means.end(),
              rows_.begin() + static_cast<std::ptrdiff_t>(at));
  }
  ++next_row_;
}

std::optional<double> BudgetPacer::target(Timestamp time) const {
  std::optional<double> least;
  if (budget_.usd_per_request) {
    least = *budget_.usd_per_request * (1.0 - account_ / kHorizon);
  }
  if (budget_.usd_per_day) {
    const auto now = static_cast<double>(time.time_since_epoch().count());
    const double left_ms = std::max(0.0, static_cast<double>((day_ + 1) * kDay) - now);
    const double elapsed = now - static_cast<double>(day_began_ms_);
    double requests = static_cast<double>(yesterday_) * left_ms / kDayMs;
    if (yesterday_ == 0 || elapsed >= kTrustTodayMs) {
      const double pace = static_cast<double>(today_) / std::max(elapsed, kLeastElapsedMs);
      requests = std::max(requests, pace * left_ms);
    }
    const double left_usd = std::max(0.0, *budget_.usd_per_day - spent_today_);
    const double today = left_usd / std::max(requests, 1.0);
    least = std::min(least.value_or(today), today);
  }
  return least;
}

double BudgetPacer::spend_at(double price, std::span<const double> costs) const {
  double spend = 0.0;
  std::size_t counted = 0;
  for (std::size_t row = 0; row < rows_.size(); row += arms_) {
    double best = -std::numeric_limits<double>::infinity();
    double best_cost = -1.0;
    for (std::size_t a = 0; a < arms_; ++a) {
      const double mean = static_cast<double>(rows_[row + a]);
      const double worth = mean - price * costs[a];
      // NaN, an arm that was not eligible, is never larger.
      if (worth > best || (worth == best && costs[a] < best_cost)) {
        best = worth;
        best_cost = costs[a];
      }
    }
    if (best_cost < 0.0) continue;
    spend += best_cost;
    ++counted;
  }
  return counted == 0 ? 0.0 : spend / static_cast<double>(counted);
}

void BudgetPacer::solve(double target_usd, KnownCosts known) {
  const std::vector<double> costs = filled(known);
  if (costs.size() != arms_ || rows_.empty()) return;
  double dearest = 0.0;
  for (const double cost : costs) dearest = std::max(dearest, cost);
  if (dearest <= 0.0) return;
  double low = value_usd_ && *value_usd_ > 0.0 ? 1.0 / *value_usd_ : kLeastEffect / dearest;
  double high = kHighestPrice;
  solved_price_ = low;
  if (low >= high || spend_at(low, costs) <= target_usd) return;
  for (int i = 0; i < kBisections; ++i) {
    const double middle = std::sqrt(low) * std::sqrt(high);
    (spend_at(middle, costs) > target_usd ? low : high) = middle;
  }
  solved_price_ = high;
}

void BudgetPacer::reprice() {
  double price = solved_price_;
  if (budget_.usd_per_request) {
    const double step = kGain * account_;
    price = account_ >= 0.0 ? price * (1.0 + step) : price / (1.0 - step);
  }
  if (budget_.usd_per_day && spent_today_ >= *budget_.usd_per_day) price = kHighestPrice;
  price = std::min(price, kHighestPrice);
  // A dollar costs its value anyhow where there is one; without, cost counts through λ alone.
  lambda_ = value_usd_ ? std::max(0.0, price * *value_usd_ - 1.0) : price * kDefaultValueUsd;
}

void BudgetPacer::decided(const Choice& choice, KnownCosts costs) {
  start_day(choice.time);
  const double usd = charged(choice.cost_usd);
  spent_today_ += usd;
  if (choice.charge != Charge::extra) ++today_;
  if (choice.charge != Charge::unpaced && budget_.usd_per_request) {
    const double own = choice.charge == Charge::paced ? 1.0 : 0.0;
    account_ = std::clamp(account_ + usd / *budget_.usd_per_request - own, -kHorizon, kHorizon);
  }
  // Until the router has chosen itself, a warm-up says what the arms look like.
  if (choice.charge == Charge::paced && paced_++ == 0) rows_.clear();
  if (choice.charge == Charge::paced || (choice.charge == Charge::unpaced && paced_ == 0)) {
    remember(choice);
    if (next_row_ < kFewDecisions || next_row_ % kSolveEvery == 0) {
      if (const auto usd_target = target(choice.time)) solve(*usd_target, costs);
    }
  }
  reprice();
}

void BudgetPacer::corrected(double usd, Charge charge, Timestamp time) {
  start_day(time);
  spent_today_ += usd;
  if (charge != Charge::unpaced && budget_.usd_per_request) {
    account_ = std::clamp(account_ + usd / *budget_.usd_per_request, -kHorizon, kHorizon);
  }
  reprice();
}

void BudgetPacer::write(ByteWriter& out) const {
  out.f64(account_);
  out.f64(solved_price_);
  out.f64(lambda_);
  out.u64(paced_);
  out.i64(day_);
  out.f64(spent_today_);
  out.u64(today_);
  out.u64(yesterday_);
  out.i64(day_began_ms_);
  out.u64(arms_);
  out.f32s(rows_);
  out.u64(next_row_);
}

bool BudgetPacer::read(ByteReader& in) {
  account_ = in.f64();
  solved_price_ = in.f64();
  lambda_ = in.f64();
  paced_ = in.u64();
  day_ = in.i64();
  spent_today_ = in.f64();
  today_ = in.u64();
  yesterday_ = in.u64();
  day_began_ms_ = in.i64();
  arms_ = static_cast<std::size_t>(in.u64());
  rows_ = in.f32s();
  next_row_ = in.u64();
  return in.ok() &&
         (arms_ == 0 ? rows_.empty()
                     : rows_.size() % arms_ == 0 && rows_.size() <= window_of(arms_) * arms_);
}

}  // namespace pointsman
