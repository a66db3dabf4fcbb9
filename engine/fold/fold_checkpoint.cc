// Checkpoints of RouterFold: the exact master state and the counters, one chunk an arm, and a
// manifest, written last, that holds a CRC32C of every other chunk and of itself.

#include <algorithm>
#include <bit>
#include <utility>

#include "engine/fold/default_policy.h"
#include "engine/fold/router_fold.h"
#include "engine/log/record_codec.h"
#include "engine/values/bytes.h"
#include "engine/values/crc32c.h"

namespace pointsman {
namespace {

constexpr std::uint32_t kFormat = 4;
constexpr const char* kManifest = "manifest";

/// The state's digest: FNV-1a's step (Fowler, Noll & Vo) over 64-bit words, with the high half
/// folded down so that every bit of a double counts.
class StateHash final {
 public:
  void word(std::uint64_t value) {
    hash_ = (hash_ ^ value) * 0x100000001b3ULL;
    hash_ ^= hash_ >> 32U;
  }
  void number(double value) { word(std::bit_cast<std::uint64_t>(value)); }
  void numbers(std::span<const double> values) {
    for (const double value : values) number(value);
  }
  void text(std::string_view value) {
    for (const char c : value) word(static_cast<unsigned char>(c));
    word(value.size());
  }
  std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

void write_arm(ByteWriter& out, const RouterFold::Arm& arm) {
  // The codec of records already knows how to write an ArmSpec.
  out.string(encode(Record{RecordId{}, Timestamp{}, ArmPut{arm.spec}}));
  out.u64(arm.since);
  out.u64(arm.priced_since);
  out.u8(arm.joined_late ? 1 : 0);
  const ArmStats& s = arm.stats;
  out.u64(s.pulls);
  out.f64(s.observation_weight);
  out.f64(s.reward_sum);
  out.u64(s.costs);
  out.f64(s.cost_sum);
  out.u64(s.latencies);
  out.f64(s.latency_sum);
  out.f64(s.aged_weight);
  out.f64(s.aged_reward_sum);
  const LinearPosterior::State state = arm.posterior.state();
  out.f64s(state.a);
  out.f64s(state.p.matrix);
  out.f64s(state.b);
  out.f64s(state.theta);
  out.u32(state.steps);
  if (state.p.shrinks.empty()) return;  // As a release wrote it in which no step waited.
  out.f64s(state.p.shrinks);
  out.f64s(state.p.directions);
}

bool read_arm(ByteReader& in, RouterFold::Arm& arm) {
  auto record = decode(in.string());
  if (!record) return false;
  auto* put = std::get_if<ArmPut>(&record->body);
  if (put == nullptr) return false;
  arm.spec = std::move(put->arm);
  arm.since = in.u64();
  arm.priced_since = in.u64();
  arm.joined_late = in.u8() != 0;
  ArmStats& s = arm.stats;
  s.pulls = in.u64();
  s.observation_weight = in.f64();
  s.reward_sum = in.f64();
  s.costs = in.u64();
  s.cost_sum = in.f64();
  s.latencies = in.u64();
  s.latency_sum = in.f64();
  s.aged_weight = in.f64();
  s.aged_reward_sum = in.f64();
  LinearPosterior::State state;
  state.a = in.f64s();
  state.p.matrix = in.f64s();
  state.b = in.f64s();
  state.theta = in.f64s();
  state.steps = in.u32();
  if (in.more()) {
    state.p.shrinks = in.f64s();
    state.p.directions = in.f64s();
  }
  return in.ok() && arm.posterior.restore(state);
}

}  // namespace

std::uint64_t RouterFold::checksum() const {
  StateHash hash;
  hash.word(decisions_);
  hash.number(pacer_.lambda());
  hash.number(pacer_.account());
  hash.number(pacer_.spent_today_usd());
  if (!config_) return hash.value();
  hash.word(standardiser_->version());
  hash.numbers(standardiser_->revision().mean);
  hash.numbers(standardiser_->revision().scale);
  for (const auto& arm : arms_) {
    hash.text(arm->spec.id);
    hash.word(arm->stats.pulls);
    hash.number(arm->stats.observation_weight);
    hash.number(arm->stats.reward_sum);
    hash.number(arm->stats.aged_weight);
    hash.number(arm->stats.aged_reward_sum);
    hash.word(arm->stats.costs);
    hash.number(arm->stats.cost_sum);
    const LinearPosterior::State state = arm->posterior.state();
    hash.numbers(state.a);
    hash.numbers(state.p.matrix);
    hash.numbers(state.b);
    hash.numbers(state.theta);
    hash.word(state.steps);
    hash.numbers(state.p.shrinks);
    hash.numbers(state.p.directions);
  }
  if (shared_) {
    const SharedPosterior::State shared = shared_->state();
    hash.numbers(shared.inverse);
    hash.numbers(shared.beta);
    hash.word(shared.steps);
  }
  return hash.value();
}

std::optional<Checkpoint> RouterFold::checkpoint() const {
  if (!config_ || standardiser_->version() < Standardiser::kFrozenVersion) return std::nullopt;
  Checkpoint checkpoint;
  checkpoint.scope = scope_;
  checkpoint.format = kFormat;
  checkpoint.position = position_;
  checkpoint.checksum = checksum();

  ByteWriter manifest;
  manifest.u64(position_);
  manifest.string({reinterpret_cast<const char*>(last_id_.data()), last_id_.size()});
  manifest.i64(last_time_.time_since_epoch().count());
  manifest.u64(checkpoint.checksum);
  manifest.u64(decisions_);
  manifest.u64(layout_since_);
  manifest.string(encode(Record{RecordId{}, Timestamp{}, *config_}));
  manifest.string(encode(Record{RecordId{}, Timestamp{}, standardiser_->revision()}));
  manifest.varint(ageings_.size());
  for (const Ageing& ageing : ageings_) manifest.u64(ageing.position);
  const auto sessions = sessions_->entries();
  manifest.varint(sessions.size());
  for (const auto& [session_id, sticky] : sessions) {
    manifest.string(session_id);
    manifest.string(sticky.arm);
    manifest.string(sticky.decision);
  }
  manifest.varint(frozen_.spans().size());
  for (const auto& [from, to] : frozen_.spans()) {
    manifest.u64(from);
    manifest.u64(to);
  }
  manifest.u64(budget_since_);
  pacer_.write(manifest);
  manifest.varint(arms_.size());
  for (const auto& arm : arms_) {
    ByteWriter chunk;
    write_arm(chunk, *arm);
    std::string bytes = chunk.take();
    manifest.u32(crc32c(bytes));
    checkpoint.chunks.emplace_back("arm:" + arm->spec.id, std::move(bytes));
  }
  if (shared_) {
    const SharedPosterior::State shared = shared_->state();
    manifest.f64s(shared.inverse);
    manifest.f64s(shared.beta);
    manifest.u32(shared.steps);
  }
  for (const Ageing& ageing : ageings_) manifest.f64(ageing.keep);
  std::string bytes = manifest.take();
  ByteWriter trailer;
  trailer.u32(crc32c(bytes));
  bytes += trailer.bytes();
  checkpoint.chunks.emplace_back(kManifest, std::move(bytes));
  return checkpoint;
}

bool RouterFold::restore(const Checkpoint& checkpoint) {
  if (checkpoint.format != kFormat || checkpoint.chunks.empty()) return false;
  if (checkpoint.chunks.back().first != kManifest) return false;
  const std::string_view bytes = checkpoint.chunks.back().second;
  if (bytes.size() < 4) return false;
  ByteReader trailer(bytes.substr(bytes.size() - 4));
  const std::string_view body = bytes.substr(0, bytes.size() - 4);
  if (trailer.u32() != crc32c(body)) return false;

  ByteReader in(body);
  position_ = in.u64();
  const std::string_view last_id = in.string();
  if (last_id.size() != last_id_.size()) return false;
  std::copy(last_id.begin(), last_id.end(), last_id_.begin());
  last_time_ = Timestamp(std::chrono::milliseconds(in.i64()));
  const std::uint64_t checksum_then = in.u64();
  decisions_ = in.u64();
  const LogPosition layout_since = in.u64();
  auto config_record = decode(in.string());
  auto schema_record = decode(in.string());
  if (!config_record || !schema_record) return false;
  auto* config = std::get_if<RouterConfig>(&config_record->body);
  auto* schema = std::get_if<SchemaRevision>(&schema_record->body);
  if (config == nullptr || schema == nullptr) return false;

  bound_learner(config->policy, config->posterior, config->propensity_floor);
  config_ = std::make_shared<const RouterConfig>(std::move(*config));
  encoder_ = std::make_shared<const FeatureEncoder>(config_->features, options_.text_model);
  std::vector<std::uint32_t> inputs = map_inputs(*config_);
  if (!Standardiser::fits(*schema, raw_dims(config_->features), inputs)) return false;
  standardiser_ = std::make_shared<const Standardiser>(*schema, std::move(inputs));
  set_priors();
  layout_since_ = layout_since;
  for (std::size_t n = in.count(8); n > 0; --n) ageings_.push_back({in.u64(), age_keep()});
  for (std::size_t n = in.count(3); n > 0; --n) {
    std::string session(in.string());
    std::string arm(in.string());
    std::string drew(in.string());
    sessions_->put(session, StickyArm{std::move(arm), std::move(drew)});
  }
  for (std::size_t n = in.count(16); n > 0; --n) {
    const LogPosition from = in.u64();
    frozen_.restore(from, in.u64());
  }
  budget_since_ = in.u64();
  pacer_.configure(config_->budget, config_->utility.value_usd);
  BudgetPacer pacer = pacer_;
  if (!pacer.read(in)) return false;
  const std::size_t arms = in.count(4);
  if (!in.ok() || arms + 1 != checkpoint.chunks.size()) return false;
  for (std::size_t i = 0; i < arms; ++i) {
    const std::string& chunk = checkpoint.chunks[i].second;
    if (in.u32() != crc32c(chunk)) return false;
    Arm& arm = add_arm(ArmSpec{}, 0, false);
    ByteReader reader(chunk);
    if (!read_arm(reader, arm)) return false;
  }
  if (shared_) {
    SharedPosterior::State shared;
    shared.inverse = in.f64s();
    shared.beta = in.f64s();
    shared.steps = in.u32();
    if (!in.ok() || !shared_->restore(shared)) return false;
  }
  if (in.more()) {  // A checkpoint of an earlier release ends here: γ was always that of now.
    for (Ageing& ageing : ageings_) ageing.keep = in.f64();
  }
  shared_stale_ = false;
  pacer_ = std::move(pacer);  // Now that adding the arms cannot make it forget.
  return in.ok() && checkpoint.position == position_ && checksum() == checksum_then;
}

}  // namespace pointsman
