// JSON on the hot route: the request in, the answer out.
#include <benchmark/benchmark.h>

#include <charconv>
#include <string>

#include "adapters/api/route_answer.h"
#include "adapters/api/route_request.h"
#include "adapters/rewards/edit_reward.h"

namespace pointsman {
namespace {

void parse(benchmark::State& state, const std::string& body) {
  RouteRequest request;
  for (auto _ : state) {
    const Status status = parse_route_request(body, request);
    if (!status) state.SkipWithError(status.error().message.c_str());
    benchmark::DoNotOptimize(request);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * body.size()));
}

std::string half_kilobyte(const std::string& extra) {
  return R"({"router":"support","session_id":"s-4711","text":"A customer asks: where is order )"
         R"(ORD-1234, which was promised for the 21st of November? She has written twice, once )"
         R"(in chat and once by e-mail, and wants either a delivery date or her money back. )"
         R"(Answer politely, in two short paragraphs, and do not promise a date.",)"
         R"("features":{"task":"support","tokens":112,"urgent":true,"language":"en"},)"
         R"("constraints":{"max_cost_usd":0.002},"preference":"balanced")" +
         extra + "}";
}

void route_parse(benchmark::State& state) { parse(state, half_kilobyte("")); }
BENCHMARK(route_parse);

void route_parse_with_query_id(benchmark::State& state) {
  parse(state, half_kilobyte(R"(,"query_id":"0192f0c1-aaaa")"));
}
BENCHMARK(route_parse_with_query_id);

void embedding_1536_parse(benchmark::State& state) {
  std::string body = R"({"embedding":[)";
  double value = 0.5;
  for (int i = 0; i < 1536; ++i) {
    value = 3.99 * value * (1.0 - value);  // A chaotic map: every digit differs, no clock, no seed.
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, static_cast<float>(value - 0.5)).ptr;
    body.append(i == 0 ? "" : ",").append(text, end);
  }
  parse(state, body + "]}");
}
BENCHMARK(embedding_1536_parse);

void route_answer(benchmark::State& state) {
  Decision decision;
  decision.query_id = "0192f0c1-7d1e-7b2a-9c3d-4e5f60718293";
  decision.model = "vendor/large-2026";
  for (int i = 0; i < 8; ++i) {
    ArmView& arm = decision.arms.emplace_back();
    arm.arm = "arm-" + std::to_string(i);
    arm.propensity = 1.0 / (3.0 + i);
    arm.expected_reward = 0.7 / (1.0 + i);
    arm.uncertainty = 0.05 * i;
    arm.expected_cost_usd = 0.0017 / (1.0 + i);
    arm.expected_latency_ms = 812.5 + i;
    arm.utility = 0.00631 / (1.0 + i);
  }
  decision.fallbacks = {"arm-1", "arm-2"};
  std::string out;
  for (auto _ : state) {
    out.clear();
    append_route_answer({.router = "support", .decision = decision}, out);
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(route_answer);

void edit_reward_20_kb(benchmark::State& state) {
  std::string draft;
  std::string final_text;
  for (unsigned i = 0; draft.size() < 20'000; ++i) {
    draft += "word" + std::to_string(i * 7919 % 613) + (i % 9 == 0 ? ". " : " ");
    final_text += "word" + std::to_string(i * 6007 % 617) + (i % 8 == 0 ? ", " : " ");
  }
  for (auto _ : state) {
    const auto reward = edit_reward({.draft = draft, .final_text = final_text});
    benchmark::DoNotOptimize(reward);
  }
}
BENCHMARK(edit_reward_20_kb);

}  // namespace
}  // namespace pointsman
