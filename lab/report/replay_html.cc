#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "lab/report/replay_charts.h"
#include "lab/report/replay_report.h"

namespace pointsman::lab {
namespace {

constexpr const char* kHead = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pointsman replay</title>
<style>
:root{color-scheme:light dark;--ink:#1d2329;--paper:#fff;--soft:#58636d;--line:#d5dbe0;
--policy:#0b66b0;--tint:#eef5fb}
@media(prefers-color-scheme:dark){:root{--ink:#e3e7eb;--paper:#15191d;--soft:#aab3bb;
--line:#39424a;--policy:#7cc4f4;--tint:#1d2a35}}
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;
color:var(--ink);background:var(--paper)}
h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .2rem}
p{margin:.3rem 0}p.note,figcaption,summary{color:var(--soft);font-size:.9rem}
p.verdict{border-left:4px solid var(--policy);background:var(--tint);padding:.5rem .8rem;
margin:.8rem 0}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
td,th{padding:.2rem .6rem;text-align:right;white-space:nowrap}
th{border-bottom:1px solid var(--soft);font-weight:600}
td:first-child,th:first-child{text-align:left;white-space:normal;overflow-wrap:anywhere}
tr.policy td{font-weight:600;color:var(--policy);background:var(--tint)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));gap:1rem;
margin:1rem 0}
figure{margin:0}svg{width:100%;height:auto}svg text{font-size:12px;fill:var(--ink)}
svg .axis{fill:var(--soft)}svg .frame{stroke:var(--line)}
svg .level{stroke:var(--soft);stroke-dasharray:4 4;stroke-opacity:.6}
svg polyline{fill:none;stroke-width:2}svg .curve{stroke:var(--policy)}
svg .frontier{stroke:var(--soft)}svg .gain{stroke:var(--policy);stroke-dasharray:2 3}
svg circle.arm{fill:var(--soft)}svg circle.policy{fill:var(--policy)}
svg text.policy{fill:var(--policy);font-weight:600}
</style></head><body>
<h1>Pointsman replay</h1>
)";

std::string table_row(const std::string& name, double reward, double cost_usd,
                      const char* css_class = "") {
  return std::string("<tr class=\"") + css_class + "\"><td>" + html_escaped(name) + "</td><td>" +
         html_number(reward) + "</td><td>" + html_number(cost_usd, {6}) + "</td></tr>\n";
}

std::string table_of(const ReplayResult& result) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::string html =
      "<div class=\"wide\"><table><tr><th></th><th>mean reward</th><th>USD a call</th></tr>\n";
  html += table_row(result.policy.text, result.reward.mean, result.mean_cost_usd, "policy");
  html += table_row("oracle (the best arm of every row)", result.oracle, kNone);
  if (result.best_mix) {
    html += table_row("best mix of two fixed arms at the same spend", *result.best_mix,
                      result.mean_cost_usd);
  }
  for (const std::size_t a : arms_best_first(result)) {
    html += table_row("always " + result.arms[a], result.fixed[a].score, result.fixed[a].cost_usd);
  }
  html += table_row("random", result.random, kNone);
  return html + "</table></div>\n";
}

std::string calibration_of(const ReplayResult& result) {
  if (result.calibration.empty()) return "";
  std::string html =
      "<details><summary>Calibration: what was predicted for arms with " +
      std::to_string(kWarmPulls) +
      " decisions or more, and what came, by decile of the prediction</summary>\n"
      "<div class=\"wide\"><table><tr><th>predicted</th><th>came</th><th>standard error</th>"
      "<th>decisions</th><th>within max(.03, 2 standard errors)</th></tr>\n";
  for (const CalibrationBin& bin : result.calibration) {
    html += "<tr><td>" + html_number(bin.expected) + "</td><td>" + html_number(bin.outcome) +
            "</td><td>" + html_number(bin.se) + "</td><td>" + std::to_string(bin.count) +
            "</td><td>" + (bin.ok ? "yes" : "no") + "</td></tr>\n";
  }
  return html + "</table></div></details>\n";
}

std::string section_of(const ReplayResult& result) {
  std::string html =
      "<h2>" + html_escaped(result.dataset) + ": " + html_escaped(result.policy.text) +
      "</h2>\n<p class=\"note\">" + std::to_string(result.rounds) + " rounds, " +
      std::to_string(result.arms.size()) + " arms, " + std::to_string(result.runs.size()) +
      " seeds</p>\n<p class=\"verdict\">" + html_escaped(verdict_of(result)) + "</p>\n";
  html += "<div class=\"charts\">\n" + cost_chart(result) + learning_chart(result) + "</div>\n";
  html += table_of(result);
  const ReplayTimes times = times_of(result);
  html += "<p class=\"note\">Worst seed, less the best fixed arm: " +
          html_number(result.worst_against_best_fixed) + ". ";
  if (const auto& paced = result.paced) {
    html += "Dearest seed: " + html_number(paced->dearest_seed_usd / paced->target_usd, {3}) +
            " of the budget. ";
  }
  html += "A decision took " + html_number(times.decision_us, {2}) + " µs and an update " +
          html_number(times.update_us, {2}) + " µs.</p>\n";
  return html + calibration_of(result);
}

}  // namespace

std::string render_html(const std::vector<ReplayResult>& results) {
  std::string html = kHead;
  for (const ReplayResult& result : results) html += section_of(result);
  return html + "</body></html>\n";
}

}  // namespace pointsman::lab
