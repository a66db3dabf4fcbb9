#include "lab/data/stream_plan.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <tuple>
#include <utility>

#include "engine/policies/keyed_random.h"

namespace pointsman::lab {
namespace {

constexpr double kLongestDelay = 200.0;

std::vector<std::uint32_t> shuffled(std::span<const std::uint32_t> rows, std::uint64_t seed) {
  std::vector<std::uint32_t> order(rows.begin(), rows.end());
  KeyedRandom random(seed, "shuffle");
  for (std::size_t i = order.size(); i > 1; --i) {
    const auto j = static_cast<std::size_t>(random.next_unit() * static_cast<double>(i));
    std::swap(order[i - 1], order[j]);
  }
  return order;
}

/// An event with the round behind whose route it comes.
struct Timed {
  std::size_t due = 0;
  StreamEvent event;
};

/// The feedback of one scored round, strays and all.
void plan_feedback(std::uint32_t round, const std::string& query_id, const StreamShares& shares,
                   KeyedRandom random, std::vector<Timed>& timed) {
  const auto delay = [&] {
    return 1 + static_cast<std::size_t>(random.next_unit() * kLongestDelay);
  };
  // Every number is drawn whether it is used or not: one share does not move another's rounds.
  const bool late = random.next_unit() < shares.late;
  const bool twice = random.next_unit() < shares.twice;
  const bool revised = random.next_unit() < shares.revised;
  const std::size_t late_by = delay();
  const std::size_t again_after = delay() - 1;
  const std::size_t revised_after = delay();
  // Hundredths, which every decimal writer renders the same way.
  const double wrong = std::floor(random.next_unit() * 101.0) / 100.0;

  const std::size_t first = round + (late ? late_by : 0);
  StreamEvent said{StreamAct::feedback, round, std::nullopt, query_id + "-1"};
  if (revised) {
    said.wrong_value = wrong;
    timed.push_back(
        {first + revised_after, {StreamAct::feedback, round, std::nullopt, query_id + "-2"}});
  }
  if (twice) timed.push_back({first + again_after, said});
  timed.push_back({first, std::move(said)});
}

void plan_warm_up(const DataSet& data, std::uint32_t row, const std::string& id, StreamPlan& plan) {
  for (std::size_t a = 0; a < data.arms.size(); ++a) {
    if (std::isnan(data.quality_of(row)[a])) continue;
    const auto round = static_cast<std::uint32_t>(plan.rounds.size());
    std::string query_id = id + "-" + std::to_string(a);
    plan.events.push_back({StreamAct::route, round, std::nullopt, ""});
    plan.events.push_back({StreamAct::outcome, round, std::nullopt, ""});
    plan.events.push_back({StreamAct::feedback, round, std::nullopt, query_id + "-1"});
    plan.rounds.push_back({row, std::move(query_id), static_cast<std::uint32_t>(a)});
  }
}

}  // namespace

StreamPlan plan_stream(const DataSet& data, std::span<const std::uint32_t> rows,
                       const StreamOptions& options) {
  assert(options.warm < rows.size());
  const std::uint64_t seed = options.shuffle_seed + options.seed_index;
  const std::string prefix = std::to_string(router_seed(options.seed_index)) + "-";
  const std::vector<std::uint32_t> order = shuffled(rows, seed);
  StreamPlan plan;
  std::vector<Timed> timed;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::string line = std::to_string(data.rows[order[i]].line);
    if (i < options.warm) {
      plan_warm_up(data, order[i], prefix + line, plan);
      plan.warm_rounds = plan.rounds.size();
      continue;
    }
    const auto round = static_cast<std::uint32_t>(plan.rounds.size());
    plan.rounds.push_back({order[i], prefix + line, std::nullopt});
    timed.push_back({round, {StreamAct::route, round, std::nullopt, ""}});
    timed.push_back({round, {StreamAct::outcome, round, std::nullopt, ""}});
    plan_feedback(round, plan.rounds.back().query_id, options.shares,
                  KeyedRandom(seed, "stream:" + line), timed);
  }
  // A round's route and outcome stand before all feedback that is due in it.
  std::stable_sort(timed.begin(), timed.end(), [](const Timed& a, const Timed& b) {
    return std::tuple(a.due, a.event.act == StreamAct::feedback) <
           std::tuple(b.due, b.event.act == StreamAct::feedback);
  });
  plan.events.reserve(plan.events.size() + timed.size());
  for (Timed& one : timed) plan.events.push_back(std::move(one.event));
  return plan;
}

}  // namespace pointsman::lab
