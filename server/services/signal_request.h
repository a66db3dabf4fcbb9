#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "adapters/rewards/reward_adapters.h"
#include "engine/log/append_requests.h"
#include "engine/routers/routers.h"
#include "engine/values/result.h"
#include "server/http/message.h"

namespace pointsman {

/// Where a signal came from and when.
struct SignalOrigin {
  std::string tenant;
  RecordStamp stamp;
  std::optional<std::string> header_key;  ///< Of the Idempotency-Key header.
};

/// The value of the Idempotency-Key header, where there is one.
std::optional<std::string> idempotency_header(const http::Request& request);

/// The body's idempotency_key and the header's, which must agree where both are there.
/// Errors: `invalid` at /idempotency_key.
Result<std::optional<std::string>> agreed_key(const std::optional<std::string>& in_body,
                                              const std::optional<std::string>& in_header);

/// `named` with the fingerprint of `body`, which leaves the key itself out, so that a key in the
/// header and the same key in the body mean the same request.
IdempotencyKey key_of(IdempotencyKey named, nlohmann::json body);

/// A POST /feedback body as a record to append. Errors: `invalid`, with the pointer.
Result<AppendRequest> feedback_request(const nlohmann::json& body, const RewardAdapters& adapters,
                                       const SignalOrigin& origin);

/// A POST /outcome body as a record to append.
Result<AppendRequest> outcome_request(const nlohmann::json& body, const SignalOrigin& origin);

/// The error that an append which was not recorded answers with; nothing where it was, or where it
/// is a duplicate.
std::optional<Error> refusal(const Committed& committed, std::string_view what);

}  // namespace pointsman
