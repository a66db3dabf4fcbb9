#include "server/services/arms_service.h"

#include <functional>
#include <utility>

#include "adapters/api/arm_json.h"
#include "adapters/json/json_body.h"
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
  const auto awake = awake_snapshot(context.routers, name.scope);
  if (!awake) return problem_of(awake.error());
  const ArmModel* before = find_arm(**awake, name.arm);
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
  const auto awake = awake_snapshot(context.routers, name.scope);
  if (!awake) return problem_of(awake.error());
  const std::shared_ptr<const RouterSnapshot>& snapshot = *awake;
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

}  // namespace

void ArmsService::handle(http::Call call) {
  const ArmName name{Scope{call.caller.tenant, call.match.parameter("router")},
                     call.match.parameter("arm")};
  if (action_ == Action::read) {
    return answer_of_router(
        context_, std::move(call.responder), name.scope, [name](const RouterSnapshot& snapshot) {
          const ArmModel* arm = find_arm(snapshot, name.arm);
          return arm ? json_response(arm_json(*arm).dump()) : problem_of(unknown_arm(name));
        });
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
