#include "lab/report/replay_charts.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

#include "lab/report/replay_report.h"

namespace pointsman::lab {
namespace {

// The charts stand side by side where the page is wide and below each other where it is narrow, so
// one of them is about as wide as a telephone and its text keeps its size.
constexpr double kWidth = 470.0;
constexpr double kHeight = 300.0;
constexpr double kLeft = 46.0;
constexpr double kRight = 12.0;
constexpr double kTop = 16.0;
constexpr double kBottom = 34.0;
constexpr double kLetter = 6.4;  ///< About the width of a letter of the labels.
constexpr double kLine = 13.0;   ///< The height of a label.
constexpr std::size_t kCurvePoints = 240;
constexpr std::size_t kMixPoints = 160;

struct Point {
  double x = 0.0;
  double y = 0.0;
};

/// An interval of values, drawn from `from` to `to` in the picture.
struct Scale {
  double low = 0.0;
  double high = 1.0;
  double from = 0.0;
  double to = 1.0;
  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  void widen(double share) {
    const double margin = std::max(share * (high - low), 1e-6);
    low -= margin;
    high += margin;
  }
  double at(double value) const { return from + (to - from) * (value - low) / (high - low); }
};

Scale reward_scale(double value) { return {value, value, kHeight - kBottom, kTop}; }

std::string coordinates(Point point) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.1f %.1f", point.x, point.y);
  return text;
}

std::string coordinate(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f", value);
  return text;
}

std::string attribute(const char* name, double value) {
  return std::string(" ") + name + "=\"" + coordinate(value) + "\"";
}

std::string line_of(const char* css_class, Point from, Point to) {
  return std::string("<line class=\"") + css_class + "\"" + attribute("x1", from.x) +
         attribute("y1", from.y) + attribute("x2", to.x) + attribute("y2", to.y) + "/>\n";
}

std::string text_of(const char* css_class, Point at, const char* anchor, const std::string& text) {
  return std::string("<text class=\"") + css_class + "\"" + attribute("x", at.x) +
         attribute("y", at.y) + " text-anchor=\"" + anchor + "\">" + html_escaped(text) +
         "</text>\n";
}

std::string curve_through(const char* css_class, const std::vector<Point>& points) {
  std::string text = std::string("<polyline class=\"") + css_class + "\" points=\"";
  for (const Point point : points) text += coordinates(point) + " ";
  return text + "\"/>\n";
}

std::string figure(const std::string& caption, const std::string& drawing) {
  return "<figure><svg viewBox=\"0 0 " + coordinate(kWidth) + " " + coordinate(kHeight) +
         "\" role=\"img\" aria-label=\"" + html_escaped(caption) + "\">\n" + drawing +
         "</svg><figcaption>" + html_escaped(caption) + "</figcaption></figure>\n";
}

/// The least and the largest value at the ends of the reward's axis.
std::string reward_axis(const Scale& rewards) {
  const auto name = [&](double value) {
    return text_of("axis", {kLeft - 6.0, rewards.at(value) + 4.0}, "end", html_number(value, {3}));
  };
  return name(rewards.low) + name(rewards.high) +
         line_of("frame", {kLeft, kTop}, {kLeft, kHeight - kBottom}) +
         line_of("frame", {kLeft, kHeight - kBottom}, {kWidth - kRight, kHeight - kBottom});
}

/// Where a label may stand: a point, and how the text lies to it.
struct Place {
  Point at;
  const char* anchor = "start";
  double before = 0.0;  ///< The share of the text that stands left of `at`.
};

/// Labels of one chart, of which none covers another.
class Labels final {
 public:
  /// Writes the text at the first of the places where it covers nothing. Where it covers something
  /// at each of them, it stands at the first one that is inside the picture.
  std::string put(const char* css_class, const std::string& text,
                  const std::vector<Place>& places) {
    const double width = kLetter * static_cast<double>(text.size());
    const Place* best = nullptr;
    for (const Place& place : places) {
      const Box box = box_of(place, width);
      const bool free = is_inside(box) && is_free(box);
      if (free || (best == nullptr && is_inside(box))) best = &place;
      if (free) break;
    }
    if (best == nullptr) best = &places.front();
    taken_.push_back(box_of(*best, width));
    return text_of(css_class, best->at, best->anchor, text);
  }

  std::string beside_dot(const char* css_class, Point dot, const std::string& text) {
    return put(css_class, text,
               {{{dot.x + 8.0, dot.y + 4.0}, "start", 0.0},
                {{dot.x - 8.0, dot.y + 4.0}, "end", 1.0},
                {{dot.x + 6.0, dot.y + 18.0}, "start", 0.0},
                {{dot.x - 6.0, dot.y - 8.0}, "end", 1.0},
                {{dot.x, dot.y + 20.0}, "middle", 0.5},
                {{dot.x, dot.y - 10.0}, "middle", 0.5},
                {{dot.x + 4.0, dot.y + 32.0}, "start", 0.0},
                {{dot.x - 4.0, dot.y + 32.0}, "end", 1.0}});
  }

  std::string on_line(const char* css_class, double y, const std::string& text) {
    const double end = kWidth - kRight;
    return put(css_class, text, {{{end, y - 4.0}, "end", 1.0}, {{end, y + 13.0}, "end", 1.0}});
  }

  void keep_clear(Point dot, double radius) {
    taken_.push_back({dot.x - radius, dot.x + radius, dot.y - radius, dot.y + radius});
  }

 private:
  struct Box {
    double left = 0.0;
    double right = 0.0;
    double top = 0.0;
    double bottom = 0.0;
  };

  static Box box_of(const Place& place, double width) {
    const double left = place.at.x - place.before * width;
    return {left, left + width, place.at.y - kLine + 3.0, place.at.y + 3.0};
  }

  static bool is_inside(const Box& box) {
    return box.left >= kLeft && box.right <= kWidth && box.bottom <= kHeight - kBottom;
  }

  bool is_free(const Box& box) const {
    return std::none_of(taken_.begin(), taken_.end(), [&](const Box& other) {
      return box.left < other.right && other.left < box.right && box.top < other.bottom &&
             other.top < box.bottom;
    });
  }

  std::vector<Box> taken_;
};

/// "provider/model" -> "model": the provider would take the room of the other labels.
std::string short_name(const std::string& arm) { return arm.substr(arm.rfind('/') + 1); }

std::string dot_of(const char* css_class, Point at) {
  return std::string("<circle class=\"") + css_class + "\"" + attribute("cx", at.x) +
         attribute("cy", at.y) + " r=\"4.5\"/>\n";
}

/// The costs of all arms have a logarithm, and not all the same.
bool has_cost_scale(const ReplayResult& result) {
  const auto positive = [](const Baselines::Fixed& arm) { return arm.cost_usd > 0.0; };
  const auto cheaper = [](const Baselines::Fixed& a, const Baselines::Fixed& b) {
    return a.cost_usd < b.cost_usd;
  };
  if (!(result.mean_cost_usd > 0.0) ||
      !std::all_of(result.fixed.begin(), result.fixed.end(), positive)) {
    return false;
  }
  const auto [low, high] = std::minmax_element(result.fixed.begin(), result.fixed.end(), cheaper);
  return low->cost_usd < high->cost_usd;
}

/// The best mix of two fixed arms at every spend between the cheapest and the dearest arm.
std::vector<std::pair<double, double>> best_mixes(const ReplayResult& result, Scale log_cost) {
  Baselines all;
  all.fixed = result.fixed;
  std::vector<std::pair<double, double>> mixes;
  for (std::size_t i = 0; i <= kMixPoints; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(kMixPoints);
    const double spend = std::exp(log_cost.low + share * (log_cost.high - log_cost.low));
    // Rounding may put the first point a bit below the cheapest arm.
    if (const auto mix = best_mix_at(all, spend * (1.0 + 1e-9))) mixes.emplace_back(spend, *mix);
  }
  return mixes;
}

}  // namespace

std::string html_number(double value, Digits digits) {
  if (!std::isfinite(value)) return "–";
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", digits.count, std::fabs(value));
  return (value < 0.0 ? "\u2212" : "") + std::string(text);
}

std::string html_escaped(std::string_view text) {
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

std::string learning_chart(const ReplayResult& result) {
  const std::vector<CurvePoint> curve = learning_curve(result, kCurvePoints);
  std::vector<std::pair<std::string, double>> levels = {
      {"oracle", result.oracle},
      {"best fixed arm", result.fixed[result.best_arm].score},
      {"random", result.random}};
  if (result.best_mix) levels.emplace_back("best mix at this spend", *result.best_mix);

  Scale rewards = reward_scale(curve.back().mean_reward);
  for (const auto& [name, reward] : levels) rewards.take(reward);
  for (const CurvePoint& point : curve) rewards.take(point.mean_reward);
  rewards.widen(0.04);
  const Scale rounds{0.0, static_cast<double>(result.rounds), kLeft, kWidth - kRight};

  std::string drawing = reward_axis(rewards);
  std::vector<Point> points;
  for (const CurvePoint& point : curve) {
    points.push_back({rounds.at(static_cast<double>(point.round)), rewards.at(point.mean_reward)});
  }
  Labels labels;
  for (const auto& [name, reward] : levels) {
    const double y = rewards.at(reward);
    drawing += line_of("level", {kLeft, y}, {kWidth - kRight, y});
    drawing += labels.on_line("name", y, name + " " + html_number(reward));
  }
  drawing += curve_through("curve", points);
  drawing += text_of("axis", {kLeft, kHeight - 14.0}, "start", "round 1");
  drawing += text_of("axis", {kWidth - kRight, kHeight - 14.0}, "end",
                     "round " + std::to_string(result.rounds));
  return figure("Mean reward so far, averaged over the seeds", drawing);
}

std::string cost_chart(const ReplayResult& result) {
  if (!has_cost_scale(result)) return "";
  const double own = std::log(result.mean_cost_usd);
  Scale costs{own, own, kLeft + 8.0, kWidth - kRight - 8.0};
  Scale rewards = reward_scale(result.reward.mean);
  for (const Baselines::Fixed& arm : result.fixed) {
    costs.take(std::log(arm.cost_usd));
    rewards.take(arm.score);
  }
  rewards.widen(0.14);
  const auto place = [&](double cost_usd, double reward) {
    return Point{costs.at(std::log(cost_usd)), rewards.at(reward)};
  };

  std::string drawing = reward_axis(rewards);
  std::vector<Point> frontier;
  for (const auto& [spend, reward] : best_mixes(result, costs)) {
    frontier.push_back(place(spend, reward));
  }
  drawing += curve_through("frontier", frontier);
  const Point policy = place(result.mean_cost_usd, result.reward.mean);
  if (result.best_mix) {
    drawing += line_of("gain", policy, place(result.mean_cost_usd, *result.best_mix));
  }
  Labels labels;
  for (const Point point : frontier) labels.keep_clear(point, 1.0);
  labels.keep_clear(policy, 6.0);
  for (const Baselines::Fixed& arm : result.fixed) {
    labels.keep_clear(place(arm.cost_usd, arm.score), 6.0);
  }
  drawing += labels.beside_dot("policy", policy, result.policy.text);
  for (std::size_t a = 0; a < result.arms.size(); ++a) {
    const Point at = place(result.fixed[a].cost_usd, result.fixed[a].score);
    drawing += dot_of("arm", at) + labels.beside_dot("name", at, short_name(result.arms[a]));
  }
  drawing += dot_of("policy", policy);
  drawing += text_of("axis", {kLeft, kHeight - 14.0}, "start",
                     html_number(std::exp(costs.low), {6}) + " USD a call");
  drawing += text_of("axis", {kWidth - kRight, kHeight - 14.0}, "end",
                     html_number(std::exp(costs.high), {6}) + " USD");
  return figure("Mean reward by cost (logarithmic). The line is the best mix of two fixed arms",
                drawing);
}

}  // namespace pointsman::lab
