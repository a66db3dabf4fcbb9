#include "server/services/metrics_service.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <utility>
#include <vector>

#include "server/core/follower.h"
#include "server/services/stats_service.h"

namespace pointsman {
namespace {

using Families = std::vector<prometheus::MetricFamily>;
using Labels = std::vector<prometheus::ClientMetric::Label>;

struct MetricName {
  const char* name;
  const char* help;
};

prometheus::MetricFamily& family(Families& families, MetricName name, prometheus::MetricType type) {
  for (auto& existing : families) {
    if (existing.name == name.name) return existing;
  }
  families.push_back({name.name, name.help, type, {}});
  return families.back();
}

void counter(Families& families, MetricName name, double value, Labels labels = {}) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  metric.counter.value = value;
  family(families, name, prometheus::MetricType::Counter).metric.push_back(std::move(metric));
}

void gauge(Families& families, MetricName name, double value, Labels labels = {}) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  family(families, name, prometheus::MetricType::Gauge).metric.push_back(std::move(metric));
}

double number(std::uint64_t value) { return static_cast<double>(value); }

void add_transport(Families& families, const http::Counters& http) {
  gauge(families, {"pointsman_http_connections", "Open connections."},
        number(http.connections_now));
  counter(families, {"pointsman_http_requests_total", "Requests handed to a service."},
          number(http.requests));
  for (const auto& [status, count] : http.responses) {
    counter(families, {"pointsman_http_responses_total", "Answers by status."}, number(count),
            {{"status", std::to_string(status)}});
  }
  counter(families, {"pointsman_http_rejected_total", "Connections over the bound."},
          number(http.connections_rejected));
  counter(families, {"pointsman_http_timeouts_total", "Slow headers, bodies and readers."},
          number(http.timeouts));
  counter(families, {"pointsman_http_received_bytes_total", "Bytes received."},
          number(http.bytes_received));
  counter(families, {"pointsman_http_sent_bytes_total", "Bytes sent."}, number(http.bytes_sent));
}

void add_writer(Families& families, const Writer& writer) {
  const Writer::Counters counters = writer.counters();
  counter(families, {"pointsman_commits_total", "Groups given to the store."},
          number(counters.groups));
  counter(families, {"pointsman_commit_records_total", "Records in them, duplicates included."},
          number(counters.records));
  counter(families, {"pointsman_commit_failures_total", "Groups that the store did not take."},
          number(counters.failures));
  counter(families, {"pointsman_commit_seconds_total", "Time spent in commits."},
          counters.commit_seconds);
  counter(families, {"pointsman_late_answers_total", "Answers given before their commit."},
          number(counters.late));
  counter(families, {"pointsman_refused_total", "Requests over the queue's bounds."},
          number(counters.refused));
  gauge(families, {"pointsman_queue", "Requests that wait for the store."},
        number(counters.queued));
  gauge(families, {"pointsman_store_healthy", "1 while the last commit went well."},
        writer.healthy() ? 1.0 : 0.0);
}

void add_rest(Families& families, const Routers& routers) {
  const RestCounters rest = routers.rest_counters();
  constexpr MetricName kRouters = {"pointsman_routers", "Routers in memory, or at rest."};
  gauge(families, kRouters, number(rest.awake), {{"state", "awake"}});
  gauge(families, kRouters, number(rest.resting), {{"state", "resting"}});
  gauge(families, {"pointsman_awake_bytes", "About what the routers that are awake hold."},
        number(rest.awake_bytes));
  counter(families, {"pointsman_router_rests_total", "Times a router went to rest."},
          number(rest.rests));
  counter(families, {"pointsman_router_wakes_total", "Times a router woke."}, number(rest.wakes));
  counter(families, {"pointsman_router_wake_seconds_total", "Time that waking took the writer."},
          std::chrono::duration<double>(rest.waking).count());
}

void add_follower(Families& families, const Follower* follower) {
  const auto age = follower ? follower->age() : std::nullopt;
  if (!age) return;
  gauge(families,
        {"pointsman_log_follow_age_seconds", "Since the shared log was last followed in full."},
        age->count());
}

void add_router(Families& families, const FollowedReport& report) {
  const Labels router = {{"router", report.scope.router}};
  gauge(families, {"pointsman_log_position", "Newest folded position of the log."},
        number(report.position), router);
  if (report.lag) {
    gauge(families, {"pointsman_log_lag_records", "Positions of the log that are not folded yet."},
          number(*report.lag), router);
  }
  counter(families, {"pointsman_log_forks_total", "Times the log had lost what was folded."},
          number(report.forks), router);
  counter(families,
          {"pointsman_log_divergences_total", "Checkpoints of others with another checksum."},
          number(report.divergences), router);
  counter(families, {"pointsman_decisions_total", "Decisions in the log."},
          number(report.decisions), router);
  for (const RouterReport::ArmReport& arm : report.arms) {
    const Labels labels = {{"arm", arm.spec.id}, {"router", report.scope.router}};
    const ArmStats& stats = arm.stats;
    counter(families, {"pointsman_arm_pulls_total", "Decisions for this arm."}, number(stats.pulls),
            labels);
    counter(families, {"pointsman_arm_observation_weight", "Weight of its observations."},
            stats.observation_weight, labels);
    if (stats.observation_weight > 0.0) {
      gauge(families, {"pointsman_arm_mean_reward", "Weighted mean reward."},
            stats.reward_sum / stats.observation_weight, labels);
    }
    if (stats.costs > 0) {
      gauge(families, {"pointsman_arm_mean_cost_usd", "Mean cost of its outcomes."},
            stats.cost_sum / number(stats.costs), labels);
    }
  }
}

}  // namespace

void MetricsService::handle(http::Call call) {
  answer_on_worker(context_.workers, std::move(call.responder),
                   [this, tenant = std::move(call.caller.tenant)] {
                     const auto reports = gather_reports(context_, tenant);
                     if (!reports) return problem_of(reports.error());
                     Families families;
                     add_transport(families, transport_());
                     add_writer(families, context_.writer);
                     add_rest(families, context_.routers);
                     add_follower(families, context_.follower);
                     for (const FollowedReport& report : *reports) add_router(families, report);
                     http::Response response;
                     response.content_type = "text/plain; version=0.0.4; charset=utf-8";
                     response.body = prometheus::TextSerializer().Serialize(families);
                     return response;
                   });
}

}  // namespace pointsman
