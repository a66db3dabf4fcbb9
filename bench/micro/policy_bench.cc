// What a decision's two kernels cost by themselves: scoring every arm on its f32 mirror, and the
// exact propensities of Thompson sampling. Arguments are d and K. Time is that of all K arms.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <vector>

#include "engine/policies/draw.h"
#include "engine/policies/keyed_random.h"
#include "engine/policies/policy.h"
#include "engine/policies/thompson.h"
#include "engine/posterior/packed_score.h"

namespace pointsman {
namespace {

constexpr std::size_t kContexts = 64;

void mirror_score(benchmark::State& state) {
  const auto d = static_cast<std::size_t>(state.range(0));
  const auto k = static_cast<std::size_t>(state.range(1));
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  std::vector<PackedMirror> arms;
  std::vector<double> theta(d);
  std::vector<double> packed(d * (d + 1) / 2);
  for (std::size_t a = 0; a < k; ++a) {
    for (double& value : theta) value = normal(random);
    for (double& value : packed) value = 0.01 * normal(random);
    for (std::size_t i = 0; i < d; ++i) packed[i * (i + 1) / 2 + i] = 1.0;
    arms.emplace_back(PackedPosterior{.inverse_precision = packed, .theta = theta});
  }
  const std::size_t padded = PackedMirror::padded_dims(d);
  std::vector<std::vector<float>> contexts(kContexts, std::vector<float>(padded, 0.0F));
  for (auto& x : contexts) {
    for (std::size_t i = 0; i < d; ++i) x[i] = static_cast<float>(normal(random));
  }
  std::size_t at = 0;
  for (auto _ : state) {
    float sum = 0.0F;
    for (const PackedMirror& arm : arms) {
      const MeanVariance scored = arm.score(contexts[at]);
      sum += scored.mean + scored.variance;
    }
    at = (at + 1) % kContexts;
    benchmark::DoNotOptimize(sum);
  }
}
BENCHMARK(mirror_score)->Args({16, 4})->Args({64, 8})->Args({384, 8})->Args({64, 1000});

/// Arms as a router's are after some learning: means .1 apart, sigmas within a factor of three.
std::vector<ArmUtility> learnt_arms(std::size_t k, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> unit(0.05, 0.15);
  std::vector<ArmUtility> arms(k);
  for (ArmUtility& arm : arms) {
    arm.mean = 0.5 + 0.1 * normal(random);
    arm.sigma = unit(random);
    arm.weight_sum = 30.0;
    arm.reward_sum = 30.0 * std::clamp(arm.mean, 0.0, 1.0);
  }
  return arms;
}

void thompson(benchmark::State& state) {
  const auto k = static_cast<std::size_t>(state.range(0));
  std::mt19937_64 random(2);
  std::vector<std::vector<double>> means;
  std::vector<std::vector<double>> sigmas;
  for (std::size_t i = 0; i < kContexts; ++i) {
    auto& mean = means.emplace_back();
    auto& sigma = sigmas.emplace_back();
    for (const ArmUtility& arm : learnt_arms(k, random)) {
      mean.push_back(arm.mean);
      sigma.push_back(arm.sigma);
    }
  }
  std::vector<double> out(k);
  std::size_t at = 0;
  for (auto _ : state) {
    thompson_propensities(means[at], sigmas[at], out);
    at = (at + 1) % kContexts;
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(thompson)->Arg(4)->Arg(8)->Arg(32)->Arg(1000);

/// From scores to the arm: LinUCB's distribution, the floor and the keyed draw.
void linucb_draw(benchmark::State& state) {
  const auto k = static_cast<std::size_t>(state.range(0));
  std::mt19937_64 random(3);
  const std::vector<ArmUtility> arms = learnt_arms(k, random);
  const PolicyOptions policy = LinUcbOptions{};
  std::vector<double> p(k);
  for (auto _ : state) {
    propensities(policy, arms, PolicyContext{}, p);
    apply_floor(0.01, p);
    KeyedRandom keyed(1, "a-query-id-of-32-characters-long");
    benchmark::DoNotOptimize(draw(p, keyed.next_unit()));
  }
}
BENCHMARK(linucb_draw)->Arg(8);

void distribution(benchmark::State& state, const PolicyOptions& policy) {
  const auto k = static_cast<std::size_t>(state.range(0));
  std::mt19937_64 random(4);
  const std::vector<ArmUtility> arms = learnt_arms(k, random);
  std::vector<double> p(k);
  for (auto _ : state) {
    propensities(policy, arms, PolicyContext{.decisions = 100}, p);
    benchmark::DoNotOptimize(p.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK_CAPTURE(distribution, squarecb, PolicyOptions(SquareCbOptions{}))->Arg(4)->Arg(64);
BENCHMARK_CAPTURE(distribution, ucb1, PolicyOptions(Ucb1Options{}))->Arg(4)->Arg(64);
BENCHMARK_CAPTURE(distribution, beta_thompson, PolicyOptions(BetaThompsonOptions{}))
    ->Arg(4)
    ->Arg(64);

}  // namespace
}  // namespace pointsman
