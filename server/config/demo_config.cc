#include <string>

#include "engine/features/default_text_model.h"
#include "server/config/router_section.h"
#include "server/config/server_config.h"

namespace pointsman {
namespace {

/// The models and prices are examples of the day this was written; a file brings the real ones.
std::vector<ArmSpec> demo_arms() {
  ArmSpec small;
  small.id = "small";
  small.model = "gpt-4o-mini";
  small.input_usd_per_million_tokens = 0.15;
  small.output_usd_per_million_tokens = 0.60;
  ArmSpec medium;
  medium.id = "medium";
  medium.model = "gpt-4.1-mini";
  medium.input_usd_per_million_tokens = 0.40;
  medium.output_usd_per_million_tokens = 1.60;
  ArmSpec large;
  large.id = "large";
  large.model = "claude-sonnet-4";
  large.input_usd_per_million_tokens = 3.00;
  large.output_usd_per_million_tokens = 15.00;
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
