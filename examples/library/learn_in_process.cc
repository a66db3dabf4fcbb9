#include <cstdio>

#include "engine/routers/router.h"

int main() {
  using namespace pointsman;
  RouterConfig config;
  config.features = {.text_counters = false, .fields = {{"task", {"chat", "code"}}}};
  config.arms = {{.id = "small"}, {.id = "large"}};
  const auto router = Router::make({.config = config}).value();
  int large_for_code = 0;
  for (int i = 0; i < 400; ++i) {
    const bool code = i % 2 == 0;
    const FieldValue fields[] = {{"task", code ? "code" : "chat"}};
    const auto decision = router->decide({.fields = fields});
    if (!decision) return std::puts(decision.error().message.c_str()), 1;
    // Call the model. Here the large one is right in code, and the small one in chat.
    const bool large = decision->arms[decision->chosen].arm == "large";
    const Reward reward{.value = large == code ? 1.0 : 0.0, .confidence = 1.0};
    if (!router->learn(decision->query_id, "thumbs", reward)) return 1;
    if (i >= 200 && code) large_for_code += large;
  }
  std::printf("large answers %d of the last 100 in code\n", large_for_code);
}
