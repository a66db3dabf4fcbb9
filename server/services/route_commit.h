#pragma once

#include "server/services/service.h"

namespace pointsman {

/// Puts a decision into the log and answers POST /route: after the commit, or, where decisions are
/// queued, at once. Past the commit's time or with the store away: 503 with the arm as a fallback.
/// A query_id that the log has already answers as it did then, or 409 where the body differs.
/// Precondition: `request` is of append_decision(). Any thread.
void commit_decision(ServiceContext& context, Call call, AppendRequest request);

}  // namespace pointsman
