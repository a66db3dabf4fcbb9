#include "bench/load/stores/bench_log.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "engine/keyed_random.h"

namespace pointsman::bench {

void fail(const std::string& message) {
  std::fprintf(stderr, "pointsman_store_bench: %s\n", message.c_str());
  std::exit(1);
}

RecordStamp LogSource::stamp() {
  RecordStamp made;
  KeyedRandom random(++tick_, "stamp");
  for (std::size_t at = 0; at + 8 <= made.id.size(); at += 8) {
    const std::uint64_t bits = random.next_u64();
    std::memcpy(made.id.data() + at, &bits, 8);
  }
  made.time = Timestamp(std::chrono::milliseconds(1'790'000'000'000 + tick_));
  return made;
}

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
  const RecordStamp at = stamp();
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
  return append_feedback({kScope.tenant, ""}, stamp(), std::move(made), payload);
}

}  // namespace pointsman::bench
