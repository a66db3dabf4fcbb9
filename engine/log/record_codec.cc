#include "engine/log/record_codec.h"

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

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

// One list of fields serves both directions, so that they cannot drift apart. `Ref` is a const
// reference where Io writes. New fields go to the end, as `if (io.more()) io(v.field)`.

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
void fields(Io& io, typename Io::template Ref<LinUcbOptions> v) {
  io(v.alpha);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<LinTsOptions> v) {
  io(v.alpha);
}

template <class Io>
void fields(Io&, typename Io::template Ref<UniformOptions>) {}

template <class Io>
void fields(Io& io, typename Io::template Ref<FixedOptions> v) {
  io(v.arm);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<EpsilonGreedyOptions> v) {
  io(v.epsilon);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<SquareCbOptions> v) {
  io(v.gamma0);
  io(v.exponent);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<Ucb1Options> v) {
  io(v.alpha);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<BetaThompsonOptions> v) {
  io(v.a0);
  io(v.b0);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<HybridLinUcbOptions> v) {
  io(v.alpha);
  io(v.shared);
  io(v.shared_intercept);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<DefaultOptions> v) {
  io(v.alpha);
  io(v.landmark_precision);
  io(v.bandwidth);
}

template <class Io>
void fields(Io& io, typename Io::template Ref<PosteriorOptions> v) {
  io(v.intercept_mean);
  io(v.intercept_precision);
  io(v.field_precision);
  io(v.text_precision);
  io(v.embedding_precision);
  io(v.gamma);
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

class Encoder final {
 public:
  template <class T>
  using Ref = const T&;

  void operator()(bool v) { out_.u8(v ? 1 : 0); }
  void operator()(std::uint32_t v) { out_.varint(v); }
  void operator()(std::uint64_t v) { out_.varint(v); }
  void operator()(std::int64_t v) { out_.i64(v); }
  void operator()(double v) { out_.f64(v); }
  void operator()(Timestamp v) { out_.i64(v.time_since_epoch().count()); }
  template <std::size_t N>
  void operator()(const std::array<std::uint8_t, N>& v) {
    out_.raw({reinterpret_cast<const char*>(v.data()), v.size()});
  }
  void operator()(const std::string& v) { out_.string(v); }
  void operator()(const std::vector<float>& v) { out_.f32s(v); }
  void operator()(const std::vector<double>& v) { out_.f64s(v); }

  template <class T>
  void operator()(const std::vector<T>& v) {
    out_.varint(v.size());
    for (const T& item : v) (*this)(item);
  }

  template <class T>
  void operator()(const std::optional<T>& v) {
    (*this)(v.has_value());
    if (v) (*this)(*v);
  }

  template <class... T>
  void operator()(const std::variant<T...>& v) {
    out_.u8(static_cast<std::uint8_t>(v.index()));
    std::visit([this](const auto& alternative) { (*this)(alternative); }, v);
  }

  template <class T>
  requires std::is_aggregate_v<T>
  void operator()(const T& v) {
    out_.block([&] { fields(*this, v); });
  }

  template <class E>
  void enumerator(E v, E) {
    out_.u8(static_cast<std::uint8_t>(v));
  }

  void require(bool) {}
  bool more() const { return true; }

  ByteWriter& out() { return out_; }

 private:
  ByteWriter out_;
};

class Decoder final {
 public:
  template <class T>
  using Ref = T&;

  explicit Decoder(ByteReader in) : in_(in) {}

  void operator()(bool& v) {
    const std::uint8_t byte = in_.u8();
    if (byte > 1) in_.fail();
    v = byte == 1;
  }
  void operator()(std::uint32_t& v) {
    const std::uint64_t wide = in_.varint();
    if (wide > UINT32_MAX) in_.fail();
    v = static_cast<std::uint32_t>(wide);
  }
  void operator()(std::uint64_t& v) { v = in_.varint(); }
  void operator()(std::int64_t& v) { v = in_.i64(); }
  void operator()(double& v) { v = in_.f64(); }
  void operator()(Timestamp& v) { v = Timestamp(std::chrono::milliseconds(in_.i64())); }
  template <std::size_t N>
  void operator()(std::array<std::uint8_t, N>& v) {
    const std::string_view bytes = in_.raw(v.size());
    if (in_.ok()) std::memcpy(v.data(), bytes.data(), v.size());
  }
  void operator()(std::string& v) { v = in_.string(); }
  void operator()(std::vector<float>& v) { v = in_.f32s(); }
  void operator()(std::vector<double>& v) { v = in_.f64s(); }

  template <class T>
  void operator()(std::vector<T>& v) {
    // Not reserved: an item in memory can be a hundred times its least encoded size.
    const std::size_t n = in_.count(1);
    v.clear();
    for (std::size_t i = 0; i < n && in_.ok(); ++i) (*this)(v.emplace_back());
  }

  template <class T>
  void operator()(std::optional<T>& v) {
    bool present = false;
    (*this)(present);
    v.reset();
    if (present) (*this)(v.emplace());
  }

  template <class... T>
  void operator()(std::variant<T...>& v) {
    const std::uint8_t tag = in_.u8();
    if (tag >= sizeof...(T)) return in_.fail();
    std::uint8_t index = 0;
    ((index++ == tag ? (*this)(v.template emplace<T>()) : void()), ...);
  }

  template <class T>
  requires std::is_aggregate_v<T>
  void operator()(T& v) {
    Decoder inner(in_.block());
    fields(inner, v);
    if (!inner.in_.ok()) in_.fail();
  }

  template <class E>
  void enumerator(E& v, E last) {
    const std::uint8_t byte = in_.u8();
    if (byte > static_cast<std::uint8_t>(last)) in_.fail();
    if (in_.ok()) v = static_cast<E>(byte);
  }

  void require(bool holds) {
    if (!holds) in_.fail();
  }
  bool more() const { return in_.more(); }

  ByteReader& in() { return in_; }

 private:
  ByteReader in_;
};

Error corrupt(std::string message) { return Error{ErrorCode::corrupt, std::move(message), ""}; }

/// False where no alternative of the body has this kind byte.
template <class... T>
bool make_body(std::uint8_t kind, std::variant<T...>& body) {
  return ((Kind<T>::byte == kind ? (body.template emplace<T>(), true) : false) || ...);
}

// The stored tag of a policy is its place in the variant, so a new policy goes to the end.
static_assert(std::same_as<std::variant_alternative_t<0, PolicyOptions>, LinUcbOptions>);
static_assert(std::same_as<std::variant_alternative_t<1, PolicyOptions>, LinTsOptions>);
static_assert(std::same_as<std::variant_alternative_t<2, PolicyOptions>, UniformOptions>);
static_assert(std::same_as<std::variant_alternative_t<3, PolicyOptions>, FixedOptions>);
static_assert(std::same_as<std::variant_alternative_t<4, PolicyOptions>, EpsilonGreedyOptions>);
static_assert(std::same_as<std::variant_alternative_t<5, PolicyOptions>, SquareCbOptions>);
static_assert(std::same_as<std::variant_alternative_t<6, PolicyOptions>, Ucb1Options>);
static_assert(std::same_as<std::variant_alternative_t<7, PolicyOptions>, BetaThompsonOptions>);
static_assert(std::same_as<std::variant_alternative_t<8, PolicyOptions>, DefaultOptions>);
static_assert(std::same_as<std::variant_alternative_t<9, PolicyOptions>, HybridLinUcbOptions>);

}  // namespace

std::string encode(const Record& record) {
  Encoder io;
  io.out().u8(kVersion);
  std::visit([&]<class Body>(const Body&) { io.out().u8(Kind<Body>::byte); }, record.body);
  io(record.id);
  io(record.time);
  std::visit([&](const auto& body) { fields(io, body); }, record.body);
  return io.out().take();
}

Result<Record> decode(std::string_view bytes) {
  Decoder io{ByteReader(bytes)};
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
