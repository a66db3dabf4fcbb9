// Hybrid LinUCB beside what router_bench.cc measures of LinUCB: a decision on a snapshot, and an
// observation with the mirrors that the next snapshot shows (the arm's and the shared one).
// Arguments are d, the context's dimensions with the intercept, and K, the number of arms.

#include <benchmark/benchmark.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engine/fold/decide.h"
#include "engine/posterior/linear_posterior.h"
#include "engine/posterior/shared_posterior.h"

namespace pointsman {
namespace {

constexpr std::size_t kContexts = 64;

std::vector<std::vector<float>> random_vectors(std::size_t length) {
  std::mt19937_64 random(1);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> made(kContexts, std::vector<float>(length));
  for (auto& vector : made) {
    for (float& value : vector) value = normal(random);
  }
  return made;
}

/// Posteriors of K arms after four observations each, with what they share.
struct LearntHybrid {
  LearntHybrid(std::size_t d, std::size_t k) {
    const SplitPrior prior =
        split_prior({std::vector<double>(d, 0.0), std::vector<double>(d, 5.0)}, {});
    const auto own = std::make_shared<const LinearPrior>(prior.own);
    arms.assign(k, LinearPosterior(own));
    shared =
        std::make_unique<SharedPosterior>(std::make_shared<const LinearPrior>(prior.shared), own);
    const auto contexts = random_vectors(d);
    for (std::size_t i = 0; i < 4 * k; ++i) add(contexts[i % kContexts], i % k);
  }

  void add(std::span<const float> x, std::size_t arm) {
    if (shared->add(arms[arm].add(x, 1.0, 0.5))) return;
    std::vector<const LinearPosterior*> pointers;
    for (const LinearPosterior& each : arms) pointers.push_back(&each);
    shared->rebuild(pointers);
  }

  std::vector<LinearPosterior> arms;
  std::unique_ptr<SharedPosterior> shared;
};

void BM_DecideHybrid(benchmark::State& state) {
  const auto d = static_cast<std::size_t>(state.range(0));
  LearntHybrid learnt(d, static_cast<std::size_t>(state.range(1)));
  RouterConfig config;
  config.policy = HybridLinUcbOptions{};
  config.features.text_counters = false;
  for (std::size_t i = 1; i < d; ++i) {
    config.features.fields.push_back({"field" + std::to_string(i), {}});
  }
  RouterSnapshot snapshot;
  snapshot.standardiser = std::make_shared<const Standardiser>(
      SchemaRevision{4, std::vector<double>(d - 1, 0.01), std::vector<double>(d - 1, 1.01)});
  snapshot.shared = learnt.shared->mirror();
  for (LinearPosterior& posterior : learnt.arms) {
    auto arm = std::make_shared<ArmModel>();
    arm->spec.id = "arm-" + std::to_string(snapshot.arms.size());
    auto mirror = std::make_shared<PackedMirror>();
    posterior.write_mirror(*mirror);
    arm->mirror = std::move(mirror);
    snapshot.arms.push_back(std::move(arm));
  }
  snapshot.config = std::make_shared<const RouterConfig>(std::move(config));

  const auto raws = random_vectors(d - 1);
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

void BM_UpdateHybrid(benchmark::State& state) {
  const auto d = static_cast<std::size_t>(state.range(0));
  const auto k = static_cast<std::size_t>(state.range(1));
  LearntHybrid learnt(d, k);
  std::vector<PackedMirror> mirrors(k);
  const auto contexts = random_vectors(d);
  std::size_t at = 0;
  for (auto _ : state) {
    learnt.add(contexts[at % kContexts], at % k);
    learnt.arms[at % k].write_mirror(mirrors[at % k]);
    benchmark::DoNotOptimize(learnt.shared->mirror());
    ++at;
    benchmark::ClobberMemory();
  }
}

void all_sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->Args({16, 4})->Args({64, 8})->Args({384, 8});
}
BENCHMARK(BM_DecideHybrid)->Apply(all_sizes);
BENCHMARK(BM_UpdateHybrid)->Apply(all_sizes);

}  // namespace
}  // namespace pointsman
