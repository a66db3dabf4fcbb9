// How a large log is loaded, folded from its first record, and come back to from a checkpoint.
//
//   pointsman_scale_bench STORE_URL FEEDBACK
//
// fills the store, which must be empty, with FEEDBACK feedback records and prints one JSON object.
// The log is that of one router of d = 64 (an embedding of 63 numbers and the intercept) with four
// arms. Each decision gets four signals of different types, which come 2, 200, 2,000 and 20,000
// decisions later; of one decision in a hundred the first signal is revised 500,000 decisions
// later, long after it left the fold's cache. So there are five records to four of feedback.
//
// fold: Routers::open() on a log without a checkpoint: everything is read, decoded and learnt.
// restart: the store is opened again and Routers::open() starts at a checkpoint with kTail records
// above it, the most that a server leaves behind (checkpoint_every). Its state must have the same
// checksum as that of the fold that went on without a restart.
//
// prune: prune_log() below that checkpoint, as of a time at which everything below it is over but
// for what the records above it speak of; then a restart, which must come to the same state. Of a
// SQLite store also the bytes of its file before, after and compacted, which free pages leave as
// they are: later records take them.

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/load/load_program.h"
#include "engine/policies/keyed_random.h"
#include "engine/routers/log_pruning.h"
#include "engine/routers/routers.h"
#include "stores/open_store.h"

namespace pointsman::bench {
namespace {

constexpr std::size_t kGroup = 1024;
constexpr std::uint64_t kTail = 50'000;
constexpr std::size_t kEmbedding = 63;
const Scope kScope{"default", "default"};

struct SignalPlan {
  const char* type;
  std::uint64_t delay;  ///< In decisions.
};
constexpr std::array<SignalPlan, 4> kSignals{
    {{"thumbs", 2}, {"rating", 200}, {"quality_score", 5'000}, {"task_success", 50'000}}};
constexpr std::uint64_t kRevisionDelay = 500'000;

class Stopwatch final {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// What this process has used, all threads, in seconds of a core: depends less on the neighbours.
double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

void say(const char* what, std::uint64_t done, std::uint64_t all) {
  if (::isatty(STDERR_FILENO) == 0) return;
  std::fprintf(stderr, "\r%-8s %11llu of %llu", what, static_cast<unsigned long long>(done),
               static_cast<unsigned long long>(all));
  if (done >= all) std::fputc('\n', stderr);
}

/// The records of the log, one after the other, from counters alone.
class Source final {
 public:
  RecordStamp stamp() { return stamps_.next(); }

  AppendRequest config() {
    RouterConfig made;
    made.source_hash = "scale";
    made.features.text_counters = false;
    made.features.embedding_dims = kEmbedding;
    for (const char* id : {"small", "medium", "large", "expert"}) {
      ArmSpec arm;
      arm.id = arm.model = id;
      arm.expected_cost_usd = 0.001;
      made.arms.push_back(std::move(arm));
    }
    return append_config(kScope, stamp(), std::move(made));
  }

  /// The next decision and the feedback that comes with it.
  void step(std::vector<AppendRequest>& group) {
    const std::uint64_t n = decisions_++;
    group.push_back(decision(n));
    for (const SignalPlan& signal : kSignals) {
      if (n >= signal.delay) group.push_back(feedback(n - signal.delay, signal.type, "0.75"));
    }
    if (n >= kRevisionDelay && n % 100 == 0) {
      group.push_back(feedback(n - kRevisionDelay, kSignals[0].type, "0.25"));
    }
  }

  std::uint64_t feedback_made() const { return feedback_; }

 private:
  /// As a server makes them: random, so that neighbours in time are none in an index.
  static std::string query_id(std::uint64_t n) {
    KeyedRandom random(n, "query_id");
    char text[40];
    std::snprintf(text, sizeof text, "q_%016llx%010llx",
                  static_cast<unsigned long long>(random.next_u64()),
                  static_cast<unsigned long long>(n));
    return text;
  }

  AppendRequest decision(std::uint64_t n) {
    Decision made;
    made.query_id = query_id(n);
    KeyedRandom random(n, "embedding");
    made.raw.reserve(kEmbedding);
    for (std::size_t i = 0; i < kEmbedding; ++i) {
      made.raw.push_back(static_cast<float>(2.0 * random.next_unit() - 1.0));
    }
    for (const char* arm : {"small", "medium", "large", "expert"}) {
      ArmView view;
      view.arm = arm;
      view.propensity = 0.25;
      view.expected_cost_usd = 0.001;
      made.arms.push_back(view);
    }
    made.chosen = static_cast<std::uint32_t>(n % made.arms.size());
    made.model = made.arms[made.chosen].arm;
    const RecordStamp at = stamp();
    made.expires_at = at.time + std::chrono::hours(24 * 30);
    return append_decision(kScope, at, std::move(made), Fingerprint{});
  }

  AppendRequest feedback(std::uint64_t n, const char* type, const char* score) {
    ++feedback_;
    Feedback made;
    made.query_id = query_id(n);
    made.signal_type = type;
    made.reward = {std::atof(score), 1.0};
    made.payload = std::string(R"({"score":)") + score + "}";
    Fingerprint payload{};
    std::memcpy(payload.data(), score, std::strlen(score));
    return append_feedback({kScope.tenant, ""}, stamp(), std::move(made), payload);
  }

  Stamps stamps_;
  std::uint64_t decisions_ = 0;
  std::uint64_t feedback_ = 0;
};

std::unique_ptr<Store> open(const std::string& url) {
  StoreOptions options;
  options.url = url;
  return must(open_store(options));
}

Routers::Options router_options(Source& source) {
  Routers::Options options;
  options.checkpoint_every = 0;
  options.record_ids = [&source] { return source.stamp().id; };
  return options;
}

void append(Store& store, std::vector<AppendRequest>& group) {
  for (const AppendResult& result : must(store.append(group))) {
    if (result.status != AppendStatus::recorded && result.status != AppendStatus::revised) {
      fail("a record was not appended: " + result.message);
    }
  }
  group.clear();
}

/// The configuration and the decisions up to the frozen schema go through Routers, which appends
/// the schema's revisions at their places; the rest goes to the store alone, in large groups.
void load(Store& store, Source& source, std::uint64_t feedback) {
  std::vector<AppendRequest> group;
  {
    const auto routers = must(Routers::open(store, router_options(source)));
    if (!routers->scopes().empty()) fail("the store is not empty");
    must(routers->commit({source.config()}));
    for (int i = 0; i < 1'100; ++i) {
      source.step(group);
      must(routers->commit(std::exchange(group, {})));
    }
  }
  while (source.feedback_made() < feedback) {
    source.step(group);
    if (group.size() < kGroup) continue;
    append(store, group);
    say("load", source.feedback_made(), feedback);
  }
  append(store, group);
}

std::uint64_t records_of(Store& store) {
  const StoreCounts counts = must(store.counts(kScope, Timestamp{}));
  std::uint64_t records = counts.decisions + counts.outcomes + counts.session_feedback;
  for (const auto& [type, n] : counts.feedback_by_type) records += n;
  return records;
}

struct Pruned {
  PruneReport report;
  double seconds = 0.0;
  double compact_s = 0.0;
  std::uintmax_t bytes_before = 0;  ///< Of a SQLite file; else 0.
  std::uintmax_t bytes_after = 0;
  std::uintmax_t bytes_compacted = 0;
};

std::uintmax_t file_bytes(const std::string& url) {
  constexpr std::string_view kScheme = "sqlite:";
  if (!url.starts_with(kScheme)) return 0;
  return std::filesystem::file_size(url.substr(kScheme.size()));
}

Pruned prune(Store& store, const std::string& url) {
  Pruned pruned;
  pruned.bytes_before = file_bytes(url);
  const PruneOptions options{.now = Timestamp(std::chrono::hours(24 * 365 * 100)), .step = 4096};
  Stopwatch pruning;
  pruned.report = must(prune_log(store, kScope, options, [](double share, std::uint64_t) {
    say("prune", static_cast<std::uint64_t>(share * 100.0), 100);
  }));
  pruned.seconds = pruning.seconds();
  pruned.bytes_after = file_bytes(url);
  Stopwatch compacting;
  must(store.compact());
  pruned.compact_s = compacting.seconds();
  pruned.bytes_compacted = file_bytes(url);
  return pruned;
}

void measure(const std::string& url, std::uint64_t feedback) {
  Source source;
  auto store = open(url);
  Stopwatch loading;
  load(*store, source, feedback);
  const double load_s = loading.seconds();
  const std::uint64_t records = records_of(*store);
  const std::uint64_t loaded = source.feedback_made();

  store.reset();  // A file has one writer.
  store = open(url);
  Stopwatch folding;
  const double cpu_before = cpu_seconds();
  auto routers =
      must(Routers::open(*store, router_options(source), [&](const Scope&, std::uint64_t folded) {
        say("fold", folded, records);
      }));
  const double fold_s = folding.seconds();
  const double fold_cpu_us = 1e6 * (cpu_seconds() - cpu_before) / static_cast<double>(records);
  must(routers->checkpoint_all());

  std::vector<AppendRequest> group;
  std::uint64_t tail = 0;
  while (tail < kTail) {
    source.step(group);
    if (group.size() < kGroup) continue;
    tail += group.size();
    append(*store, group);
  }
  must(routers->follow());
  const std::uint64_t checksum = routers->report(kScope).checksum;
  routers.reset();
  store.reset();

  Stopwatch restarting;
  store = open(url);
  routers = must(Routers::open(*store, router_options(source)));
  const double restart_s = restarting.seconds();
  if (routers->report(kScope).checksum != checksum) fail("the restart came to another state");
  routers.reset();

  const Pruned pruned = prune(*store, url);
  store.reset();
  store = open(url);
  routers = must(Routers::open(*store, router_options(source)));
  if (routers->report(kScope).checksum != checksum) fail("after pruning it was another state");

  std::printf(
      "{\"records\": %llu, \"feedback\": %llu, \"load_s\": %.1f, \"load_per_s\": %.0f,\n"
      " \"fold_s\": %.2f, \"fold_per_s\": %.0f, \"fold_cpu_us\": %.2f,\n \"restart_s\": %.3f, "
      "\"tail_records\": %llu,\n \"pruned\": %llu, \"pruned_per_s\": %.0f, "
      "\"prune_kept\": %llu,\n"
      " \"bytes\": %llu, \"bytes_pruned\": %llu, \"bytes_compacted\": %llu, "
      "\"compact_s\": %.2f}\n",
      static_cast<unsigned long long>(records), static_cast<unsigned long long>(loaded), load_s,
      static_cast<double>(records) / load_s, fold_s, static_cast<double>(records) / fold_s,
      fold_cpu_us, restart_s, static_cast<unsigned long long>(tail),
      static_cast<unsigned long long>(pruned.report.removed),
      static_cast<double>(pruned.report.removed) / pruned.seconds,
      static_cast<unsigned long long>(pruned.report.kept),
      static_cast<unsigned long long>(pruned.bytes_before),
      static_cast<unsigned long long>(pruned.bytes_after),
      static_cast<unsigned long long>(pruned.bytes_compacted), pruned.compact_s);
}

}  // namespace
}  // namespace pointsman::bench

int main(int argc, char** argv) {
  if (argc != 3) pointsman::bench::fail("usage: pointsman_scale_bench STORE_URL FEEDBACK");
  const std::uint64_t feedback = std::strtoull(argv[2], nullptr, 10);
  if (feedback == 0) pointsman::bench::fail("FEEDBACK must be above 0");
  pointsman::bench::measure(argv[1], feedback);
  return 0;
}
