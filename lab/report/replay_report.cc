#include "lab/report/replay_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>
#include <string_view>

namespace pointsman::lab {
namespace {

constexpr std::size_t kNameWidth = 52;
constexpr std::size_t kArmsShown = 12;

template <class... Args>
std::string printed(const char* format, Args... args) {
  const int size = std::snprintf(nullptr, 0, format, args...);
  std::string text(static_cast<std::size_t>(size) + 1, '\0');
  std::snprintf(text.data(), text.size(), format, args...);
  text.pop_back();
  return text;
}

/// At most kNameWidth bytes, so that numbers stay in their columns.
std::string cut(const std::string& name) {
  return name.size() <= kNameWidth ? name : name.substr(0, kNameWidth - 3) + "...";
}

std::string dollars(double value) { return std::isnan(value) ? "-" : printed("%.6f", value); }

std::string table_line(const std::string& name, double reward, const std::string& more,
                       double cost_usd) {
  return printed("  %-52s %10.4f  %-16s %14s\n", cut(name).c_str(), reward, more.c_str(),
                 dollars(cost_usd).c_str());
}

/// The text in lines of at most 98 columns, two blanks before each.
std::string wrapped(const std::string& text) {
  constexpr std::size_t kColumns = 98;
  std::string out;
  std::string line;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!line.empty() && line.size() + 1 + word.size() > kColumns - 2) {
      out += "  " + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return out + "  " + line + "\n";
}

std::string budget_line(const ReplayResult::Paced& paced, double spend_usd) {
  std::string text = printed("  budget %s usd a request: spent %.3f of it, dearest seed %.3f",
                             dollars(paced.target_usd).c_str(), spend_usd / paced.target_usd,
                             paced.dearest_seed_usd / paced.target_usd);
  if (paced.against_mix) {
    text += printed("; less the best mix within it %+.4f", paced.against_mix->mean);
    if (std::isfinite(paced.against_mix->low)) {
      text += printed(" (95%%: %+.4f to %+.4f)", paced.against_mix->low, paced.against_mix->high);
    }
  }
  return text + "\n";
}

std::string calibration_of(const ReplayResult& result) {
  if (result.calibration.empty()) return "";
  std::string text = printed("  calibration of arms with %u decisions or more, by decile\n",
                             static_cast<unsigned>(kWarmPulls));
  text += printed("  %10s %10s %10s %8s\n", "predicted", "came", "se", "count");
  for (const CalibrationBin& bin : result.calibration) {
    text += printed("  %10.4f %10.4f %10.4f %8zu  %s\n", bin.expected, bin.outcome, bin.se,
                    bin.count, bin.ok ? "ok" : "OFF");
  }
  return text;
}

std::string table_of(const ReplayResult& result) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::string text = printed("%s: %zu rounds, %zu arms, %zu seeds\n", result.dataset.c_str(),
                             result.rounds, result.arms.size(), result.runs.size());
  text += printed("  %-52s %10s  %-16s %14s\n", "", "reward", "sd over seeds", "USD a call");
  text += table_line(result.policy.text, result.reward.mean, printed("%.4f", result.reward.sd),
                     result.mean_cost_usd);
  text += table_line("oracle (the best arm of every row)", result.oracle, "", kNone);
  if (result.best_mix) {
    text += table_line("best mix of two fixed arms at the same spend", *result.best_mix, "",
                       result.mean_cost_usd);
  }
  const std::vector<std::size_t> order = arms_best_first(result);
  for (std::size_t i = 0; i < std::min(order.size(), kArmsShown); ++i) {
    const Baselines::Fixed& arm = result.fixed[order[i]];
    text += table_line("fixed:" + result.arms[order[i]], arm.score, "", arm.cost_usd);
  }
  if (order.size() > kArmsShown) {
    text += printed("  (%zu fixed arms more, all below)\n", order.size() - kArmsShown);
  }
  text += table_line("random", result.random, "", kNone);
  text += wrapped(verdict_of(result));
  const Interval& paired = result.against_best_fixed;
  text += printed("  less the best fixed arm, paired by seed: %+.4f", paired.mean);
  if (std::isfinite(paired.low))
    text += printed(" (95%%: %+.4f to %+.4f)", paired.low, paired.high);
  text += printed(", worst seed %+.4f\n", result.worst_against_best_fixed);
  text += calibration_of(result);
  if (result.paced) text += budget_line(*result.paced, result.mean_cost_usd);
  if (result.kind == DataKind::classification) {
    text += printed("  progressive loss %.4f\n", 1.0 - result.reward.mean);
  }
  const ReplayTimes times = times_of(result);
  text += printed("  %.2f us a decision, %.2f us an update, %.1f s in all\n", times.decision_us,
                  times.update_us, result.seconds);
  return text;
}

nlohmann::ordered_json json_of(const ReplayResult& result) {
  using Json = nlohmann::ordered_json;
  const Baselines::Fixed& best = result.fixed[result.best_arm];
  const ReplayTimes times = times_of(result);
  Json rewards = Json::array();
  Json checksums = Json::array();
  for (const SeedRun& run : result.runs) {
    rewards.push_back(run.mean_reward);
    checksums.push_back(
        printed("%016llx", static_cast<unsigned long long>(run.checksum)));  // NOLINT
  }
  Json fixed = Json::array();
  for (std::size_t a = 0; a < result.arms.size(); ++a) {
    fixed.push_back({{"arm", result.arms[a]},
                     {"mean_reward", result.fixed[a].score},
                     {"mean_cost_usd", result.fixed[a].cost_usd}});
  }
  Json json = {{"dataset", result.dataset},
               {"policy", result.policy.text},
               {"rounds", result.rounds},
               {"arms", result.arms},
               {"seeds", result.runs.size()},
               {"mean_reward", result.reward.mean},
               {"se", result.reward.se},
               {"sd", result.reward.sd},
               {"seed_rewards", std::move(rewards)},
               {"mean_cost_usd", result.mean_cost_usd},
               {"regret_vs_oracle", result.oracle - result.reward.mean},
               {"regret_vs_best_fixed", -result.against_best_fixed.mean},
               {"best_fixed", {{"arm", result.arms[result.best_arm]}, {"mean_reward", best.score}}},
               {"best_mix_mean_reward", nullptr},
               {"random_mean_reward", result.random},
               {"oracle_mean_reward", result.oracle}};
  if (result.best_mix) json["best_mix_mean_reward"] = *result.best_mix;
  if (result.kind == DataKind::classification) json["pv_loss"] = 1.0 - result.reward.mean;
  json["against_best_fixed"] = {{"mean", result.against_best_fixed.mean},
                                {"low", result.against_best_fixed.low},
                                {"high", result.against_best_fixed.high},
                                {"worst_seed", result.worst_against_best_fixed}};
  json["calibration"] = Json::array();
  for (const CalibrationBin& bin : result.calibration) {
    json["calibration"].push_back({{"predicted", bin.expected},
                                   {"outcome", bin.outcome},
                                   {"se", bin.se},
                                   {"count", bin.count},
                                   {"ok", bin.ok}});
  }
  if (result.paced) {
    json["budget"] = {
        {"usd_per_request", result.paced->target_usd},
        {"spent_share", result.mean_cost_usd / result.paced->target_usd},
        {"dearest_seed_share", result.paced->dearest_seed_usd / result.paced->target_usd},
        {"against_mix", nullptr}};
    if (const auto& mix = result.paced->against_mix) {
      json["budget"]["against_mix"] = {{"mean", mix->mean}, {"low", mix->low}, {"high", mix->high}};
    }
  }
  json["fixed_arms"] = std::move(fixed);
  json["seed_checksums"] = std::move(checksums);
  json["seconds"] = result.seconds;
  json["microseconds_per_decision"] = times.decision_us;
  json["microseconds_per_update"] = times.update_us;
  return json;
}

}  // namespace

std::vector<std::size_t> arms_best_first(const ReplayResult& result) {
  std::vector<std::size_t> order(result.fixed.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return result.fixed[a].score > result.fixed[b].score;
  });
  return order;
}

ReplayTimes times_of(const ReplayResult& result) {
  ReplayTimes times;
  std::size_t decisions = 0;
  for (const SeedRun& run : result.runs) {
    times.decision_us += run.decide_seconds * 1e6;
    times.update_us += run.update_seconds * 1e6;
    decisions += run.decisions;
  }
  times.decision_us /= static_cast<double>(decisions);
  times.update_us /= static_cast<double>(decisions);
  return times;
}

std::vector<CurvePoint> learning_curve(const ReplayResult& result, std::size_t points) {
  std::vector<double> sums(result.rounds, 0.0);
  for (const SeedRun& run : result.runs) {
    double so_far = 0.0;
    for (std::size_t i = 0; i < result.rounds; ++i) {
      so_far += static_cast<double>(run.scores[i]);
      sums[i] += so_far;
    }
  }
  const std::size_t count = std::min(points, result.rounds);
  std::vector<CurvePoint> curve;
  for (std::size_t p = 1; p <= count; ++p) {
    const std::size_t round = result.rounds * p / count;
    curve.push_back({round, sums[round - 1] / static_cast<double>(round * result.runs.size())});
  }
  return curve;
}

std::string render_table(const std::vector<ReplayResult>& results) {
  std::string text;
  for (const ReplayResult& result : results) text += (text.empty() ? "" : "\n") + table_of(result);
  return text;
}

std::string render_json(const std::vector<ReplayResult>& results) {
  if (results.size() == 1) return json_of(results.front()).dump(2) + "\n";
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const ReplayResult& result : results) all.push_back(json_of(result));
  return all.dump(2) + "\n";
}

}  // namespace pointsman::lab
