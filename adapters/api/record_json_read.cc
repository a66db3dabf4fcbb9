#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "adapters/api/record_json.h"
#include "adapters/api/record_words.h"
#include "adapters/api/route_answer.h"
#include "adapters/json/json_body.h"
#include "adapters/json/rfc3339.h"
#include "engine/policies/policy_catalogue.h"

namespace pointsman {
namespace {

/// Two lower-case hexadecimal digits a byte.
template <std::size_t N>
std::array<std::uint8_t, N> hex_of(ObjectReader& reader, std::string_view name,
                                   std::string_view text) {
  std::array<std::uint8_t, N> bytes{};
  bool good = text.size() == 2 * N;
  for (std::size_t i = 0; good && i < N; ++i) {
    unsigned value = 0;
    for (const char c : {text[2 * i], text[2 * i + 1]}) {
      const std::size_t digit = std::string_view("0123456789abcdef").find(c);
      good = good && digit != std::string_view::npos;
      value = value * 16 + static_cast<unsigned>(digit & 0xFU);
    }
    bytes[i] = static_cast<std::uint8_t>(value);
  }
  if (!good) {
    reader.fail(name, "This must be " + std::to_string(2 * N) + " lower-case hexadecimal digits.");
  }
  return bytes;
}

using nlohmann::json;

// Each read() fills `out` from `value`, which lies at `at`.
using At = ObjectReader::At;

At child(const At& at, std::size_t index) { return {at.pointer + "/" + std::to_string(index)}; }

Error wrong_type(const At& at, std::string_view wanted) {
  return invalid(at.pointer, "This must be " + std::string(wanted) + ".");
}

Status read(const json& value, const At& at, std::string& out) {
  if (!value.is_string()) return wrong_type(at, "a string");
  out = value.get<std::string>();
  return Done{};
}

Status read(const json& value, const At& at, double& out) {
  if (!value.is_number()) return wrong_type(at, "a number");
  out = value.get<double>();
  return Done{};
}

Status read(const json& value, const At& at, std::optional<double>& out) {
  if (!value.is_number() && !value.is_null()) return wrong_type(at, "a number or null");
  out = value.is_null() ? std::nullopt : std::optional<double>(value.get<double>());
  return Done{};
}

// A number or null, which is NaN: missing.
Status read(const json& value, const At& at, float& out) {
  if (!value.is_number() && !value.is_null()) return wrong_type(at, "a number or null");
  out = value.is_null() ? std::numeric_limits<float>::quiet_NaN()
                        : static_cast<float>(value.get<double>());
  return Done{};
}

// Declared ahead of the templates that call them.
Status read(const json& value, const At& at, std::int64_t& out);
Status read(const json& value, const At& at, ArmSpec& out);
Status read(const json& value, const At& at, ArmView& out);
Status read(const json& value, const At& at, UtilityOptions& out);
Status read(const json& value, const At& at, PolicyOptions& out);
Status read(const json& value, const At& at, PosteriorOptions& out);
Status read(const json& value, const At& at, FieldSpec& out);
Status read(const json& value, const At& at, FeatureLayout& out);
Status read(const json& value, const At& at, NurseryOptions& out);
Status read(const json& value, const At& at, BudgetOptions& out);

template <class T>
Status read(const json& value, const At& at, std::vector<T>& out) {
  if (!value.is_array()) return wrong_type(at, "an array");
  out.clear();
  out.reserve(value.size());
  for (const json& item : value) {
    T element{};
    if (Status ok = read(item, child(at, out.size()), element); !ok) return ok;
    out.push_back(std::move(element));
  }
  return Done{};
}

// Reads member `key` by the read() of its type; an absent one keeps `out` where it is optional.
enum class Presence { required, optional };

template <class T>
Status member(ObjectReader& reader, std::string_view key, Presence presence, T& out) {
  const json* value =
      presence == Presence::required ? reader.require_value(key) : reader.optional_value(key);
  if (value == nullptr) return reader.finish_open();
  return read(*value, {reader.pointer_to(key)}, out);
}

std::uint32_t count32(ObjectReader& reader, std::string_view key) {
  const std::uint64_t count = reader.require_count(key);
  if (count > std::numeric_limits<std::uint32_t>::max()) {
    reader.fail(key, "This must fit into 32 bits.");
  }
  return static_cast<std::uint32_t>(count);
}

std::string text_or_empty(ObjectReader& reader, std::string_view key) {
  return reader.optional_string(key).value_or("");
}

Timestamp time_of(ObjectReader& reader, std::string_view key) {
  const std::string text = reader.require_string(key);
  if (!reader.ok()) return {};
  const Result<Timestamp> time = parse_rfc3339(text);
  if (!time) reader.fail(key, time.error().message);
  return time ? *time : Timestamp{};
}

std::string bytes_of(ObjectReader& reader, std::string_view key, std::string_view text_key) {
  const json* value = reader.optional_value(key);
  std::string text = text_or_empty(reader, text_key);
  return value == nullptr ? text : value->dump();
}

Status read(const json& value, const At& at, ArmSpec& out) {
  ObjectReader reader(value, at);
  out.id = reader.require_string("id");
  out.model = text_or_empty(reader, "model");
  out.input_usd_per_million_tokens = reader.optional_number("input_usd_per_million_tokens", {});
  out.output_usd_per_million_tokens = reader.optional_number("output_usd_per_million_tokens", {});
  out.expected_cost_usd = reader.optional_number("expected_cost_usd", {});
  out.expected_latency_ms = reader.optional_number("expected_latency_ms", {});
  return member(reader, "tags", Presence::optional, out.tags);
}

Status read(const json& value, const At& at, UtilityOptions& out) {
  ObjectReader reader(value, at);
  out.value_usd = reader.optional_number("value_usd", {});
  out.usd_per_second = reader.require_number("usd_per_second", {});
  return reader.finish_open();
}

/// Reads the options that a catalogue lists, each held to its range.
template <class Owner>
void read_options(ObjectReader& reader, std::span<const Option<Owner>> options, Owner& out) {
  for (const Option<Owner>& option : options) {
    option.of(out) = reader.require_number(option.key, option.range);
  }
}

using PolicyNames = std::array<std::string_view, std::variant_size_v<PolicyOptions>>;

PolicyNames policy_names_in_order() {
  PolicyNames names;
  std::ranges::transform(policy_catalogue(), names.begin(), &CataloguedPolicy::name);
  return names;
}

// A default alternative of a variant, by its index.
template <class Variant, std::size_t... I>
Variant alternative(std::size_t index, std::index_sequence<I...>) {
  Variant out;
  ((index == I ? static_cast<void>(out.template emplace<I>()) : static_cast<void>(0)), ...);
  return out;
}
template <class Variant>
Variant alternative(std::size_t index) {
  return alternative<Variant>(index, std::make_index_sequence<std::variant_size_v<Variant>>());
}

Status read(const json& value, const At& at, PolicyOptions& out) {
  static const PolicyNames kNames = policy_names_in_order();
  ObjectReader reader(value, at);
  const CataloguedPolicy& entry = policy_catalogue()[reader.require_word("name", kNames)];
  out = entry.make();
  read_options(reader, entry.options, out);
  if (std::string* const arm = named_arm(out)) *arm = reader.require_string(kArmKey);
  return reader.finish_open();
}

Status read(const json& value, const At& at, PosteriorOptions& out) {
  ObjectReader reader(value, at);
  read_options(reader, posterior_catalogue(), out);
  return reader.finish_open();
}

Status read(const json& value, const At& at, FieldSpec& out) {
  ObjectReader reader(value, at);
  out.name = reader.require_string("name");
  return member(reader, "values", Presence::optional, out.values);
}

Status read(const json& value, const At& at, FeatureLayout& out) {
  ObjectReader reader(value, at);
  out.text_counters = reader.require_bool("text_counters");
  out.text_model_dims = count32(reader, "text_model_dims");
  out.text_model_hash = text_or_empty(reader, "text_model_hash");
  out.embedding_dims = count32(reader, "embedding_dims");
  out.embedding_projection = count32(reader, "embedding_projection");
  out.hashed_fields = count32(reader, "hashed_fields");
  return member(reader, "fields", Presence::required, out.fields);
}

Status read(const json& value, const At& at, NurseryOptions& out) {
  ObjectReader reader(value, at);
  out.decisions = count32(reader, "decisions");
  out.share = reader.require_number("share", {});
  out.min_decisions = reader.require_count("min_decisions");
  return reader.finish_open();
}

Status read(const json& value, const At& at, std::int64_t& out) {
  if (!value.is_number_integer()) return wrong_type(at, "a whole number");
  out = value.get<std::int64_t>();
  return Done{};
}

Status read(const json& value, const At& at, BudgetOptions& out) {
  ObjectReader reader(value, at);
  out.usd_per_request = reader.optional_number("usd_per_request", {});
  out.usd_per_day = reader.optional_number("usd_per_day", {});
  return reader.finish_open();
}

Status read(const json& value, const At& at, ArmView& out) {
  ObjectReader reader(value, at);
  out.arm = reader.require_string("arm");
  out.propensity = reader.require_number("propensity", {});
  out.expected_reward = reader.require_number("expected_reward", {});
  out.uncertainty = reader.require_number("uncertainty", {});
  out.expected_cost_usd = reader.optional_number("expected_cost_usd", {});
  out.expected_latency_ms = reader.optional_number("expected_latency_ms", {});
  out.utility = reader.require_number("utility", {});
  out.excluded = text_or_empty(reader, "excluded");
  return reader.finish_open();
}

// Reads a record's body from the same object as its envelope.
struct BodyReader {
  ObjectReader& reader;

  Status operator()(RouterConfig& out) const {
    out.source_hash = text_or_empty(reader, "source_hash");
    out.seed = reader.require_count("seed");
    out.propensity_floor =
        reader.require_number("propensity_floor", propensity_floor_option().range);
    out.mode = static_cast<ServingMode>(reader.require_word("mode", kModeWords));
    out.shadow_arm = text_or_empty(reader, "shadow_arm");
    out.sticky_sessions = reader.require_bool("sticky_sessions");
    out.store_inputs = reader.require_bool("store_inputs");
    for (const Status& ok :
         {member(reader, "policy", Presence::required, out.policy),
          member(reader, "posterior", Presence::required, out.posterior),
          member(reader, "features", Presence::required, out.features),
          member(reader, "utility", Presence::required, out.utility),
          member(reader, "nursery", Presence::required, out.nursery),
          member(reader, "decision_ttl_ms", Presence::required, out.decision_ttl_ms),
          member(reader, "arms", Presence::required, out.arms),
          member(reader, "budget", Presence::optional, out.budget)}) {
      if (!ok) return ok;
    }
    return reader.finish_open();
  }

  Status operator()(ArmPut& out) const {
    return member(reader, "arm", Presence::required, out.arm);
  }

  Status operator()(ArmRemoved& out) const {
    out.arm = reader.require_string("arm");
    return reader.finish_open();
  }

  Status operator()(WarmStart& out) const {
    out.source = text_or_empty(reader, "source");
    out.effective_samples = reader.require_number("effective_samples", {});
    std::vector<std::optional<double>> quality;
    std::vector<std::optional<double>> cost;
    for (const Status& ok : {member(reader, "arms", Presence::required, out.arms),
                             member(reader, "raw", Presence::required, out.raw),
                             member(reader, "quality", Presence::required, quality),
                             member(reader, "cost_usd", Presence::required, cost)}) {
      if (!ok) return ok;
    }
    const std::size_t k = out.arms.size();
    const std::size_t rows = k == 0 ? 0 : quality.size() / k;
    if (quality.size() != rows * k || cost.size() != quality.size() ||
        (rows == 0 ? !out.raw.empty() : out.raw.size() % rows != 0)) {
      reader.fail("quality", "The tables must have a number an arm in every row.");
      return reader.finish_open();
    }
    constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
    for (const auto& value : quality) out.quality.push_back(value.value_or(kUnknown));
    for (const auto& value : cost) out.cost_usd.push_back(value.value_or(kUnknown));
    return reader.finish_open();
  }

  Status operator()(SchemaRevision& out) const {
    out.version = count32(reader, "version");
    if (Status ok = member(reader, "mean", Presence::required, out.mean); !ok) return ok;
    if (Status ok = member(reader, "scale", Presence::required, out.scale); !ok) return ok;
    out.bandwidth = reader.optional_number("bandwidth", {}).value_or(0.0);
    out.intercept_mean = reader.optional_number("intercept_mean", {});
    return member(reader, "landmarks", Presence::optional, out.landmarks);
  }

  Status operator()(Decision& out) const {
    out.query_id = reader.require_string("query_id");
    out.session_id = text_or_empty(reader, "session_id");
    out.model = text_or_empty(reader, "model");
    out.session_decision = text_or_empty(reader, "session_decision");
    out.parent = text_or_empty(reader, "parent");
    out.lambda = reader.require_number("lambda", {});
    out.expires_at = time_of(reader, "expires_at");
    out.schema_version = count32(reader, "schema_version");
    out.metadata = bytes_of(reader, "metadata", "metadata_text");
    out.inputs = text_or_empty(reader, "inputs");
    if (const auto request = reader.optional_string("request_sha256")) {
      out.request = hex_of<sizeof(Fingerprint)>(reader, "request_sha256", *request);
    }
    const std::optional<Reason> reason = reason_from_name(reader.require_string("reason"));
    if (!reason) reader.fail("reason", "This reason is not known.");
    out.reason = reason.value_or(Reason::exploit);
    for (const Status& ok :
         {member(reader, "raw", Presence::required, out.raw),
          member(reader, "arms", Presence::required, out.arms),
          member(reader, "fallbacks", Presence::optional, out.fallbacks),
          member(reader, "shadow_propensities", Presence::optional, out.shadow_propensities),
          member(reader, "utility", Presence::required, out.utility)}) {
      if (!ok) return ok;
    }
    out.chosen = count32(reader, "chosen");
    if (out.chosen >= out.arms.size()) reader.fail("chosen", "There is no such arm in arms.");
    return reader.finish_open();
  }

  Status operator()(Outcome& out) const {
    out.query_id = reader.require_string("query_id");
    out.cost_usd = reader.optional_number("cost_usd", {});
    out.latency_ms = reader.optional_number("latency_ms", {});
    out.input_tokens = reader.optional_count("input_tokens");
    out.output_tokens = reader.optional_count("output_tokens");
    out.error = text_or_empty(reader, "error");
    return reader.finish_open();
  }

  Status operator()(Feedback& out) const {
    out.query_id = reader.require_string("query_id");
    out.signal_type = reader.require_string("signal_type");
    out.reward = reward();
    out.payload = bytes_of(reader, "payload", "payload_text");
    return reader.finish_open();
  }

  Status operator()(SessionFeedback& out) const {
    out.session_id = reader.require_string("session_id");
    out.signal_type = reader.require_string("signal_type");
    out.reward = reward();
    out.propagation_weight = reader.require_number("propagation_weight", {});
    out.payload = bytes_of(reader, "payload", "payload_text");
    return reader.finish_open();
  }

  Reward reward() const {
    const double value = reader.require_number("reward", {0.0, 1.0});
    return {value, reader.require_number("confidence", {0.0, 1.0})};
  }
};

using KindWords = std::array<std::string_view, std::variant_size_v<RecordBody>>;

template <std::size_t... I>
KindWords kind_words(std::index_sequence<I...>) {
  return {kind_name(RecordBody(std::in_place_index<I>))...};
}

}  // namespace

Result<StoredRecord> record_from_json(const nlohmann::json& json) {
  static const KindWords kKinds =
      kind_words(std::make_index_sequence<std::variant_size_v<RecordBody>>());
  ObjectReader reader(json, {});
  StoredRecord out;
  out.position = reader.require_count("position");
  out.scope.router = reader.require_string("router");
  out.record.id = hex_of<sizeof(RecordId)>(reader, "id", reader.require_string("id"));
  out.record.time = time_of(reader, "time");
  const std::size_t kind = reader.require_word("kind", kKinds);
  if (Status ok = reader.finish_open(); !ok) return ok.error();
  out.record.body = alternative<RecordBody>(kind);
  const Status ok = std::visit(BodyReader{reader}, out.record.body);
  if (!ok) return ok.error();
  return out;
}

Result<StoredRecord> record_from_json_line(std::string_view line) {
  Result<nlohmann::json> json = parse_json_body(line);
  if (!json) return json.error();
  return record_from_json(*json);
}

}  // namespace pointsman
