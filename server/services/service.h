#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "adapters/rewards/reward_adapters.h"
#include "engine/log/store.h"
#include "engine/routers/routers.h"
#include "server/core/clock.h"
#include "server/core/ids.h"
#include "server/core/workers.h"
#include "server/core/writer.h"
#include "server/http/answers.h"
#include "server/http/service.h"

namespace pointsman {

class Follower;

/// What the services share. All of it outlives them and is safe from any thread (Routers: only
/// snapshot(), view(), scopes() and rest_counters(); the rest through Writer::run).
struct ServiceContext {
  Store& store;
  Routers& routers;
  Writer& writer;
  Workers& workers;
  const RewardAdapters& adapters;
  const Clock& clock;
  DecisionDurability durability = DecisionDurability::commit;
  const Follower* follower = nullptr;  ///< Null where no other process appends.
};

using http::json_response;
using http::overloaded;
using http::problem_of;

/// A record's id and time, from the system.
RecordStamp stamp(const Clock& clock);

/// Hands a job to the writer, or answers overloaded().
void submit(Writer& writer, std::unique_ptr<WriteJob> job);

/// Runs `answer` on a worker and responds with what it returns, or answers overloaded().
void answer_on_worker(Workers& workers, http::Responder responder,
                      std::function<http::Response()> answer);

/// Runs `answer` on the writer's thread between two groups, where what it reads stays true until it
/// has written, and responds with what it returns, or answers overloaded().
void answer_on_writer(Writer& writer, http::Responder responder,
                      std::function<http::Response()> answer);

/// A router's newest snapshot, which wakes where it rests. On the writer's thread. Errors:
/// `not_found`, and `unavailable` where it could not wake, whatever kept it from it.
Result<std::shared_ptr<const RouterSnapshot>> awake_snapshot(Routers& routers, const Scope& scope);

/// Responds with what `answer` makes of a router's newest snapshot: at once, or, where the router
/// rests, on the writer's thread. Any thread.
void answer_of_router(ServiceContext& context, http::Responder responder, const Scope& scope,
                      std::function<http::Response(const RouterSnapshot&)> answer);

/// `not_found`, at /router.
Error unknown_router(const std::string& name);

/// The name that answers give to a status: "recorded", "revised", "duplicate".
const char* status_word(AppendStatus status);

}  // namespace pointsman
