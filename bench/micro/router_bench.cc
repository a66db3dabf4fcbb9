// The engine's two hot calls as the server makes them: evaluate() on a router's snapshot
// (standardise, score every arm, propensities, floor, keyed draw), and an observation folded into
// an arm's posterior together with the mirror that the next snapshot shows. Arguments are d, the
// context's dimensions with the intercept, and K, the number of arms.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "engine/fold/decide.h"
#include "engine/fold/router_fold.h"
#include "engine/posterior/linear_posterior.h"

namespace pointsman {
namespace {

constexpr std::size_t kContexts = 64;

struct Size {
  std::size_t d;
  std::size_t k;
};

Size size_of(const benchmark::State& state) {
  return {static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1))};
}

std::vector<std::vector<float>> random_vectors(std::size_t length) {
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> made(kContexts, std::vector<float>(length));
  for (auto& vector : made) {
    for (float& value : vector) value = normal(random);
  }
  return made;
}

/// The posteriors of K arms that have seen four to eleven observations, so that what waits in them
/// (LinearPosterior) is at all its stages.
std::vector<LinearPosterior> learnt_posteriors(const Size& size) {
  LinearPrior values{std::vector<double>(size.d, 0.0), std::vector<double>(size.d, 5.0)};
  values.mean[0] = 0.5;
  values.precision[0] = 0.1;
  const auto prior = std::make_shared<const LinearPrior>(std::move(values));
  const auto contexts = random_vectors(size.d);
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> unit;
  std::vector<LinearPosterior> arms(size.k, LinearPosterior(prior));
  for (std::size_t a = 0; a < size.k; ++a) {
    for (std::size_t i = 0; i < 4 + a % 8; ++i) {
      arms[a].add(contexts[(a + i * size.k) % kContexts], 1.0, unit(random));
    }
  }
  return arms;
}

RouterSnapshot learnt_snapshot(const Size& size, const PolicyOptions& policy) {
  RouterConfig config;
  config.policy = policy;
  config.features.text_counters = false;
  for (std::size_t i = 1; i < size.d; ++i) {
    config.features.fields.push_back({"field" + std::to_string(i), {}});
  }
  RouterSnapshot snapshot;
  SchemaRevision schema{4, std::vector<double>(size.d - 1, 0.01),
                        std::vector<double>(size.d - 1, 1.01)};
  snapshot.standardiser = std::make_shared<const Standardiser>(schema);
  std::size_t number = 0;
  for (LinearPosterior& posterior : learnt_posteriors(size)) {
    auto arm = std::make_shared<ArmModel>();
    arm->spec.id = "arm-" + std::to_string(number++);
    arm->spec.model = arm->spec.id;
    arm->pulls = 4;
    auto mirror = std::make_shared<PackedMirror>();
    posterior.write_mirror(*mirror);
    arm->mirror = std::move(mirror);
    snapshot.arms.push_back(std::move(arm));
  }
  snapshot.config = std::make_shared<const RouterConfig>(std::move(config));
  return snapshot;
}

void decide_with(benchmark::State& state, const PolicyOptions& policy) {
  const Size size = size_of(state);
  const RouterSnapshot snapshot = learnt_snapshot(size, policy);
  const auto raws = random_vectors(size.d - 1);
  DecideRequest request;
  request.query_id = "0192f0c1-7d1e-7b2a-9c3d-4e5f60718293";
  Evaluation evaluation;
  std::size_t at = 0;
  for (auto _ : state) {
    request.raw = raws[at++ % kContexts];
    const Status status = evaluate(snapshot, request, evaluation);
    if (!status) state.SkipWithError(status.error().message.c_str());
    benchmark::DoNotOptimize(evaluation.chosen);
    benchmark::ClobberMemory();
  }
}

void BM_DecideLinUcb(benchmark::State& state) { decide_with(state, LinUcbOptions{}); }
void BM_DecideLinTs(benchmark::State& state) { decide_with(state, LinTsOptions{}); }

/// The same for kContexts requests at once; time is that of one.
void BM_DecideBatch(benchmark::State& state) {
  const Size size = size_of(state);
  const RouterSnapshot snapshot = learnt_snapshot(size, LinUcbOptions{});
  const auto raws = random_vectors(size.d - 1);
  std::vector<DecideRequest> requests(kContexts);
  for (std::size_t i = 0; i < kContexts; ++i) {
    requests[i].query_id = "0192f0c1-7d1e-7b2a-9c3d-4e5f60718293";
    requests[i].raw = raws[i];
  }
  std::vector<Evaluation> out(kContexts);
  while (state.KeepRunningBatch(kContexts)) {
    const Status status = evaluate_batch(snapshot, requests, out);
    if (!status) state.SkipWithError(status.error().message.c_str());
    benchmark::ClobberMemory();
  }
}

double median(std::vector<double>& numbers) {
  const auto middle = numbers.begin() + static_cast<std::ptrdiff_t>(numbers.size() / 2);
  std::nth_element(numbers.begin(), middle, numbers.end());
  return *middle;
}

/// An observation at γ = 1, and its arm's mirror afresh. Arms take turns, as in EigenUpdate.
void BM_Update(benchmark::State& state) {
  const Size size = size_of(state);
  std::vector<LinearPosterior> arms = learnt_posteriors(size);
  std::vector<PackedMirror> mirrors(size.k);
  const auto contexts = random_vectors(size.d);
  std::size_t at = 0;
  for (auto _ : state) {
    LinearPosterior& arm = arms[at % size.k];
    arm.add(contexts[at % kContexts], 1.0, 0.5);
    arm.write_mirror(mirrors[at % size.k]);
    ++at;
    benchmark::ClobberMemory();
  }
  state.counters["arm_bytes"] = static_cast<double>(arms.front().bytes() + mirrors.front().bytes());
}

/// The same, each update timed alone (wall clock), since what it does is not the same each time: a
/// posterior adds what waited once in eight. Counters in ns: `median` over all updates;
/// `costliest`, the largest of the medians of an arm's 1st, 2nd … 8th update of eight.
void BM_UpdateEach(benchmark::State& state) {
  const Size size = size_of(state);
  std::vector<LinearPosterior> arms = learnt_posteriors({size.d, 1});
  arms.resize(size.k, arms.front());
  std::vector<PackedMirror> mirrors(size.k);
  const auto contexts = random_vectors(size.d);
  std::array<std::vector<double>, 8> seen;
  std::size_t at = 0;
  for (auto _ : state) {
    const auto start = std::chrono::steady_clock::now();
    LinearPosterior& arm = arms[at % size.k];
    arm.add(contexts[at % kContexts], 1.0, 0.5);
    arm.write_mirror(mirrors[at % size.k]);
    benchmark::ClobberMemory();
    const auto end = std::chrono::steady_clock::now();
    seen[at / size.k % 8].push_back(std::chrono::duration<double, std::nano>(end - start).count());
    ++at;
  }
  std::vector<double> all;
  double costliest = 0.0;
  for (std::vector<double>& times : seen) {
    all.insert(all.end(), times.begin(), times.end());
    if (!times.empty()) costliest = std::max(costliest, median(times));
  }
  state.counters["median"] = median(all);
  state.counters["costliest"] = costliest;
}

/// The same without the mirror: what folding a log costs, where snapshots are rare.
void BM_Fold(benchmark::State& state) {
  const Size size = size_of(state);
  std::vector<LinearPosterior> arms = learnt_posteriors(size);
  const auto contexts = random_vectors(size.d);
  std::size_t at = 0;
  for (auto _ : state) {
    arms[at % size.k].add(contexts[at % kContexts], 1.0, 0.5);
    ++at;
    benchmark::ClobberMemory();
  }
}

/// P and θ afresh from A and b: once in LinearPosterior::kRefactorAfter observations, and at every
/// step of ageing.
void BM_Refactor(benchmark::State& state) {
  std::vector<LinearPosterior> arms =
      learnt_posteriors({static_cast<std::size_t>(state.range(0)), 1});
  for (auto _ : state) {
    arms.front().refactor();
    benchmark::ClobberMemory();
  }
}

/// Sums with as many accumulators as hide the latency of an addition; the widest loads there are.
[[gnu::target_clones("avx512f", "avx2", "default")]] std::uint64_t sum_of(
    const std::vector<std::uint64_t>& words) {
  std::uint64_t sums[64] = {};
  std::size_t at = 0;
  for (; at + 64 <= words.size(); at += 64) {
    for (std::size_t i = 0; i < 64; ++i) sums[i] += words[at + i];
  }
  for (; at < words.size(); ++at) sums[0] += words[at];
  return std::accumulate(std::begin(sums), std::end(sums), std::uint64_t{0});
}

/// The floor of a decision: reading every mirror's bytes once.
void BM_ReadMirrors(benchmark::State& state) {
  const Size size = size_of(state);
  const std::vector<std::vector<std::uint64_t>> mirrors(
      size.k, std::vector<std::uint64_t>(PackedMirror::bytes_read(size.d) / 8, 1));
  for (auto _ : state) {
    std::uint64_t sum = 0;
    for (const auto& mirror : mirrors) sum += sum_of(mirror);
    benchmark::DoNotOptimize(sum);
  }
}

void all_sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({16, 4})->Args({64, 8})->Args({384, 8})->Args({64, 1000});
}
BENCHMARK(BM_DecideLinUcb)->Apply(all_sizes);
BENCHMARK(BM_DecideLinTs)->Apply(all_sizes);
BENCHMARK(BM_DecideBatch)->Apply(all_sizes);
BENCHMARK(BM_Update)->Apply(all_sizes);
BENCHMARK(BM_UpdateEach)->Apply(all_sizes);
BENCHMARK(BM_Fold)->Apply(all_sizes);
BENCHMARK(BM_ReadMirrors)->Apply(all_sizes);
BENCHMARK(BM_Refactor)->Arg(16)->Arg(64)->Arg(384);

}  // namespace
}  // namespace pointsman
