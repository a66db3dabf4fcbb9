#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lab/report/replay_report.h"

namespace pointsman::lab {
namespace {

constexpr std::size_t kCurvePoints = 240;
constexpr double kWidth = 760.0;
constexpr double kHeight = 300.0;
constexpr double kLeft = 60.0;
constexpr double kRight = 150.0;
constexpr double kTop = 14.0;
constexpr double kBottom = 32.0;

constexpr const char* kHead = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pointsman replay</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#1d2329;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2.5rem}
table{border-collapse:collapse;width:100%}td,th{padding:.2rem .6rem;text-align:right}
th{border-bottom:1px solid #8a949e;font-weight:600}td:first-child,th:first-child{text-align:left}
tr.policy td{font-weight:600;color:#0b5a8f}svg{max-width:100%;height:auto}
p.note{color:#4c565f;font-size:.9rem}
@media(prefers-color-scheme:dark){body{color:#e3e7eb;background:#15191d}tr.policy td{color:#7cc4f4}
p.note{color:#aab3bb}}
</style></head><body>
<h1>Pointsman replay</h1>
)";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

struct Digits {
  int count = 4;
};

std::string number(double value, Digits digits = {}) {
  if (!std::isfinite(value)) return "–";
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits.count, value);
  return text;
}

std::string table_row(const std::string& name, double reward, double cost_usd,
                      const char* css_class = "") {
  return std::string("<tr class=\"") + css_class + "\"><td>" + escaped(name) + "</td><td>" +
         number(reward) + "</td><td>" + number(cost_usd, {6}) + "</td></tr>\n";
}

std::string table_of(const ReplayResult& result) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::string html = "<table><tr><th></th><th>mean reward</th><th>USD a call</th></tr>\n";
  html += table_row(result.policy.text, result.reward.mean, result.mean_cost_usd, "policy");
  html += table_row("oracle", result.oracle, kNone);
  if (result.best_mix) {
    html += table_row("best mix of two fixed arms at the same spend", *result.best_mix,
                      result.mean_cost_usd);
  }
  for (std::size_t a = 0; a < result.arms.size(); ++a) {
    const std::string name = "fixed:" + result.arms[a] + (a == result.best_arm ? " (best)" : "");
    html += table_row(name, result.fixed[a].score, result.fixed[a].cost_usd);
  }
  html += table_row("random", result.random, kNone);
  return html + "</table>\n";
}

/// Rounds and rewards -> places in the picture.
struct Axes {
  double rounds = 1.0;
  double low = 0.0;
  double high = 1.0;
  double x(double round) const { return kLeft + (kWidth - kLeft - kRight) * round / rounds; }
  double y(double reward) const {
    return kHeight - kBottom - (kHeight - kTop - kBottom) * (reward - low) / (high - low);
  }
};

std::string text_at(double x, double y, const std::string& more, const std::string& text) {
  return "<text x=\"" + number(x, {1}) + "\" y=\"" + number(y, {1}) +
         "\" font-size=\"12\" fill=\"currentColor\" " + more + ">" + escaped(text) + "</text>\n";
}

std::string level(const Axes& axes, double reward, const std::string& name) {
  const std::string y = number(axes.y(reward), {1});
  return "<line x1=\"" + number(kLeft, {1}) + "\" x2=\"" + number(kWidth - kRight, {1}) +
         "\" y1=\"" + y + "\" y2=\"" + y +
         "\" stroke=\"currentColor\" stroke-opacity=\".5\" stroke-dasharray=\"4 4\"/>\n" +
         text_at(kWidth - kRight + 6.0, axes.y(reward) + 4.0, "", name + " " + number(reward));
}

std::string curve_of(const ReplayResult& result) {
  const std::vector<CurvePoint> curve = learning_curve(result, kCurvePoints);
  const double best = result.fixed[result.best_arm].score;
  Axes axes;
  axes.rounds = static_cast<double>(result.rounds);
  axes.low = std::min({result.random, best, result.oracle});
  axes.high = std::max({result.random, best, result.oracle});
  for (const CurvePoint& point : curve) {
    axes.low = std::min(axes.low, point.mean_reward);
    axes.high = std::max(axes.high, point.mean_reward);
  }
  const double margin = std::max(0.04 * (axes.high - axes.low), 1e-6);
  axes.low -= margin;
  axes.high += margin;

  std::string points;
  for (const CurvePoint& point : curve) {
    points += number(axes.x(static_cast<double>(point.round)), {1}) + "," +
              number(axes.y(point.mean_reward), {1}) + " ";
  }
  std::string svg = "<svg viewBox=\"0 0 " + number(kWidth, {0}) + " " + number(kHeight, {0}) +
                    "\" role=\"img\" aria-label=\"Mean reward so far by round\">\n";
  svg += level(axes, result.random, "random");
  svg += level(axes, best, "best fixed");
  svg += level(axes, result.oracle, "oracle");
  svg +=
      "<polyline fill=\"none\" stroke=\"#1f8fd6\" stroke-width=\"2\" points=\"" + points + "\"/>\n";
  svg += text_at(kLeft - 6.0, axes.y(axes.low), "text-anchor=\"end\"", number(axes.low, {3}));
  svg +=
      text_at(kLeft - 6.0, axes.y(axes.high) + 10.0, "text-anchor=\"end\"", number(axes.high, {3}));
  svg += text_at(kLeft, kHeight - 10.0, "", "round 1");
  svg += text_at(kWidth - kRight, kHeight - 10.0, "text-anchor=\"end\"",
                 "round " + std::to_string(result.rounds));
  return svg + "</svg>\n";
}

std::string calibration_of(const ReplayResult& result) {
  if (result.calibration.empty()) return "";
  std::string html = "<h3>Calibration of arms with " + std::to_string(kWarmPulls) +
                     " decisions or more, by decile of the prediction</h3>\n"
                     "<table><tr><th>predicted</th><th>came</th><th>se</th><th>count</th>"
                     "<th>within max(.03, 2 se)</th></tr>\n";
  for (const CalibrationBin& bin : result.calibration) {
    html += "<tr><td>" + number(bin.expected) + "</td><td>" + number(bin.outcome) + "</td><td>" +
            number(bin.se) + "</td><td>" + std::to_string(bin.count) + "</td><td>" +
            (bin.ok ? "yes" : "no") + "</td></tr>\n";
  }
  return html + "</table>\n";
}

std::string section_of(const ReplayResult& result) {
  std::string html = "<h2>" + escaped(result.dataset) + ": " + escaped(result.policy.text) +
                     "</h2>\n<p>" + std::to_string(result.rounds) + " rounds, " +
                     std::to_string(result.arms.size()) + " arms, " +
                     std::to_string(result.runs.size()) + " seeds</p>\n";
  html += table_of(result) + curve_of(result);
  const Interval& paired = result.against_best_fixed;
  const ReplayTimes times = times_of(result);
  html +=
      "<p class=\"note\">The curve is the mean reward so far, averaged over the seeds. Less "
      "the best fixed arm, paired by seed: " +
      number(paired.mean) + " (95%: " + number(paired.low) + " to " + number(paired.high) +
      "), worst seed " + number(result.worst_against_best_fixed) + ". " +
      number(times.decision_us, {2}) + " µs a decision, " + number(times.update_us, {2}) +
      " µs an update.</p>\n";
  html += calibration_of(result);
  if (const auto& paced = result.paced) {
    html += "<p class=\"note\">Budget " + number(paced->target_usd, {6}) +
            " USD a request: spent " + number(result.mean_cost_usd / paced->target_usd, {3}) +
            " of it, dearest seed " + number(paced->dearest_seed_usd / paced->target_usd, {3});
    if (paced->against_mix) {
      html +=
          "; less the best mix of two fixed arms within it: " + number(paced->against_mix->mean) +
          " (95%: " + number(paced->against_mix->low) + " to " + number(paced->against_mix->high) +
          ")";
    }
    html += ".</p>\n";
  }
  return html;
}

}  // namespace

std::string render_html(const std::vector<ReplayResult>& results) {
  std::string html = kHead;
  for (const ReplayResult& result : results) html += section_of(result);
  return html + "</body></html>\n";
}

}  // namespace pointsman::lab
