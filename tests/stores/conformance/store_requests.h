#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/log/store.h"

namespace pointsman::testing_stores {

inline const Scope kScope{"acme", "default"};

inline Timestamp at(std::int64_t seconds) { return Timestamp(std::chrono::seconds(seconds)); }

constexpr std::int64_t kDay = 24 * 3600;
constexpr std::int64_t kStart = 1'790'000'000;

/// Stands for the SHA-256 of a body: equal texts, equal prints (up to 32 characters).
inline Fingerprint print_of(std::string_view text) {
  Fingerprint made{};
  std::copy_n(text.begin(), std::min(text.size(), made.size()), made.begin());
  return made;
}

/// A different id for each record of this process.
inline RecordId next_id() {
  static std::atomic<std::uint64_t> counter{1};
  const std::uint64_t n = counter.fetch_add(1);
  RecordId id{};
  std::memcpy(id.data(), &n, sizeof(n));
  return id;
}

struct DecisionSpec {
  std::string query_id{};
  Scope scope = kScope;
  std::string session_id{};
  std::string body = "body";  ///< What its fingerprint is made of.
  std::string arm = "a";
  std::int64_t time = kStart;
  std::int64_t open_for = 30 * kDay;
};

inline AppendRequest decision(const DecisionSpec& spec) {
  Decision made;
  made.query_id = spec.query_id;
  made.session_id = spec.session_id;
  made.raw = {1.0F, 2.0F};
  made.arms.resize(1);
  made.arms[0].arm = spec.arm;
  made.arms[0].propensity = 1.0;
  made.model = spec.arm;
  made.expires_at = at(spec.time + spec.open_for);
  AppendRequest request;
  request.scope = spec.scope;
  request.record = {next_id(), at(spec.time), std::move(made)};
  request.subject_kind = SubjectKind::decision;
  request.subject = spec.query_id;
  request.creates_subject = true;
  request.slots = {{"decision", print_of(spec.body)}};
  return request;
}

struct FeedbackSpec {
  std::string query_id{};
  std::string payload = "up";
  std::string signal_type = "thumbs";
  std::optional<std::string> key{};
  std::string key_body{};  ///< Of the key's fingerprint; empty: the payload.
  std::string tenant = kScope.tenant;
  std::string router{};  ///< Empty: the decision's.
  double reward = 1.0;
  std::int64_t time = kStart + 10;
};

inline std::optional<IdempotencyKey> key_of(const std::optional<std::string>& key,
                                            std::string_view route, std::string_view body) {
  if (!key) return std::nullopt;
  return IdempotencyKey{std::string(route), *key, print_of(body)};
}

inline AppendRequest feedback(const FeedbackSpec& spec) {
  AppendRequest request;
  request.scope = {spec.tenant, spec.router};
  request.record = {next_id(), at(spec.time),
                    Feedback{spec.query_id, spec.signal_type, {spec.reward, 1.0}, spec.payload}};
  request.key = key_of(spec.key, "feedback", spec.key_body.empty() ? spec.payload : spec.key_body);
  request.subject_kind = SubjectKind::decision;
  request.subject = spec.query_id;
  request.slots = {{spec.signal_type, print_of(spec.payload)}};
  return request;
}

struct OutcomeSpec {
  std::string query_id{};
  std::optional<double> cost_usd{};
  std::optional<double> latency_ms{};
  std::int64_t time = kStart + 5;
};

/// An outcome has one slot a field.
inline AppendRequest outcome(const OutcomeSpec& spec) {
  AppendRequest request;
  request.scope = {kScope.tenant, ""};
  Outcome made;
  made.query_id = spec.query_id;
  made.cost_usd = spec.cost_usd;
  made.latency_ms = spec.latency_ms;
  request.record = {next_id(), at(spec.time), made};
  request.subject_kind = SubjectKind::decision;
  request.subject = spec.query_id;
  if (spec.cost_usd) {
    request.slots.push_back({"outcome.cost_usd", print_of(std::to_string(*spec.cost_usd))});
  }
  if (spec.latency_ms) {
    request.slots.push_back({"outcome.latency_ms", print_of(std::to_string(*spec.latency_ms))});
  }
  return request;
}

struct SessionSpec {
  std::string session_id{};
  std::string router = kScope.router;
  std::string payload = "good";
  std::string signal_type = "rating";
  std::optional<std::string> key{};
  std::int64_t time = kStart + 20;
};

inline AppendRequest session_feedback(const SessionSpec& spec) {
  AppendRequest request;
  request.scope = {kScope.tenant, spec.router};
  request.record = {
      next_id(), at(spec.time),
      SessionFeedback{spec.session_id, spec.signal_type, {1.0, 1.0}, .5, spec.payload}};
  request.key = key_of(spec.key, "session", spec.payload);
  request.subject_kind = SubjectKind::session;
  request.subject = spec.session_id;
  request.slots = {{spec.signal_type, print_of(spec.payload)}};
  return request;
}

/// A router's configuration: the first of a hash wins.
inline AppendRequest config(const std::string& hash) {
  AppendRequest request;
  request.scope = kScope;
  RouterConfig made;
  made.source_hash = hash;
  request.record = {next_id(), at(kStart), made};
  request.subject_kind = SubjectKind::router;
  request.first_wins = true;
  request.slots = {{"config:" + hash, print_of(hash)}};
  return request;
}

}  // namespace pointsman::testing_stores
