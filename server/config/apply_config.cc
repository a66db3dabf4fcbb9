#include "server/config/apply_config.h"

namespace pointsman {

std::vector<AppendRequest> config_requests(const ServerConfig& config,
                                           const std::function<RecordStamp()>& stamps, bool force) {
  std::vector<AppendRequest> requests;
  requests.reserve(config.routers.size());
  for (const RouterEntry& router : config.routers) {
    requests.push_back(
        append_config(Scope{router.tenant, router.name}, stamps(), router.config, force));
  }
  return requests;
}

}  // namespace pointsman
