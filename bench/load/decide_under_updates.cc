// How long a decision takes while another thread learns: the promise is that readers never wait.
//
//   pointsman_decide_under_updates [ROUNDS [UPDATES_PER_S]]
//
// One router, d = 64, eight arms, LinUCB, over a store in memory. One thread takes the newest
// snapshot and evaluates, over and over; each call is timed. In every other half of a round a
// second thread commits a group of feedback a millisecond, all of it revisions: what was learnt is
// taken out and the new value learnt, and a snapshot is published. Prints one JSON object; the
// ratio is the median of the rounds' own.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/load/load_program.h"
#include "engine/fold/decide.h"
#include "engine/policies/keyed_random.h"
#include "engine/routers/routers.h"
#include "stores/open_store.h"

namespace pointsman::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kEmbedding = 63;  // And the intercept.
constexpr int kDecisions = 20'000;
constexpr std::chrono::milliseconds kHalf{1000};
const Scope kScope{"default", "default"};

class Traffic final {
 public:
  Traffic() {
    StoreOptions options;
    options.url = "memory:";
    store_ = must(open_store(options));
    routers_ = must(Routers::open(
        *store_, {.checkpoint_every = 0, .record_ids = [this] { return stamps_.next().id; }}));
    RouterConfig config;
    config.policy = LinUcbOptions{};
    config.features = FeatureLayout{.text_counters = false, .embedding_dims = kEmbedding};
    for (const char* id : {"a", "b", "c", "d", "e", "f", "g", "h"}) {
      config.arms.push_back(ArmSpec{.id = id, .model = id});
    }
    commit({append_config(kScope, stamps_.next(), std::move(config))});
    for (int i = 0; i < kDecisions; ++i) {
      DecideRequest request;
      request.query_id = "q" + std::to_string(i);
      const std::vector<float> raw = context(static_cast<std::uint64_t>(i));
      request.raw = raw;
      const RecordStamp now = stamps_.next();
      request.now = now.time;
      commit({append_decision(kScope, now, must(decide(*snapshot(), request)), Fingerprint{})});
    }
    update(kDecisions);
  }

  static std::vector<float> context(std::uint64_t n) {
    KeyedRandom random(n, "context");
    std::vector<float> raw(kEmbedding);
    for (float& value : raw) value = static_cast<float>(2.0 * random.next_unit() - 1.0);
    return raw;
  }

  std::shared_ptr<const RouterSnapshot> snapshot() const { return routers_->snapshot(kScope); }

  /// One group of `n` ratings, each of another decision than those before it.
  void update(std::size_t n) {
    std::vector<AppendRequest> group;
    for (std::size_t i = 0; i < n; ++i, ++updates_) {
      Fingerprint payload{};
      std::memcpy(payload.data(), &updates_, sizeof updates_);
      const double reward = KeyedRandom(updates_, "reward").next_unit();
      group.push_back(append_feedback(
          {kScope.tenant, ""}, stamps_.next(),
          Feedback{"q" + std::to_string(updates_ % kDecisions), "rating", {reward, 1.0}, "{}"},
          payload));
    }
    commit(std::move(group));
  }

 private:
  void commit(std::vector<AppendRequest> group) {
    for (const Committed& one : must(routers_->commit(std::move(group)))) {
      if (one.status != AppendStatus::recorded && one.status != AppendStatus::revised) {
        fail("a record was not taken");
      }
    }
  }

  std::unique_ptr<Store> store_;
  std::unique_ptr<Routers> routers_;
  Stamps stamps_;
  std::uint64_t updates_ = 0;
};

struct Percentiles {
  double p50 = 0.0;
  double p99 = 0.0;
};

/// Of decisions one after the other for as long as kHalf, in µs.
Percentiles decide_for_a_while(const Traffic& traffic,
                               const std::vector<std::vector<float>>& contexts) {
  std::vector<float> us;
  us.reserve(2'000'000);
  DecideRequest request;
  request.query_id = "0192f0c1-7d1e-7b2a-9c3d-4e5f60718293";
  Evaluation evaluation;
  const auto end = Clock::now() + kHalf;
  for (std::size_t at = 0; Clock::now() < end; ++at) {
    request.raw = contexts[at % contexts.size()];
    const auto before = Clock::now();
    const Status status = evaluate(*traffic.snapshot(), request, evaluation);
    us.push_back(std::chrono::duration<float, std::micro>(Clock::now() - before).count());
    if (!status) fail(status.error().message);
  }
  const auto percentile = [&us](double share) {
    const auto at =
        us.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(us.size()));
    std::nth_element(us.begin(), at, us.end());
    return static_cast<double>(*at);
  };
  return {percentile(0.50), percentile(0.99)};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void measure(std::size_t rounds, std::size_t updates_per_s) {
  Traffic traffic;
  std::vector<std::vector<float>> contexts;
  for (std::uint64_t i = 0; i < 64; ++i) contexts.push_back(Traffic::context(i));
  const std::size_t group = std::max<std::size_t>(updates_per_s / 1000, 1);
  std::vector<double> idle50, idle99, busy50, busy99, ratio, rate;
  for (std::size_t round = 0; round < rounds; ++round) {
    const Percentiles idle = decide_for_a_while(traffic, contexts);
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> made{0};
    std::thread writer([&] {
      auto due = Clock::now();
      while (!stop) {
        traffic.update(group);
        made += group;
        due += std::chrono::milliseconds(1);
        std::this_thread::sleep_until(due);
      }
    });
    const auto before = Clock::now();
    const Percentiles busy = decide_for_a_while(traffic, contexts);
    rate.push_back(static_cast<double>(made) /
                   std::chrono::duration<double>(Clock::now() - before).count());
    stop = true;
    writer.join();
    idle50.push_back(idle.p50);
    idle99.push_back(idle.p99);
    busy50.push_back(busy.p50);
    busy99.push_back(busy.p99);
    ratio.push_back(busy.p99 / idle.p99);
  }
  std::printf(
      "{\"updates_per_s\": %.0f,\n \"idle_p50_us\": %.3f,\n \"idle_p99_us\": %.3f,\n"
      " \"busy_p50_us\": %.3f,\n \"busy_p99_us\": %.3f,\n \"p99_ratio\": %.3f}\n",
      median(rate), median(idle50), median(idle99), median(busy50), median(busy99), median(ratio));
}

}  // namespace
}  // namespace pointsman::bench

int main(int argc, char** argv) {
  const std::size_t rounds = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 9;
  const std::size_t updates = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 10'000;
  if (rounds == 0 || updates == 0) pointsman::bench::fail("counts must be above 0");
  pointsman::bench::measure(rounds, updates);
  return 0;
}
