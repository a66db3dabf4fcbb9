#include "server/services/signal_request.h"

#include <utility>

#include "adapters/json/canonical_json.h"
#include "adapters/json/json_body.h"

namespace pointsman {

IdempotencyKey key_of(IdempotencyKey named, nlohmann::json body) {
  body.erase("idempotency_key");
  named.body = fingerprint(body);
  return named;
}

std::optional<std::string> idempotency_header(const http::Request& request) {
  const auto value = request.headers.find("idempotency-key");
  if (!value) return std::nullopt;
  return std::string(*value);
}

Result<std::optional<std::string>> agreed_key(const std::optional<std::string>& in_body,
                                              const std::optional<std::string>& in_header) {
  if (in_header) {
    if (const std::string_view fault = id_fault(*in_header); !fault.empty()) {
      return invalid("/idempotency_key", "the Idempotency-Key header " + std::string(fault));
    }
    if (in_body && *in_body != *in_header) {
      return invalid("/idempotency_key",
                     "differs from the Idempotency-Key header; give one of them, or the same");
    }
    return in_header;
  }
  return in_body;
}

Result<AppendRequest> feedback_request(const nlohmann::json& body, const RewardAdapters& adapters,
                                       const SignalOrigin& origin) {
  ObjectReader reader(body, {});
  Feedback feedback;
  feedback.query_id = reader.require_id("query_id");
  feedback.signal_type = reader.optional_id("signal_type").value_or("thumbs");
  const nlohmann::json* payload = reader.require_object("payload");
  const auto body_key = reader.optional_id("idempotency_key");
  if (Status ok = reader.finish(); !ok) return ok.error();
  auto key = agreed_key(body_key, origin.header_key);
  if (!key) return key.error();
  auto reward = adapters.interpret(feedback.signal_type, *payload);
  if (!reward) return reward.error();
  feedback.reward = *reward;
  feedback.payload = canonical_json(*payload);
  const Fingerprint payload_print = sha256(feedback.payload);
  AppendRequest request =
      append_feedback(Scope{origin.tenant, ""}, origin.stamp, std::move(feedback), payload_print);
  if (*key) request.key = key_of({"feedback", **key, {}}, body);
  return request;
}

Result<AppendRequest> outcome_request(const nlohmann::json& body, const SignalOrigin& origin) {
  ObjectReader reader(body, {});
  Outcome outcome;
  outcome.query_id = reader.require_id("query_id");
  outcome.cost_usd = reader.optional_number("cost_usd", {.min = 0.0});
  outcome.latency_ms = reader.optional_number("latency_ms", {.min = 0.0});
  outcome.input_tokens = reader.optional_count("input_tokens");
  outcome.output_tokens = reader.optional_count("output_tokens");
  outcome.error = reader.optional_id("error").value_or("");
  const auto body_key = reader.optional_id("idempotency_key");
  if (reader.ok() && !outcome.cost_usd && !outcome.latency_ms && !outcome.input_tokens &&
      !outcome.output_tokens && outcome.error.empty()) {
    return invalid(std::string(kWholeBody),
                   "give at least one of cost_usd, latency_ms, input_tokens, output_tokens, error");
  }
  if (Status ok = reader.finish(); !ok) return ok.error();
  auto key = agreed_key(body_key, origin.header_key);
  if (!key) return key.error();
  AppendRequest request =
      append_outcome(Scope{origin.tenant, ""}, origin.stamp, std::move(outcome));
  if (*key) request.key = key_of({"outcome", **key, {}}, body);
  return request;
}

std::optional<Error> refusal(const Committed& committed, std::string_view what) {
  switch (committed.status) {
    case AppendStatus::recorded:
    case AppendStatus::revised:
    case AppendStatus::duplicate:
      return std::nullopt;
    case AppendStatus::conflict:
      return Error{ErrorCode::conflict, std::string(what) + " was used before with another content",
                   ""};
    case AppendStatus::unknown:
      return Error{ErrorCode::not_found, "no such decision, or its time for feedback has passed",
                   "/query_id"};
    case AppendStatus::failed:
      return invalid("/", committed.message);
  }
  return Error{ErrorCode::internal, "the store gave an unknown answer", ""};
}

}  // namespace pointsman
