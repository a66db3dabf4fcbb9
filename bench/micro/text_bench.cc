#include <benchmark/benchmark.h>

#include <array>
#include <string_view>
#include <vector>

#include "engine/features/default_text_model.h"
#include "engine/features/features.h"
#include "engine/features/text_counters.h"
#include "engine/features/text_model.h"

namespace pointsman {
namespace {

/// Half a kilobyte, as long as a usual question with its context.
constexpr std::string_view kPrompt =
    "A delivery company keeps 14 vans in two depots. On Monday each van of the first depot makes "
    "9 trips of 23.5 km, and each van of the second makes 6 trips of 41 km; fuel costs $0.17 a "
    "kilometre. The dispatcher says that moving three vans to the other depot would save money "
    "only if trips don't get longer. Which of these statements is NOT supported?\n"
    "A. The second depot drives more in all.\n"
    "B. Moving vans can raise the total cost.\n"
    "C. Fuel is the only cost that matters.\n"
    "Explain your answer step by step.";
static_assert(kPrompt.size() >= 500 && kPrompt.size() <= 560);

void BM_TextCounters(benchmark::State& state) {
  std::array<float, kTextCounterCount> out{};
  for (auto _ : state) {
    count_text(kPrompt, out);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_TextCounters)->Unit(benchmark::kMicrosecond);

void BM_TextModel(benchmark::State& state) {
  const TextModel& model = default_text_model();
  std::vector<float> out(model.dims());
  for (auto _ : state) {
    model.embed(kPrompt, out);
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_TextModel)->Unit(benchmark::kMicrosecond);

void BM_TextToVector(benchmark::State& state) {
  const TextModel& model = default_text_model();
  FeatureLayout layout;
  layout.text_model_dims = model.dims();
  layout.text_model_hash = model.hash();
  const FeatureEncoder encoder(layout, &model);
  RequestFeatures request;
  request.has_text = true;
  request.text = kPrompt;
  std::vector<float> out(encoder.dims());
  for (auto _ : state) {
    benchmark::DoNotOptimize(encoder.encode(request, out).ok());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_TextToVector)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace pointsman
