#include <string>

#include "engine/features/default_text_model.h"
#include "server/config/router_section.h"
#include "server/config/server_config.h"

namespace pointsman {
namespace {

/// The models and prices are examples of the day this was written; a file brings the real ones. The
/// expected costs are those of 500 tokens in and 400 out, so that `"preference":"cost"` chooses the
/// cheap one before any outcome is known.
std::vector<ArmSpec> demo_arms() {
  ArmSpec small;
  small.id = "small";
  small.model = "gpt-4o-mini";
  small.input_usd_per_million_tokens = 0.15;
  small.output_usd_per_million_tokens = 0.60;
  small.expected_cost_usd = 0.000315;
  ArmSpec medium;
  medium.id = "medium";
  medium.model = "gpt-4.1-mini";
  medium.input_usd_per_million_tokens = 0.40;
  medium.output_usd_per_million_tokens = 1.60;
  medium.expected_cost_usd = 0.00084;
  ArmSpec large;
  large.id = "large";
  large.model = "claude-sonnet-4";
  large.input_usd_per_million_tokens = 3.00;
  large.output_usd_per_million_tokens = 15.00;
  large.expected_cost_usd = 0.0075;
  return {small, medium, large};
}

}  // namespace

ServerConfig demo_config() {
  ServerConfig config;
  config.http.port = 8080;
  config.store.url = "sqlite:pointsman.db";
  RouterEntry entry;
  entry.config.features.text_model_dims = default_text_model().dims();
  entry.config.features.text_model_hash = default_text_model().hash();
  entry.config.features.hashed_fields = 32;
  entry.config.arms = demo_arms();
  entry.config.source_hash = router_source_hash(entry.config);
  config.routers.push_back(std::move(entry));
  return config;
}

}  // namespace pointsman
