#include "engine/log/record_codec.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "engine/log/field_codec.h"
#include "engine/log/policy_codec.h"
#include "engine/values/bytes.h"

namespace pointsman {
namespace {

constexpr std::uint8_t kVersion = 1;

/// Stored: a number never changes its meaning.
template <class Body>
struct Kind;
template <>
struct Kind<RouterConfig> {
  static constexpr std::uint8_t byte = 1;
  static constexpr const char* name = "router_config";
};
template <>
struct Kind<ArmPut> {
  static constexpr std::uint8_t byte = 2;
  static constexpr const char* name = "arm_put";
};
template <>
struct Kind<ArmRemoved> {
  static constexpr std::uint8_t byte = 3;
  static constexpr const char* name = "arm_removed";
};
template <>
struct Kind<SchemaRevision> {
  static constexpr std::uint8_t byte = 4;
  static constexpr const char* name = "schema_revision";
};
template <>
struct Kind<Decision> {
  static constexpr std::uint8_t byte = 5;
  static constexpr const char* name = "decision";
};
template <>
struct Kind<Outcome> {
  static constexpr std::uint8_t byte = 6;
  static constexpr const char* name = "outcome";
};
template <>
struct Kind<Feedback> {
  static constexpr std::uint8_t byte = 7;
  static constexpr const char* name = "feedback";
};
template <>
struct Kind<SessionFeedback> {
  static constexpr std::uint8_t byte = 8;
  static constexpr const char* name = "session_feedback";
};

template <>
struct Kind<WarmStart> {
  static constexpr std::uint8_t byte = 9;
  static constexpr const char* name = "warm_start";
};

}  // namespace

// The fields of records, as field_codec.h asks for them. They stand outside the unnamed namespace,
// where FieldEncoder's and FieldDecoder's calls would not find them.

template <class Io>
void fields(Io& io, typename Io::template Ref<FieldSpec> v) {
  io(v.name);
  io(v.values);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<FeatureLayout> v) {
  io(v.text_counters);
  io(v.text_model_dims);
  io(v.text_model_hash);
  io(v.embedding_dims);
  io(v.embedding_projection);
  io(v.fields);
  io(v.hashed_fields);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<UtilityOptions> v) {
  io(v.value_usd);
  io(v.usd_per_second);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<BudgetOptions> v) {
  io(v.usd_per_request);
  io(v.usd_per_day);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<NurseryOptions> v) {
  io(v.decisions);
  io(v.share);
  io(v.min_decisions);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<ArmSpec> v) {
  io(v.id);
  io(v.model);
  io(v.input_usd_per_million_tokens);
  io(v.output_usd_per_million_tokens);
  io(v.expected_cost_usd);
  io(v.expected_latency_ms);
  io(v.tags);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<RouterConfig> v) {
  io(v.source_hash);
  io(v.seed);
  io(v.policy);
  io(v.posterior);
  io(v.features);
  io(v.utility);
  io(v.nursery);
  io(v.propensity_floor);
  io.enumerator(v.mode, ServingMode::frozen);
  io(v.shadow_arm);
  io(v.sticky_sessions);
  io(v.decision_ttl_ms);
  io(v.store_inputs);
  io(v.arms);
  if (io.more()) io(v.budget);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<ArmPut> v) {
  io(v.arm);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<ArmRemoved> v) {
  io(v.arm);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<SchemaRevision> v) {
  io(v.version);
  io(v.mean);
  io(v.scale);
  io.require(v.mean.size() == v.scale.size());
  if (!io.more()) return;
  io(v.landmarks);
  io(v.bandwidth);
  io(v.intercept_mean);
  io.require(v.landmarks.empty() || v.bandwidth > 0.0);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<ArmView> v) {
  io(v.arm);
  io(v.propensity);
  io(v.expected_reward);
  io(v.uncertainty);
  io(v.expected_cost_usd);
  io(v.expected_latency_ms);
  io(v.utility);
  io(v.excluded);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<Decision> v) {
  io(v.query_id);
  io(v.session_id);
  io(v.raw);
  io(v.schema_version);
  io(v.arms);
  io(v.chosen);
  io.enumerator(v.reason, Reason::fallback);
  io(v.session_decision);
  io(v.parent);
  io(v.shadow_propensities);
  io(v.utility);
  io(v.lambda);
  io(v.fallbacks);
  io(v.model);
  io(v.expires_at);
  io(v.metadata);
  io(v.inputs);
  if (io.more()) io(v.request);
  // Readers index by `chosen`.
  io.require(v.chosen < v.arms.size() || (v.arms.empty() && v.chosen == 0));
}

template <class Io>
void fields(Io& io, typename Io::template Ref<Outcome> v) {
  io(v.query_id);
  io(v.cost_usd);
  io(v.latency_ms);
  io(v.input_tokens);
  io(v.output_tokens);
  io(v.error);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<Reward> v) {
  io(v.value);
  io(v.confidence);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<Feedback> v) {
  io(v.query_id);
  io(v.signal_type);
  io(v.reward);
  io(v.payload);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<SessionFeedback> v) {
  io(v.session_id);
  io(v.signal_type);
  io(v.reward);
  io(v.propagation_weight);
  io(v.payload);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<WarmStart> v) {
  io(v.source);
  io(v.effective_samples);
  io(v.arms);
  io(v.raw);
  io(v.quality);
  io(v.cost_usd);
  // Readers index by row.
  io.require(v.quality.size() == v.cost_usd.size());
  io.require(v.arms.empty() ? v.quality.empty() && v.raw.empty()
                            : v.quality.size() % v.arms.size() == 0);
  io.require(v.rows() == 0 ? v.raw.empty() : v.raw.size() % v.rows() == 0);
}

namespace {

Error corrupt(std::string message) { return Error{ErrorCode::corrupt, std::move(message), ""}; }

/// False where no alternative of the body has this kind byte.
template <class... T>
bool make_body(std::uint8_t kind, std::variant<T...>& body) {
  return ((Kind<T>::byte == kind ? (body.template emplace<T>(), true) : false) || ...);
}

}  // namespace

std::string encode(const Record& record) {
  FieldEncoder io;
  io.out().u8(kVersion);
  std::visit([&]<class Body>(const Body&) { io.out().u8(Kind<Body>::byte); }, record.body);
  io(record.id);
  io(record.time);
  std::visit([&](const auto& body) { fields(io, body); }, record.body);
  return io.out().take();
}

Result<Record> decode(std::string_view bytes) {
  FieldDecoder io{ByteReader(bytes)};
  const std::uint8_t version = io.in().u8();
  const std::uint8_t kind = io.in().u8();
  if (!io.in().ok()) return corrupt("A stored record is shorter than its heading.");
  if (version != kVersion) {
    return corrupt("A stored record has version " + std::to_string(version) +
                   ", which this release does not read.");
  }
  Record record;
  if (!make_body(kind, record.body)) {
    return corrupt("A stored record has kind " + std::to_string(kind) +
                   ", which this release does not know.");
  }
  io(record.id);
  io(record.time);
  std::visit([&](auto& body) { fields(io, body); }, record.body);
  if (!io.in().ok()) {
    return corrupt(std::string("A stored ") + kind_name(record.body) + " record does not decode.");
  }
  return record;
}

const char* kind_name(const RecordBody& body) {
  return std::visit([]<class Body>(const Body&) { return Kind<Body>::name; }, body);
}

}  // namespace pointsman
