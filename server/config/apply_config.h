#pragma once

#include <functional>
#include <vector>

#include "engine/log/append_requests.h"
#include "server/config/server_config.h"

namespace pointsman {

/// What applies a configuration: one RouterConfig a router, in the order of the file, each under
/// the next stamp. A section that the log has already is answered `duplicate` and changes nothing,
/// so that a rolling restart cannot flip a router back; `force` appends it all the same.
/// A router that the file no longer names stays as its log has it.
std::vector<AppendRequest> config_requests(const ServerConfig& config,
                                           const std::function<RecordStamp()>& stamps, bool force);

}  // namespace pointsman
