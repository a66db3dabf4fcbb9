// The floor that our figures are compared with: a plain Eigen loop in f64 on the machine's
// baseline (SSE2, as our own code is compiled), and the same compiled for AVX2 with FMA, in f64
// and f32, where the machine has them: our kernels choose their instructions at run time.

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "bench/micro/eigen_linucb.h"

namespace pointsman::bench {
namespace {

using Factory = std::unique_ptr<EigenLoop> (*)(const EigenLoopSize&);
using Step = void (*)(EigenLoop&, std::size_t);

void run(benchmark::State& state, Factory make, const EigenLoopSize& size, Step step) {
  const auto loop = make(size);
  std::size_t at = 0;
  for (auto _ : state) {
    step(*loop, at++);
    benchmark::ClobberMemory();
  }
}

/// Time is that of one context.
void run_batch(benchmark::State& state, Factory make, const EigenLoopSize& size) {
  const auto loop = make(size);
  const auto contexts = static_cast<benchmark::IterationCount>(loop->decide_batch());
  while (state.KeepRunningBatch(contexts)) {
    loop->decide_batch();
    benchmark::ClobberMemory();
  }
}

void decide_linucb(EigenLoop& loop, std::size_t at) {
  benchmark::DoNotOptimize(loop.decide_linucb(at));
}
void decide_lints(EigenLoop& loop, std::size_t at) {
  benchmark::DoNotOptimize(loop.decide_lints(at));
}
void update(EigenLoop& loop, std::size_t at) { loop.update(at); }

/// Named eigen_decide_linucb/d/K and so on, like the benchmarks they stand beside.
const bool kRegistered = [] {
  struct Variant {
    std::string prefix;
    Factory make;
  };
  std::vector<Variant> variants = {{"eigen_", eigen_sse2_f64}};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    variants.push_back({"eigen_avx2_f64_", eigen_avx2_f64});
    variants.push_back({"eigen_avx2_f32_", eigen_avx2_f32});
  }
  for (const EigenLoopSize& size : {EigenLoopSize{16, 4}, EigenLoopSize{64, 8},
                                    EigenLoopSize{384, 8}, EigenLoopSize{64, 1000}}) {
    const std::string suffix = "/" + std::to_string(size.d) + "/" + std::to_string(size.k);
    for (const auto& [prefix, make] : variants) {
      const auto add = [&, f = make](const char* name, Step step) {
        benchmark::RegisterBenchmark((prefix + name + suffix).c_str(),
                                     [=](benchmark::State& state) { run(state, f, size, step); });
      };
      add("decide_linucb", decide_linucb);
      add("decide_lints", decide_lints);
      add("update", update);
      benchmark::RegisterBenchmark(
          (prefix + "decide_batch" + suffix).c_str(),
          [size, f = make](benchmark::State& state) { run_batch(state, f, size); });
    }
  }
  return true;
}();

}  // namespace
}  // namespace pointsman::bench
