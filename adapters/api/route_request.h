#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/features/features.h"
#include "engine/values/result.h"
#include "engine/values/values.h"

namespace pointsman {

/// What the caller would trade quality for.
enum class Preference : std::uint8_t {
  router,   ///< Nothing was said: the router's own utility counts.
  quality,  ///< The words are profiles, which the router's configuration turns into dollars.
  balanced,
  cost,
  speed,
  explicit_dollars,  ///< value_usd and usd_per_second, as far as they were given.
};

/// Limits that filter the arms before anything else. Absent: no limit.
struct RouteConstraints {
  std::optional<double> max_cost_usd;    ///< ≥ 0
  std::optional<double> max_latency_ms;  ///< ≥ 0
  std::vector<std::string> require;      ///< Tags, without duplicates.
};

/// The body of POST /route. One object is meant to be used again and again: parsing into it keeps
/// the capacity of its strings and vectors, so a warm one allocates little. Not copyable, as
/// `features` holds views into it.
struct RouteRequest {
  RouteRequest() = default;
  RouteRequest(const RouteRequest&) = delete;
  RouteRequest& operator=(const RouteRequest&) = delete;

  std::string router = "default";
  bool has_router = false;  ///< The body names it.
  bool has_text = false;
  std::string text;
  std::vector<float> embedding;      ///< Empty: none was given.
  std::vector<FieldValue> features;  ///< In the caller's order; views into feature_bytes.
  std::string session_id;            ///< Empty: none.
  std::vector<std::string> arms;     ///< Empty: all of the router's.
  RouteConstraints constraints;
  Preference preference = Preference::router;
  std::optional<double> value_usd;       ///< ≥ 0; only with Preference::explicit_dollars.
  std::optional<double> usd_per_second;  ///< ≥ 0; the same.
  std::string query_id;                  ///< Empty: the server makes one.
  std::string metadata;                  ///< The caller's JSON, byte for byte; empty: none.
  bool dry_run = false;
  std::string fallback_of;  ///< The query_id of the decision whose arm failed; empty: none.
  /// Of the canonical body; set where query_id is given, as only then it is compared.
  std::optional<Fingerprint> body_fingerprint;

  std::string feature_bytes;  ///< Owns the names and strings of `features`.

  /// What FeatureEncoder::encode takes. Valid until the next parse or clear().
  RequestFeatures features_view() const;

  /// Back to an empty request; capacities stay.
  void clear();
};

/// Longest list that `arms`, `constraints.require` and `features` may hold.
inline constexpr std::size_t kMaxRouteArms = 256;
inline constexpr std::size_t kMaxRouteFeatures = 1024;

/// Parses the body of POST /route into `out`, which it clears first; after an error `out` is
/// unspecified until it is cleared. Errors as json_body.h has them: an empty field for bytes that
/// are not JSON, else the JSON pointer of the culprit: an unknown or repeated field, a wrong type
/// (null too), a number that is not finite or does not fit, an id that is not 1–200 printable
/// bytes, an arm named twice, an empty list, an empty text, or none of text, embedding and features
/// ("/text"; a fallback needs none, as its parent has the context). Inside `metadata` anything
/// goes. Safe from any thread: each has its own parser. Cost: about 1 µs for 0.5 KB, 30 µs for
/// 1,536 floats (bench/micro/json_bench.cc).
Status parse_route_request(std::string_view body, RouteRequest& out);

}  // namespace pointsman
