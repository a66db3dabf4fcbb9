#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "adapters/api/record_json.h"
#include "adapters/api/record_words.h"
#include "adapters/api/route_answer.h"
#include "adapters/json/rfc3339.h"
#include "engine/policies/policy_catalogue.h"
#include "engine/values/hex_text.h"

namespace pointsman {
namespace {

using Json = nlohmann::ordered_json;

// The double with the fewest digits that reads back as this float: .1, not .10000000149011612.
Json float_json(float value) {
  if (!std::isfinite(value)) return nullptr;
  char text[32];
  const char* end = std::to_chars(text, text + sizeof text, value).ptr;
  double shortest = 0.0;
  std::from_chars(text, end, shortest);
  return static_cast<float>(shortest) == value ? shortest : static_cast<double>(value);
}

void put_text(Json& out, const char* key, const std::string& value) {
  if (!value.empty()) out[key] = value;
}

template <class T>
void put_optional(Json& out, const char* key, const std::optional<T>& value) {
  if (value) out[key] = *value;
}

template <class T>
void put_list(Json& out, const char* key, const std::vector<T>& values) {
  if (!values.empty()) out[key] = values;
}

// JSON bytes as the value they are; bytes that are not JSON under "<key>_text".
void put_bytes(Json& out, const std::string& key, const std::string& bytes) {
  if (bytes.empty()) return;
  Json value = Json::parse(bytes, nullptr, false);
  if (value.is_discarded()) {
    out[key + "_text"] = bytes;
  } else {
    out[key] = std::move(value);
  }
}

Json to_json(const ArmSpec& arm) {
  Json out{{"id", arm.id}};
  put_text(out, "model", arm.model);
  put_optional(out, "input_usd_per_million_tokens", arm.input_usd_per_million_tokens);
  put_optional(out, "output_usd_per_million_tokens", arm.output_usd_per_million_tokens);
  put_optional(out, "expected_cost_usd", arm.expected_cost_usd);
  put_optional(out, "expected_latency_ms", arm.expected_latency_ms);
  put_list(out, "tags", arm.tags);
  return out;
}

Json to_json(const UtilityOptions& utility) {
  Json out = Json::object();
  put_optional(out, "value_usd", utility.value_usd);
  out["usd_per_second"] = utility.usd_per_second;
  return out;
}

template <class Owner>
void put_options(Json& out, std::span<const Option<Owner>> options, const Owner& owner) {
  for (const Option<Owner>& option : options) out[std::string(option.key)] = option.get(owner);
}

Json to_json(const PolicyOptions& policy) {
  Json out{{"name", policy_name(policy)}};
  put_options(out, catalogued(policy).options, policy);
  if (const std::string* const arm = named_arm(policy)) out[std::string(kArmKey)] = *arm;
  return out;
}

Json to_json(const PosteriorOptions& posterior) {
  Json out = Json::object();
  put_options(out, posterior_catalogue(), posterior);
  return out;
}

Json to_json(const FeatureLayout& layout) {
  Json out{{"text_counters", layout.text_counters}, {"text_model_dims", layout.text_model_dims}};
  put_text(out, "text_model_hash", layout.text_model_hash);
  out["embedding_dims"] = layout.embedding_dims;
  out["embedding_projection"] = layout.embedding_projection;
  out["fields"] = Json::array();
  for (const FieldSpec& spec : layout.fields) {
    Json field{{"name", spec.name}};
    put_list(field, "values", spec.values);
    out["fields"].push_back(std::move(field));
  }
  out["hashed_fields"] = layout.hashed_fields;
  return out;
}

Json to_json(const ArmView& arm) {
  Json out{{"arm", arm.arm},
           {"propensity", arm.propensity},
           {"expected_reward", arm.expected_reward},
           {"uncertainty", arm.uncertainty}};
  put_optional(out, "expected_cost_usd", arm.expected_cost_usd);
  put_optional(out, "expected_latency_ms", arm.expected_latency_ms);
  out["utility"] = arm.utility;
  put_text(out, "excluded", arm.excluded);
  return out;
}

Json to_json(const BudgetOptions& budget) {
  Json out = Json::object();
  put_optional(out, "usd_per_request", budget.usd_per_request);
  put_optional(out, "usd_per_day", budget.usd_per_day);
  return out;
}

// Appends the fields of a record's body to `out`.
struct BodyWriter {
  Json& out;

  void operator()(const RouterConfig& config) const {
    put_text(out, "source_hash", config.source_hash);
    out["seed"] = config.seed;
    out["policy"] = to_json(config.policy);
    out["posterior"] = to_json(config.posterior);
    out["features"] = to_json(config.features);
    out["utility"] = to_json(config.utility);
    out["nursery"] = {{"decisions", config.nursery.decisions},
                      {"share", config.nursery.share},
                      {"min_decisions", config.nursery.min_decisions}};
    out["propensity_floor"] = config.propensity_floor;
    out["mode"] = kModeWords[static_cast<std::size_t>(config.mode)];
    put_text(out, "shadow_arm", config.shadow_arm);
    out["sticky_sessions"] = config.sticky_sessions;
    out["decision_ttl_ms"] = config.decision_ttl_ms;
    out["store_inputs"] = config.store_inputs;
    out["arms"] = Json::array();
    for (const ArmSpec& arm : config.arms) out["arms"].push_back(to_json(arm));
    if (!(config.budget == BudgetOptions{})) out["budget"] = to_json(config.budget);
  }

  void operator()(const ArmPut& put) const { out["arm"] = to_json(put.arm); }
  void operator()(const ArmRemoved& removed) const { out["arm"] = removed.arm; }

  void operator()(const SchemaRevision& revision) const {
    out["version"] = revision.version;
    out["mean"] = revision.mean;
    out["scale"] = revision.scale;
    put_list(out, "landmarks", revision.landmarks);
    if (revision.bandwidth != 0.0) out["bandwidth"] = revision.bandwidth;
    put_optional(out, "intercept_mean", revision.intercept_mean);
  }

  void operator()(const WarmStart& warm) const {
    put_text(out, "source", warm.source);
    out["effective_samples"] = warm.effective_samples;
    out["arms"] = warm.arms;
    out["raw"] = Json::array();
    for (const float value : warm.raw) out["raw"].push_back(float_json(value));
    const auto put_numbers = [&](const char* key, const std::vector<double>& values) {
      out[key] = Json::array();
      for (const double value : values) {
        out[key].push_back(std::isnan(value) ? Json(nullptr) : Json(value));
      }
    };
    put_numbers("quality", warm.quality);
    put_numbers("cost_usd", warm.cost_usd);
  }

  void operator()(const Decision& decision) const {
    out["query_id"] = decision.query_id;
    put_text(out, "session_id", decision.session_id);
    if (decision.chosen < decision.arms.size()) {
      out["arm"] = decision.arms[decision.chosen].arm;
      out["propensity"] = decision.arms[decision.chosen].propensity;
    }
    put_text(out, "model", decision.model);
    out["reason"] = reason_name(decision.reason);
    out["chosen"] = decision.chosen;
    out["arms"] = Json::array();
    for (const ArmView& arm : decision.arms) out["arms"].push_back(to_json(arm));
    put_list(out, "fallbacks", decision.fallbacks);
    put_text(out, "session_decision", decision.session_decision);
    put_text(out, "parent", decision.parent);
    put_list(out, "shadow_propensities", decision.shadow_propensities);
    out["utility"] = to_json(decision.utility);
    out["lambda"] = decision.lambda;
    out["expires_at"] = format_rfc3339(decision.expires_at);
    out["schema_version"] = decision.schema_version;
    Json raw = Json::array();
    for (const float value : decision.raw) raw.push_back(float_json(value));
    out["raw"] = std::move(raw);
    put_bytes(out, "metadata", decision.metadata);
    put_text(out, "inputs", decision.inputs);
    if (decision.request) out["request_sha256"] = hex_text(*decision.request);
  }

  void operator()(const Outcome& outcome) const {
    out["query_id"] = outcome.query_id;
    put_optional(out, "cost_usd", outcome.cost_usd);
    put_optional(out, "latency_ms", outcome.latency_ms);
    put_optional(out, "input_tokens", outcome.input_tokens);
    put_optional(out, "output_tokens", outcome.output_tokens);
    put_text(out, "error", outcome.error);
  }

  void operator()(const Feedback& feedback) const {
    out["query_id"] = feedback.query_id;
    out["signal_type"] = feedback.signal_type;
    out["reward"] = feedback.reward.value;
    out["confidence"] = feedback.reward.confidence;
    put_bytes(out, "payload", feedback.payload);
  }

  void operator()(const SessionFeedback& feedback) const {
    out["session_id"] = feedback.session_id;
    out["signal_type"] = feedback.signal_type;
    out["reward"] = feedback.reward.value;
    out["confidence"] = feedback.reward.confidence;
    out["propagation_weight"] = feedback.propagation_weight;
    put_bytes(out, "payload", feedback.payload);
  }
};

}  // namespace

nlohmann::ordered_json record_to_json(const StoredRecord& record) {
  Json out{{"position", record.position},
           {"router", record.scope.router},
           {"id", hex_text(record.record.id)},
           {"time", format_rfc3339(record.record.time)},
           {"kind", kind_name(record.record.body)}};
  std::visit(BodyWriter{out}, record.record.body);
  return out;
}

}  // namespace pointsman
