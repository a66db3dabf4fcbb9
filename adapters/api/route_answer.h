#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/log/records.h"

namespace pointsman {

/// A reason as JSON writes it: "exploit", "only_eligible", …
std::string_view reason_name(Reason reason);
std::optional<Reason> reason_from_name(std::string_view name);

/// What the answer of POST /route says beside the Decision.
struct RouteAnswer {
  std::string_view router;
  const Decision& decision;
  bool stored = true;  ///< False: queued and not yet durable, or a dry run.
};

/// Appends the body of a 200 answer to POST /route, its fields in the order of the contract.
/// Doubles are the shortest that read back the same; an unknown cost or latency is null; an empty
/// query_id (a dry run) is null; `excluded` stands only at arms that were not eligible.
/// Precondition: decision.chosen < decision.arms.size(). Safe from any thread.
void append_route_answer(const RouteAnswer& answer, std::string& out);

}  // namespace pointsman
