#include <cmath>
#include <cstdio>
#include <string>

#include "lab/report/replay_report.h"

namespace pointsman::lab {
namespace {

std::string number(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

/// " (95%: +0.0010 to +0.0030)", or why there is no such interval.
std::string interval_of(const Interval& difference) {
  if (!std::isfinite(difference.low)) return " (one seed gives no interval)";
  return " (95%: " + number("%+.4f", difference.low) + " to " + number("%+.4f", difference.high) +
         ")";
}

std::string size_of(const Interval& difference) {
  return number("%.4f", std::fabs(difference.mean));
}

/// What is compared: the policy and a rival, both as a reader knows them.
struct Rivals {
  std::string policy;
  std::string other;
};

std::string comparison(const Rivals& rivals, const Interval& difference) {
  if (difference.low > 0.0) {
    return rivals.policy + " earned " + size_of(difference) + " more a round than " + rivals.other +
           interval_of(difference) + ".";
  }
  if (difference.high < 0.0) {
    return rivals.policy + " earned " + size_of(difference) + " less a round than " + rivals.other +
           interval_of(difference) + ". On this data " + rivals.other + " is the better choice.";
  }
  return "Between " + rivals.policy + " and " + rivals.other +
         " no difference is certain: " + number("%+.4f", difference.mean) + " a round" +
         interval_of(difference) + ".";
}

std::string within_budget(const ReplayResult& result, const ReplayResult::Paced& paced) {
  const std::string spent = " " + result.policy.text + " spent " +
                            number("%.1f", 100.0 * result.mean_cost_usd / paced.target_usd) +
                            "% of the budget.";
  const std::string head = "With " + number("%.6f", paced.target_usd) + " USD a request to spend, ";
  if (!paced.against_mix) {
    return head + result.policy.text +
           " has no mix of two fixed arms beside it: an arm's cost is unknown, or none is so "
           "cheap." +
           spent;
  }
  return head +
         comparison({result.policy.text, "the best mix of two fixed arms"}, *paced.against_mix) +
         spent;
}

/// What both cost, where that is known.
std::string costs_of(const ReplayResult& result) {
  const double best = result.fixed[result.best_arm].cost_usd;
  if (!std::isfinite(result.mean_cost_usd) || !std::isfinite(best)) return "";
  return " A call cost " + number("%.6f", result.mean_cost_usd) + " USD with " +
         result.policy.text + " and " + number("%.6f", best) + " USD with that arm.";
}

}  // namespace

std::string verdict_of(const ReplayResult& result) {
  if (result.paced) return within_budget(result, *result.paced);
  return comparison({result.policy.text, "the best fixed arm, " + result.arms[result.best_arm]},
                    result.against_best_fixed) +
         costs_of(result);
}

}  // namespace pointsman::lab
