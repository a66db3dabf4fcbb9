#pragma once

#include <functional>
#include <optional>
#include <string>

#include "server/services/service.h"

namespace pointsman {

/// An arm to call where no decision could be recorded. No arm: none is known.
struct SpareArm {
  std::string arm;
  std::string model;
};

/// Puts a decision into the log and answers POST /route: after the commit, or, where decisions are
/// queued, at once. Past the commit's time or with the store away: 503 with the arm as a fallback.
/// A query_id that the log has already answers as it did then, or 409 where the body differs.
/// Precondition: `request` is of append_decision(). Any thread.
void commit_decision(ServiceContext& context, http::Call call, AppendRequest request);

/// The same of a decision that is made on the writer's thread, because its router rests. `decide`
/// makes it there, or says who answers where there is nothing to record; `spare` is the fallback
/// until then, and where the router cannot wake.
struct LateDecision {
  Scope scope;
  SpareArm spare;
  std::function<WriteJob::Answer(const RouterSnapshot&, std::optional<AppendRequest>&)> decide;
};
void commit_late_decision(ServiceContext& context, http::Call call, LateDecision decision);

}  // namespace pointsman
