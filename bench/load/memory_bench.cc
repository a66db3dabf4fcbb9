// How much memory many routers take, all awake and with a bound, and what a call to one that rests
// costs.
//
//   pointsman_memory_bench fill STORE_URL ROUTERS
//   pointsman_memory_bench run STORE_URL ROUTERS AWAKE_MB CALLS
//
// fill: ROUTERS routers of four arms at d = 64 (an embedding of 63 numbers and the intercept). One
// in twenty is old: 1,040 decisions, each with feedback, so that its schema has settled and it
// rests on a checkpoint. The others have twelve, and wake by folding their log again.
//
// run: recovers all of them with a bound of AWAKE_MB MiB (0: none), then CALLS calls to routers
// drawn uniformly and as many drawn by Zipf(1.0), and prints one JSON object. A call is what a
// server does: the newest snapshot, which may have to wake, a decision, its commit, and feedback on
// the call before it; sixteen calls share a commit, as those of sixteen connections do. A process
// of its own, so that the peak of its resident memory is that of its bound.

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "bench/load/load_program.h"
#include "engine/policies/keyed_random.h"
#include "engine/routers/routers.h"
#include "stores/open_store.h"

namespace pointsman::bench {
namespace {

constexpr std::size_t kEmbedding = 63;
constexpr std::size_t kArms = 4;
constexpr int kOldEvery = 20;
constexpr int kOldDecisions = 1'040;
constexpr int kYoungDecisions = 12;
constexpr std::size_t kGroup = 16;

using SteadyTime = std::chrono::steady_clock::time_point;

double seconds_since(SteadyTime start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// In MB of a million bytes, as the kernel counts them; `key` is a line of /proc/self/status.
double resident_mb(const std::string& key) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(key))
      return std::strtod(line.c_str() + key.size() + 1, nullptr) * 1.024e-3;
  }
  return 0.0;
}

Scope scope_of(int router) { return {"default", "router-" + std::to_string(router)}; }

RouterConfig config() {
  RouterConfig made;
  made.source_hash = "memory";
  made.policy = LinTsOptions{};
  made.features.text_counters = false;
  made.features.embedding_dims = kEmbedding;
  for (std::size_t a = 0; a < kArms; ++a) {
    ArmSpec arm;
    arm.id = arm.model = "arm-" + std::to_string(a);
    arm.expected_cost_usd = 0.001;
    made.arms.push_back(std::move(arm));
  }
  return made;
}

/// Calls to the routers of one store, in groups.
class Caller final {
 public:
  Caller(const std::string& url, std::size_t awake_bytes, std::uint64_t seed)
      : random_(seed, "id"), stamps_("stamp " + std::to_string(seed)) {
    StoreOptions store_options;
    store_options.url = url;
    store_ = must(open_store(store_options));
    Routers::Options options;
    options.record_ids = [this] { return stamps_.next().id; };
    options.awake_bytes = awake_bytes;
    options.monotonic = [] { return std::chrono::steady_clock::now().time_since_epoch(); };
    routers_ = must(Routers::open(*store_, options));
  }

  void configure(int first, int last) {
    for (int r = first; r < last; ++r) {
      group_.push_back(append_config(scope_of(r), stamps_.next(), config()));
    }
    commit();
  }

  /// One call; what it appends waits for commit().
  void call(int router) {
    const SteadyTime start = std::chrono::steady_clock::now();
    const std::uint64_t wakes = routers_->rest_counters().wakes;
    const auto snapshot = must(routers_->wake(scope_of(router)));
    if (routers_->rest_counters().wakes != wakes) wake_s_.push_back(seconds_since(start));
    std::vector<float> raw(kEmbedding);
    for (float& x : raw) x = static_cast<float>(2.0 * random_.next_unit() - 1.0);
    DecideRequest request;
    const RecordStamp now = stamps_.next();
    request.query_id = "q_" + std::to_string(now.time.time_since_epoch().count()) + "_" +
                       std::to_string(random_.next_u64());
    request.raw = raw;
    request.now = now.time;
    Decision decision = must(decide(*snapshot, request));
    for (std::string& earlier : said_) rate(std::exchange(earlier, {}));
    said_.clear();
    to_say_.push_back(request.query_id);
    group_.push_back(append_decision(scope_of(router), now, std::move(decision), Fingerprint{}));
    ++calls_;
  }

  void commit() {
    for (const Committed& one : must(routers_->commit(std::exchange(group_, {})))) {
      if (one.status != AppendStatus::recorded) fail("a record was not appended: " + one.message);
    }
    said_ = std::exchange(to_say_, {});
  }

  /// `n` calls to routers that `draw` gives; calls a second.
  template <class Draw>
  double calls(std::uint64_t n, const Draw& draw) {
    wake_s_.clear();
    const SteadyTime start = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < n; ++i) {
      call(draw(random_));
      if (calls_ % kGroup == 0) commit();
    }
    commit();
    return static_cast<double>(n) / seconds_since(start);
  }

  Routers& routers() { return *routers_; }

  /// Milliseconds of a wake, at a quantile of those since the last calls(); 0 where there was none.
  double wake_ms(double quantile) {
    if (wake_s_.empty()) return 0.0;
    std::sort(wake_s_.begin(), wake_s_.end());
    const double last = static_cast<double>(wake_s_.size() - 1);
    return 1e3 * wake_s_[static_cast<std::size_t>(std::lround(quantile * last))];
  }
  std::size_t wakes() const { return wake_s_.size(); }

 private:
  void rate(std::string query_id) {
    if (query_id.empty()) return;
    Feedback made;
    made.query_id = std::move(query_id);
    made.signal_type = "thumbs";
    made.reward = {random_.next_unit() < 0.6 ? 1.0 : 0.0, 1.0};
    made.payload = R"({"value":"up"})";
    group_.push_back(
        append_feedback({"default", ""}, stamps_.next(), std::move(made), Fingerprint{}));
  }

  KeyedRandom random_;
  Stamps stamps_;
  std::uint64_t calls_ = 0;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Routers> routers_;
  std::vector<AppendRequest> group_;
  std::vector<std::string> to_say_;  ///< Decisions of this group.
  std::vector<std::string> said_;    ///< Decisions of the last one, which get feedback in this.
  std::vector<double> wake_s_;
};

void fill(const std::string& url, int routers) {
  Caller caller(url, std::size_t{256} << 20U, 1);
  for (int r = 0; r < routers; r += 256) caller.configure(r, std::min(r + 256, routers));
  for (int r = 0; r < routers; ++r) {
    const int n = r % kOldEvery == 0 ? kOldDecisions : kYoungDecisions;
    caller.calls(static_cast<std::uint64_t>(n), [r](KeyedRandom&) { return r; });
    if (r % 500 == 499) std::fprintf(stderr, "filled %d of %d routers\n", r + 1, routers);
  }
}

/// Ranks drawn by 1/rank, and which router has which rank, shuffled.
class Zipf final {
 public:
  explicit Zipf(int routers) : routers_(static_cast<std::size_t>(routers)) {
    std::iota(routers_.begin(), routers_.end(), 0);
    KeyedRandom random(5, "ranks");
    for (std::size_t i = routers_.size(); i > 1; --i) {
      std::swap(routers_[i - 1], routers_[random.next_u64() % i]);
    }
    double sum = 0.0;
    for (int rank = 1; rank <= routers; ++rank) below_.push_back(sum += 1.0 / rank);
  }
  int operator()(KeyedRandom& random) const {
    const double at = random.next_unit() * below_.back();
    const auto rank = std::upper_bound(below_.begin(), below_.end() - 1, at) - below_.begin();
    return routers_[static_cast<std::size_t>(rank)];
  }

 private:
  std::vector<int> routers_;
  std::vector<double> below_;
};

/// Bytes of an arm's posterior and mirror: what no layout of f64 A and P and an f32 mirror saves.
std::size_t arm_bytes() {
  auto prior = std::make_shared<LinearPrior>();
  prior->mean.assign(kEmbedding + 1, 0.0);
  prior->precision.assign(kEmbedding + 1, 1.0);
  LinearPosterior posterior(prior);
  PackedMirror mirror;
  posterior.write_mirror(mirror);
  return posterior.bytes() + mirror.bytes();
}

void say_calls(const char* name, Caller& caller, double per_s) {
  std::printf(
      " \"%s_calls_per_s\": %.0f, \"%s_wakes\": %zu, \"%s_wake_p50_ms\": %.2f, "
      "\"%s_wake_p99_ms\": %.2f,\n",
      name, per_s, name, caller.wakes(), name, caller.wake_ms(0.5), name, caller.wake_ms(0.99));
}

void run(const std::string& url, int routers, std::size_t awake_mb, std::uint64_t calls) {
  const SteadyTime start = std::chrono::steady_clock::now();
  Caller caller(url, awake_mb << 20U, static_cast<std::uint64_t>(start.time_since_epoch().count()));
  const double open_s = seconds_since(start);
  const double open_mb = resident_mb("VmHWM:");
  std::printf("{\"routers\": %d, \"awake_mb\": %zu, \"open_s\": %.1f, \"open_peak_mb\": %.0f,\n",
              routers, awake_mb, open_s, open_mb);
  const double uniform = caller.calls(calls, [routers](KeyedRandom& random) {
    return static_cast<int>(random.next_u64() % static_cast<std::uint64_t>(routers));
  });
  say_calls("uniform", caller, uniform);
  const double zipf = caller.calls(calls, Zipf(routers));
  say_calls("zipf", caller, zipf);
  const RestCounters rest = caller.routers().rest_counters();
  const double arms_mb =
      1e-6 * static_cast<double>(arm_bytes() * kArms * static_cast<std::size_t>(routers));
  std::printf(
      " \"awake\": %llu, \"resting\": %llu, \"awake_bytes_mb\": %.0f, \"arms_mb\": %.0f,\n"
      " \"arm_bytes\": %zu, \"resident_mb\": %.0f, \"peak_mb\": %.0f}\n",
      static_cast<unsigned long long>(rest.awake), static_cast<unsigned long long>(rest.resting),
      1e-6 * static_cast<double>(rest.awake_bytes), arms_mb, arm_bytes(), resident_mb("VmRSS:"),
      resident_mb("VmHWM:"));
}

}  // namespace
}  // namespace pointsman::bench

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const auto number = [&](int at) { return std::strtoull(argv[at], nullptr, 10); };
  if (mode == "fill" && argc == 4) {
    pointsman::bench::fill(argv[2], static_cast<int>(number(3)));
    return 0;
  }
  if (mode == "run" && argc == 6) {
    pointsman::bench::run(argv[2], static_cast<int>(number(3)), number(4), number(5));
    return 0;
  }
  std::fprintf(stderr,
               "usage: pointsman_memory_bench fill STORE_URL ROUTERS\n"
               "       pointsman_memory_bench run STORE_URL ROUTERS AWAKE_MB CALLS\n");
  return 2;
}
