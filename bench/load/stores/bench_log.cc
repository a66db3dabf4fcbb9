#include "bench/load/stores/bench_log.h"

#include <chrono>
#include <cstdio>
#include <utility>

namespace pointsman::bench {

std::string LogSource::query_id(std::uint64_t n) {
  char text[32];
  std::snprintf(text, sizeof text, "q_%026llu", static_cast<unsigned long long>(n));
  return text;
}

AppendRequest LogSource::decision(std::uint64_t n) {
  Decision made;
  made.query_id = query_id(n);
  made.raw.assign(32, 0.5F);
  for (const char* arm : {"small", "medium", "large"}) {
    ArmView view;
    view.arm = arm;
    view.propensity = 1.0 / 3.0;
    made.arms.push_back(view);
  }
  const RecordStamp at = stamps_.next();
  made.expires_at = at.time + std::chrono::hours(24 * 30);
  return append_decision(kScope, at, std::move(made), Fingerprint{});
}

AppendRequest LogSource::feedback(std::uint64_t n) {
  Feedback made;
  made.query_id = query_id(n);
  made.signal_type = kSignal;
  made.reward = {1.0, 1.0};
  made.payload = R"({"value":"up"})";
  Fingerprint payload{};
  payload[0] = 1;
  return append_feedback({kScope.tenant, ""}, stamps_.next(), std::move(made), payload);
}

}  // namespace pointsman::bench
