#include "server/services/stats_service.h"

#include <algorithm>
#include <cstdio>
#include <future>
#include <map>
#include <nlohmann/json.hpp>

#include "server/core/follower.h"

namespace pointsman {
namespace {

std::string hex(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(value));
  return text;
}

nlohmann::json mean_or_null(double sum, double count) {
  return count > 0.0 ? nlohmann::json(sum / count) : nlohmann::json(nullptr);
}

nlohmann::json router_json(const FollowedReport& report) {
  nlohmann::json arms = nlohmann::json::object();
  for (const RouterReport::ArmReport& arm : report.arms) {
    arms[arm.spec.id] = {
        {"model", arm.spec.model},
        {"pulls", arm.stats.pulls},
        {"observations", arm.stats.observation_weight},
        {"mean_reward", mean_or_null(arm.stats.reward_sum, arm.stats.observation_weight)},
        {"mean_cost_usd", mean_or_null(arm.stats.cost_sum, static_cast<double>(arm.stats.costs))},
        {"mean_latency_ms",
         mean_or_null(arm.stats.latency_sum, static_cast<double>(arm.stats.latencies))}};
  }
  return {{"position", report.position},
          {"resting", report.resting},
          {"checksum", hex(report.checksum)},
          {"policy", report.policy},
          {"decisions", report.decisions},
          {"arms", std::move(arms)},
          {"schema_version", report.schema_version},
          {"log_forks", report.forks},
          {"log_divergences", report.divergences},
          {"log_lag_records", report.lag ? nlohmann::json(*report.lag) : nlohmann::json(nullptr)},
          {"budget",
           {{"lambda", report.budget.lambda},
            {"account", report.budget.account},
            {"spent_today_usd", report.budget.spent_today_usd}}}};
}

http::Response describe(ServiceContext& context, const std::string& tenant) {
  const auto reports = gather_reports(context, tenant);
  if (!reports) return problem_of(reports.error());
  nlohmann::json routers = nlohmann::json::object();
  std::map<std::string, std::uint64_t> by_type;
  std::uint64_t decisions = 0;
  std::uint64_t pending = 0;
  std::uint64_t outcomes = 0;
  std::uint64_t sessions = 0;
  for (const FollowedReport& report : *reports) {
    const auto counts = context.store.counts(report.scope, context.clock.now());
    if (!counts) return problem_of(counts.error());
    decisions += counts->decisions;
    pending += counts->open_decisions;
    outcomes += counts->outcomes;
    sessions += counts->session_feedback;
    for (const auto& [type, count] : counts->feedback_by_type) by_type[type] += count;
    routers[report.scope.router] = router_json(report);
  }
  nlohmann::json settings = nlohmann::json::object();
  for (const auto& [name, value] : context.store.settings()) settings[name] = value;
  nlohmann::json adapters = nlohmann::json::object();
  for (const auto& entry : context.adapters.catalogue()) {
    adapters[std::string(entry.name)] = std::string(entry.description);
  }
  const Writer::Counters writer = context.writer.counters();
  nlohmann::json follow_age = nullptr;
  if (const auto age = context.follower ? context.follower->age() : std::nullopt) {
    follow_age = age->count();
  }
  const nlohmann::json body = {{"pending_count", pending},
                               {"log_follow_age_seconds", follow_age},
                               {"decisions", decisions},
                               {"outcomes", outcomes},
                               {"session_feedback", sessions},
                               {"feedback", by_type},
                               {"adapters", adapters},
                               {"routers", routers},
                               {"store", settings},
                               {"writer",
                                {{"groups", writer.groups},
                                 {"records", writer.records},
                                 {"queued", writer.queued},
                                 {"failures", writer.failures}}}};
  return json_response(body.dump());
}

}  // namespace

Result<std::vector<FollowedReport>> gather_reports(ServiceContext& context,
                                                   const std::string& tenant) {
  // Asked first: a record that comes meanwhile is no lag.
  const auto heads = context.store.heads();
  std::map<Scope, LogPosition> newest;
  if (heads) {
    for (const LogHead& head : *heads) newest.emplace(head.scope, head.position);
  }
  std::promise<std::vector<FollowedReport>> promise;
  auto future = promise.get_future();
  const bool taken = context.writer.run([&] {
    std::vector<FollowedReport> reports;
    for (const Scope& scope : context.routers.scopes()) {
      if (scope.tenant != tenant) continue;
      reports.push_back({context.routers.report(scope), std::nullopt});
      FollowedReport& report = reports.back();
      const auto head = newest.find(scope);
      if (head == newest.end() || report.resting) continue;
      report.lag = head->second - std::min(head->second, report.position);
    }
    promise.set_value(std::move(reports));
  });
  if (!taken) return Error{ErrorCode::exhausted, "the server is busy or going down", ""};
  return future.get();
}

void StatsService::handle(http::Call call) {
  answer_on_worker(context_.workers, std::move(call.responder),
                   [&context = context_, tenant = std::move(call.caller.tenant)] {
                     return describe(context, tenant);
                   });
}

}  // namespace pointsman
