#include "server/services/arms_service.h"

#include <functional>
#include <utility>

#include "adapters/arm_json.h"
#include "adapters/json_body.h"
#include "server/services/routers_service.h"

namespace pointsman {
namespace {

using Json = nlohmann::ordered_json;

/// One arm of one router.
struct ArmName {
  Scope scope;
  std::string arm;
};

const ArmModel* find_arm(const RouterSnapshot& snapshot, const std::string& id) {
  for (const auto& arm : snapshot.arms) {
    if (arm->spec.id == id) return arm.get();
  }
  return nullptr;
}

Error unknown_arm(const ArmName& name) {
  return Error{ErrorCode::not_found,
               "router \"" + name.scope.router + "\" has no arm \"" + name.arm + "\"", "/arm"};
}

http::Response answer(const ArmName& name, AppendStatus status, Json arm) {
  const Json body = {
      {"status", status_word(status)}, {"router", name.scope.router}, {"arm", std::move(arm)}};
  return json_response(body.dump(-1, ' ', false, Json::error_handler_t::replace));
}

/// Appends one record. On the writer's thread.
Status append(Routers& routers, AppendRequest request) {
  std::vector<AppendRequest> group;
  group.push_back(std::move(request));
  const auto committed = routers.commit(std::move(group));
  if (!committed) return committed.error();
  const Committed& only = committed->front();
  return only.status == AppendStatus::failed ? Status(invalid("/", only.message)) : Status(Done{});
}

http::Response put(ServiceContext& context, const ArmName& name, const ArmSpec& spec) {
  const auto snapshot = context.routers.snapshot(name.scope);
  if (!snapshot) return problem_of(unknown_router(name.scope.router));
  const ArmModel* before = find_arm(*snapshot, name.arm);
  if (before != nullptr && before->spec == spec) {
    return answer(name, AppendStatus::duplicate, arm_to_json(spec));
  }
  if (Status ok =
          append(context.routers, append_arm(name.scope, stamp(context.clock), ArmPut{spec}));
      !ok) {
    return problem_of(ok.error());
  }
  return answer(name, before == nullptr ? AppendStatus::recorded : AppendStatus::revised,
                arm_to_json(spec));
}

http::Response remove(ServiceContext& context, const ArmName& name) {
  const auto snapshot = context.routers.snapshot(name.scope);
  if (!snapshot) return problem_of(unknown_router(name.scope.router));
  if (find_arm(*snapshot, name.arm) == nullptr) return problem_of(unknown_arm(name));
  if (snapshot->arms.size() == 1) {
    return problem_of(Error{ErrorCode::conflict, "a router keeps at least one arm", "/arm"});
  }
  const RouterConfig& config = *snapshot->config;
  if (config.mode == ServingMode::shadow && config.shadow_arm == name.arm) {
    return problem_of(
        Error{ErrorCode::conflict, "in shadow mode this arm serves every call", "/arm"});
  }
  if (Status ok = append(context.routers, append_arm_removed(name.scope, stamp(context.clock),
                                                             ArmRemoved{name.arm}));
      !ok) {
    return problem_of(ok.error());
  }
  return answer(name, AppendStatus::recorded, name.arm);
}

/// Between two groups on the writer's thread, where what is read stays true until it is written.
void answer_on_writer(Writer& writer, http::Responder responder,
                      std::function<http::Response()> change) {
  auto shared = std::make_shared<http::Responder>(std::move(responder));
  const bool taken =
      writer.run([shared, change = std::move(change)] { shared->respond(change()); });
  if (!taken) shared->respond(overloaded());
}

}  // namespace

void ArmsService::handle(Call call) {
  const ArmName name{Scope{call.tenant, call.match.parameter("router")},
                     call.match.parameter("arm")};
  const auto snapshot = context_.routers.snapshot(name.scope);
  if (action_ == Action::read) {
    const ArmModel* arm = snapshot ? find_arm(*snapshot, name.arm) : nullptr;
    if (arm == nullptr) {
      return call.responder.respond(
          problem_of(snapshot ? unknown_arm(name) : unknown_router(name.scope.router)));
    }
    return call.responder.respond(json_response(arm_json(*arm).dump()));
  }
  if (action_ == Action::remove) {
    return answer_on_writer(context_.writer, std::move(call.responder),
                            [&context = context_, name] { return remove(context, name); });
  }
  if (const std::string_view fault = id_fault(name.arm); !fault.empty()) {
    return call.responder.respond(problem_of(invalid("/arm", std::string(fault))));
  }
  const auto body = parse_json_body(call.request.body);
  if (!body) return call.responder.respond(problem_of(body.error()));
  auto spec = arm_from_json(*body, name.arm);
  if (!spec) return call.responder.respond(problem_of(spec.error()));
  answer_on_writer(
      context_.writer, std::move(call.responder),
      [&context = context_, name, spec = *std::move(spec)] { return put(context, name, spec); });
}

}  // namespace pointsman
