#include "adapters/api/route_answer.h"

#include <array>
#include <cassert>
#include <cstddef>
#include <utility>

#include "adapters/json/json_text.h"
#include "adapters/json/rfc3339.h"

namespace pointsman {
namespace {

constexpr std::array<std::string_view, 7> kReasons{"exploit",       "explore", "nursery", "sticky",
                                                   "only_eligible", "shadow",  "fallback"};

void append_optional(std::optional<double> value, std::string& out) {
  if (value) {
    append_json_number(*value, out);
  } else {
    out += "null";
  }
}

void append_arm(const ArmView& arm, std::string& out) {
  out += R"({"arm":)";
  append_json_string(arm.arm, out);
  out += R"(,"propensity":)";
  append_json_number(arm.propensity, out);
  out += R"(,"expected_reward":)";
  append_json_number(arm.expected_reward, out);
  out += R"(,"uncertainty":)";
  append_json_number(arm.uncertainty, out);
  out += R"(,"expected_cost_usd":)";
  append_optional(arm.expected_cost_usd, out);
  out += R"(,"expected_latency_ms":)";
  append_optional(arm.expected_latency_ms, out);
  out += R"(,"utility":)";
  append_json_number(arm.utility, out);
  if (!arm.excluded.empty()) {
    out += R"(,"excluded":)";
    append_json_string(arm.excluded, out);
  }
  out += '}';
}

}  // namespace

std::string_view reason_name(Reason reason) {
  const auto index = static_cast<std::size_t>(reason);
  assert(index < kReasons.size());
  return kReasons[index];
}

std::optional<Reason> reason_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    if (kReasons[i] == name) return static_cast<Reason>(i);
  }
  return std::nullopt;
}

void append_route_answer(const RouteAnswer& answer, std::string& out) {
  const Decision& decision = answer.decision;
  assert(decision.chosen < decision.arms.size());
  const ArmView& chosen = decision.arms[decision.chosen];

  out += R"({"query_id":)";
  if (decision.query_id.empty()) {
    out += "null";
  } else {
    append_json_string(decision.query_id, out);
  }
  out += R"(,"router":)";
  append_json_string(answer.router, out);
  out += R"(,"arm":)";
  append_json_string(chosen.arm, out);
  out += R"(,"model":)";
  append_json_string(decision.model, out);
  out += R"(,"propensity":)";
  append_json_number(chosen.propensity, out);
  out += R"(,"reason":)";
  append_json_string(reason_name(decision.reason), out);
  out += R"(,"fallbacks":[)";
  const char* separator = "";
  for (const std::string& arm : decision.fallbacks) {
    out += std::exchange(separator, ",");
    append_json_string(arm, out);
  }
  out += R"(],"expires_at":")";
  append_rfc3339(decision.expires_at, out);
  out += answer.stored ? R"(","stored":true,"arms":[)" : R"(","stored":false,"arms":[)";
  separator = "";
  for (const ArmView& arm : decision.arms) {
    out += std::exchange(separator, ",");
    append_arm(arm, out);
  }
  out += "]}";
}

}  // namespace pointsman
