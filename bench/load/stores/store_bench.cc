// What the Store port costs above the client library itself: the same feedback records, 64 a
// commit, once through Store::append and once by hand (RawLoop) into a second store of the same
// schema and settings. Short rounds take turns, so that a slow spell of the disk falls on both. A
// figure is the median round, in records a second of wall time; the ratio is the median of the
// rounds' own ratios.
//
//   pointsman_store_bench PORT_URL RAW_URL [ROUNDS [GROUPS_A_ROUND]]
//
// prints one JSON object. Both stores must be empty, and of one kind.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench/load/stores/bench_log.h"
#include "engine/log/record_codec.h"
#include "stores/open_store.h"

namespace pointsman::bench {
namespace {

constexpr std::size_t kGroup = 64;

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::unique_ptr<Store> open(const std::string& url) {
  StoreOptions options;
  options.url = url;
  return must(open_store(options));
}

std::unique_ptr<RawLoop> open_raw(const std::string& url) {
  if (url.starts_with("sqlite:")) return raw_sqlite(url.substr(std::string("sqlite:").size()));
  if (url.starts_with("redis:")) return raw_redis(url);
  if (url.starts_with("postgres")) return raw_postgres(url);
  fail("there is no raw loop for this kind of store");
}

void fill_with_decisions(Store& store, std::uint64_t count) {
  LogSource source;
  std::vector<AppendRequest> group;
  for (std::uint64_t n = 0; n < count; ++n) {
    group.push_back(source.decision(n));
    if (group.size() == 1024 || n + 1 == count) {
      must(store.append(group));
      group.clear();
    }
  }
}

struct Plan {
  std::string port_url;
  std::string raw_url;
  std::size_t rounds = 9;
  std::size_t groups = 100;
};

/// The next round's records in both forms.
struct Round {
  std::vector<std::vector<AppendRequest>> requests;
  std::vector<std::vector<Row>> rows;
};

Round make_round(LogSource& source, std::uint64_t& next, std::size_t groups) {
  Round round{.requests = std::vector<std::vector<AppendRequest>>(groups),
              .rows = std::vector<std::vector<Row>>(groups)};
  for (std::size_t g = 0; g < groups; ++g) {
    for (std::size_t i = 0; i < kGroup; ++i, ++next) {
      AppendRequest request = source.feedback(next);
      round.rows[g].push_back({LogSource::query_id(next), encode(request.record),
                               request.record.time.time_since_epoch().count()});
      round.requests[g].push_back(std::move(request));
    }
  }
  return round;
}

double time_port(Store& store, const Round& round) {
  return seconds_of([&] {
    for (const auto& group : round.requests) {
      for (const AppendResult& result : must(store.append(group))) {
        if (result.status != AppendStatus::recorded) fail("a record was not appended");
      }
    }
  });
}

double time_raw(RawLoop& raw, const Round& round) {
  return seconds_of([&] {
    for (const auto& group : round.rows) raw.append(group);
  });
}

void measure(const Plan& plan) {
  const std::uint64_t total = (plan.rounds + 1) * plan.groups * kGroup;
  fill_with_decisions(*open(plan.raw_url), total);
  const auto store = open(plan.port_url);
  fill_with_decisions(*store, total);
  const auto raw = open_raw(plan.raw_url);

  const auto records = static_cast<double>(plan.groups * kGroup);
  std::vector<double> port_rates;
  std::vector<double> raw_rates;
  std::vector<double> ratios;
  LogSource source;
  std::uint64_t next = 0;
  for (std::size_t n = 0; n <= plan.rounds; ++n) {
    const Round round = make_round(source, next, plan.groups);
    const bool port_first = n % 2 == 0;
    double port_s = port_first ? time_port(*store, round) : 0.0;
    const double raw_s = time_raw(*raw, round);
    if (!port_first) port_s = time_port(*store, round);
    if (n == 0) continue;  // Warms caches, plans and the WAL.
    port_rates.push_back(records / port_s);
    raw_rates.push_back(records / raw_s);
    ratios.push_back(raw_s / port_s);
  }
  std::printf("{\"port_per_s\": %.0f,\n \"raw_per_s\": %.0f,\n \"port_of_raw\": %.3f}\n",
              median(port_rates), median(raw_rates), median(ratios));
}

}  // namespace
}  // namespace pointsman::bench

int main(int argc, char** argv) {
  pointsman::bench::Plan plan;
  if (argc < 3) {
    pointsman::bench::fail(
        "usage: pointsman_store_bench PORT_URL RAW_URL [ROUNDS [GROUPS_A_ROUND]]");
  }
  plan.port_url = argv[1];
  plan.raw_url = argv[2];
  if (argc > 3) plan.rounds = std::strtoul(argv[3], nullptr, 10);
  if (argc > 4) plan.groups = std::strtoul(argv[4], nullptr, 10);
  if (plan.rounds == 0 || plan.groups == 0) pointsman::bench::fail("counts must be above 0");
  pointsman::bench::measure(plan);
  return 0;
}
