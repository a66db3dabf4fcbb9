#include <chrono>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

#include "adapters/api/record_words.h"
#include "adapters/json/canonical_json.h"
#include "engine/log/record_codec.h"
#include "engine/policies/policy_catalogue.h"
#include "engine/values/hex_text.h"
#include "engine/values/number_text.h"
#include "server/config/duration_text.h"
#include "server/config/router_section.h"

namespace pointsman {
namespace {

/// A TOML basic string.
std::string toml_string(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

/// A TOML float: whole numbers may lie beyond TOML's integers.
std::string real(double value) {
  std::string text = number_text(value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string strings(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (const std::string& text : texts) {
    if (out.size() > 1) out += ", ";
    out += toml_string(text);
  }
  return out + "]";
}

class Lines final {
 public:
  void header(std::string_view text) { out_.append(out_.empty() ? "" : "\n").append(text) += '\n'; }
  void add(std::string_view key, std::string_view value) {
    out_.append(key).append(" = ").append(value) += '\n';
  }
  void add(std::string_view key, bool value) { add(key, value ? "true" : "false"); }
  void add(std::string_view key, double value) { add(key, real(value)); }
  void add(std::string_view key, const char* value) { add(key, std::string_view(value)); }
  void count(std::string_view key, std::uint64_t value) { add(key, std::to_string(value)); }
  void add(std::string_view key, const std::optional<double>& value) {
    if (value) add(key, *value);
  }
  std::string take() && { return std::move(out_); }

 private:
  std::string out_;
};

/// A policy as an inline table.
std::string policy_text(const PolicyOptions& policy) {
  std::string out = "{ name = " + toml_string(policy_name(policy));
  for (const PolicyOption& option : catalogued(policy).options) {
    out.append(", ").append(option.key).append(" = ").append(real(option.get(policy)));
  }
  if (const std::string* const arm = named_arm(policy)) {
    out.append(", ").append(kArmKey).append(" = ").append(toml_string(*arm));
  }
  return out + " }";
}

std::string seed_text(std::uint64_t seed) {
  const bool fits = seed <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return fits ? std::to_string(seed) : toml_string(std::to_string(seed));
}

void render_posterior(const PosteriorOptions& posterior, Lines& lines) {
  lines.header("[routers.posterior]");
  for (const PosteriorOption& option : posterior_catalogue()) {
    lines.add(option.key, option.get(posterior));
  }
}

void render_features(const FeatureLayout& features, Lines& lines) {
  lines.header("[routers.features]");
  lines.add("text", features.text_counters);
  lines.add("text_model", features.text_model_dims > 0);
  lines.count("embedding_dims", features.embedding_dims);
  lines.count("embedding_projection", features.embedding_projection);
  std::string fields = "[";
  for (const FieldSpec& field : features.fields) {
    fields += "\n  { name = " + toml_string(field.name);
    if (!field.values.empty()) fields += ", values = " + strings(field.values);
    fields += " },";
  }
  fields += features.fields.empty() ? "]" : "\n]";
  lines.add("fields", fields);
  lines.count("hashed_fields", features.hashed_fields);
}

void render_arm(const ArmSpec& arm, Lines& lines) {
  lines.header("[[routers.arms]]");
  lines.add("id", toml_string(arm.id));
  lines.add("model", toml_string(arm.model));
  lines.add("input_usd_per_million_tokens", arm.input_usd_per_million_tokens);
  lines.add("output_usd_per_million_tokens", arm.output_usd_per_million_tokens);
  lines.add("expected_cost_usd", arm.expected_cost_usd);
  lines.add("expected_latency_ms", arm.expected_latency_ms);
  lines.add("tags", strings(arm.tags));
}

}  // namespace

std::string router_source_hash(const RouterConfig& config) {
  Record record;
  RouterConfig bare = config;
  bare.source_hash.clear();
  record.body = std::move(bare);
  return hex_text(sha256(encode(record)));
}

std::string render_router_toml(const RouterEntry& entry) {
  const RouterConfig& config = entry.config;
  Lines lines;
  lines.header("[[routers]]");
  lines.add("name", toml_string(entry.name));
  lines.add("tenant", toml_string(entry.tenant));
  lines.add("seed", seed_text(config.seed));
  lines.add("policy", policy_text(config.policy));
  lines.add(propensity_floor_option().key, config.propensity_floor);
  lines.add("mode", toml_string(kModeWords[static_cast<std::size_t>(config.mode)]));
  if (!config.shadow_arm.empty()) lines.add("shadow_arm", toml_string(config.shadow_arm));
  lines.add("sticky_sessions", config.sticky_sessions);
  const std::chrono::milliseconds ttl(config.decision_ttl_ms);
  lines.add("decision_ttl", toml_string(duration_text(ttl)));
  lines.add("store_inputs", config.store_inputs);
  render_posterior(config.posterior, lines);
  render_features(config.features, lines);
  lines.header("[routers.utility]");
  lines.add("value_usd", config.utility.value_usd);
  lines.add("usd_per_second", config.utility.usd_per_second);
  lines.header("[routers.budget]");
  lines.add("usd_per_request", config.budget.usd_per_request);
  lines.add("usd_per_day", config.budget.usd_per_day);
  lines.header("[routers.nursery]");
  lines.count("decisions", config.nursery.decisions);
  lines.add("share", config.nursery.share);
  lines.count("min_decisions", config.nursery.min_decisions);
  for (const ArmSpec& arm : config.arms) render_arm(arm, lines);
  return std::move(lines).take();
}

}  // namespace pointsman
