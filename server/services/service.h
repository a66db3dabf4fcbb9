#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "adapters/rewards/reward_adapters.h"
#include "engine/routers.h"
#include "engine/store.h"
#include "server/clock.h"
#include "server/config/server_config.h"
#include "server/http/message.h"
#include "server/http/problem.h"
#include "server/http/routes.h"
#include "server/ids.h"
#include "server/workers.h"
#include "server/writer.h"

namespace pointsman {

class Follower;

/// What the services share. All of it outlives them and is safe from any thread (Routers: only
/// snapshot() and scopes(); the rest through Writer::run).
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

/// One request, authenticated, on its way through a service.
struct Call {
  http::Request request;
  http::RouteMatch match;
  std::string tenant;
  http::Responder responder;
};

/// One route. handle() runs on an I/O thread and must not block: it answers, or hands the
/// responder to the writer or the workers. A service without a socket is tested with
/// http::Responder::to().
class Service {
 public:
  virtual ~Service() = default;
  virtual void handle(Call call) = 0;
};

/// The one table from ErrorCode to HTTP status. Malformed JSON is 400, a broken schema 422;
/// unavailable, in_doubt and exhausted are 503 with Retry-After.
http::Response problem_of(const Error& error);

/// 503 with Retry-After, for a full queue or a server that goes down.
http::Response overloaded();

/// A record's id and time, from the system.
RecordStamp stamp(const Clock& clock);

/// Hands a job to the writer, or answers overloaded().
void submit(Writer& writer, std::unique_ptr<WriteJob> job);

/// Runs `answer` on a worker and responds with what it returns, or answers overloaded().
void answer_on_worker(Workers& workers, http::Responder responder,
                      std::function<http::Response()> answer);

http::Response json_response(std::string body);

/// The name that answers give to a status: "recorded", "revised", "duplicate".
const char* status_word(AppendStatus status);

}  // namespace pointsman
