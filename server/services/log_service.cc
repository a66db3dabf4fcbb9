#include "server/services/log_service.h"

#include <optional>
#include <utility>

#include "adapters/api/record_json.h"
#include "server/http/problem.h"
#include "server/services/query_parameters.h"

namespace pointsman {
namespace {

constexpr std::uint64_t kMostRecords = 10'000;
constexpr std::uint64_t kLongestWaitSeconds = 60;
constexpr std::size_t kMostWaiting = 1'000;
constexpr std::chrono::milliseconds kLook{20};

/// The newest position of a router that readers know of; nothing where there is no such router.
std::optional<LogPosition> position_of(const Routers& routers, const Scope& scope) {
  if (const auto snapshot = routers.snapshot(scope)) return snapshot->position;
  const RouterView view = routers.view(scope);
  if (view.snapshot) return view.snapshot->position;
  if (view.resting) return view.resting->position;
  return std::nullopt;
}

/// 410, with the position from which on the log can be read.
http::Response gone(Store& store, const Scope& scope, const Error& error) {
  const auto first = store.pruned_below(scope);
  if (!first) return problem_of(first.error());
  return http::problem(
      http::Problem{.status = 410, .detail = error.message, .first_position = *first});
}

http::Response read_log(Store& store, const Scope& scope, LogPosition after, std::size_t limit) {
  const auto records = store.scan(scope, after, limit);
  if (!records && records.error().code == ErrorCode::pruned) {
    return gone(store, scope, records.error());
  }
  if (!records) return problem_of(records.error());
  http::Response response;
  response.content_type = "application/x-ndjson";
  for (const StoredRecord& stored : *records) {
    response.body +=
        record_to_json(stored).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    response.body += '\n';
  }
  return response;
}

}  // namespace

LogService::LogService(ServiceContext& context, const std::atomic<bool>& draining)
    : context_(context), draining_(draining), watcher_([this] { watch(); }) {}

LogService::~LogService() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  watcher_.join();
}

void LogService::handle(http::Call call) {
  const http::Request& request = call.request;
  if (Status ok = refuse_unknown(request, {"router", "after", "limit", "wait_s"}); !ok) {
    return call.responder.respond(problem_of(ok.error()));
  }
  const auto after = read_parameter(request, {.name = "after", .otherwise = 0, .max = INT64_MAX});
  const auto limit =
      read_parameter(request, {.name = "limit", .otherwise = 1'000, .max = kMostRecords});
  const auto wait =
      read_parameter(request, {.name = "wait_s", .otherwise = 0, .max = kLongestWaitSeconds});
  for (const auto* number : {&after, &limit, &wait}) {
    if (!*number) return call.responder.respond(problem_of(number->error()));
  }
  Reader reader{
      Scope{call.caller.tenant, std::string(request.parameter("router").value_or("default"))},
      *after, static_cast<std::size_t>(*limit),
      std::chrono::steady_clock::now() + std::chrono::seconds(*wait), std::move(call.responder)};
  const auto position = position_of(context_.routers, reader.scope);
  if (!position) {
    return reader.responder.respond(
        problem_of(Error{ErrorCode::not_found, "no such router", "?router"}));
  }
  if (*wait == 0 || *position > reader.after) return answer(std::move(reader));
  if (context_.routers.view(reader.scope).resting) {
    // Where others append, only the log of a router that is awake is followed.
    context_.writer.run([&routers = context_.routers, scope = reader.scope] {
      static_cast<void>(routers.wake(scope));
    });
  }
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.size() < kMostWaiting) {
      waiting_.push_back(std::move(reader));
      wake_.notify_one();
      return;
    }
  }
  reader.responder.respond(overloaded());
}

void LogService::answer(Reader reader) {
  answer_on_worker(context_.workers, std::move(reader.responder),
                   [&store = context_.store, scope = std::move(reader.scope), after = reader.after,
                    limit = reader.limit] { return read_log(store, scope, after, limit); });
}

void LogService::watch() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (waiting_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const auto now = std::chrono::steady_clock::now();
    for (auto at = waiting_.begin(); at != waiting_.end();) {
      const auto position = position_of(context_.routers, at->scope);
      if (!draining_.load() && now < at->deadline && position && *position <= at->after) {
        ++at;
        continue;
      }
      answer(std::move(*at));
      at = waiting_.erase(at);
    }
    wake_.wait_for(lock, kLook);
  }
}

}  // namespace pointsman
