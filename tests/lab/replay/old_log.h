#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/policies/keyed_random.h"
#include "tests/engine/routers/router_driver.h"

namespace pointsman::lab {

inline RouterConfig config_of(const std::vector<std::string>& arms, const PolicyOptions& policy,
                              const std::string& field = "u") {
  RouterConfig config;
  config.policy = policy;
  config.features = FeatureLayout{.text_counters = false, .fields = {{field, {}}}};
  for (const std::string& arm : arms) config.arms.push_back(ArmSpec{.id = arm});
  return config;
}

/// An engine with routers by name, each of which describes a request by one number.
class Log final : public EngineDriver {
 public:
  using EngineDriver::EngineDriver;

  void configure(const std::string& router, RouterConfig config) {
    EngineDriver::configure({"default", router}, std::move(config));
  }

  Decision route(const std::string& router, const std::string& query_id, float u,
                 const std::string& only = "", const std::string& session = "") {
    DecideRequest request;
    const std::vector<float> raw{u};
    request.query_id = query_id;
    request.session_id = session;
    request.raw = raw;
    if (!only.empty()) request.arms = {only};
    return EngineDriver::route({"default", router}, std::move(request));
  }

  std::shared_ptr<const RouterSnapshot> snapshot(const std::string& router) const {
    return EngineDriver::snapshot({"default", router});
  }
};

inline const Scope kOld{"default", "old"};

/// Records `rounds` decisions of router "old", whose arms are drawn at random: "a" is right where u
/// is positive, "b" and "gone" where it is negative.
inline void fill(Log& log, int rounds) {
  log.configure("old", config_of({"a", "b", "gone"}, UniformOptions{}));
  for (int i = 0; i < rounds; ++i) {
    const std::string id = "old-" + std::to_string(i);
    KeyedRandom random(3, id);
    const float u = static_cast<float>(2.0 * random.next_unit() - 1.0);
    const Decision decision = log.route("old", id, u);
    const bool right = (decision.chosen == 0) == (u > 0.0F);
    log.rate(id, {right ? 1.0 : 0.0, 1.0});
  }
}

}  // namespace pointsman::lab
