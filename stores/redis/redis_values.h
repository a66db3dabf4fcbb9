#pragma once

#include <string>
#include <vector>

#include "engine/values/result.h"
#include "stores/redis/redis_nodes.h"

namespace pointsman {

/// The values of these keys, '' where there is none. One MGET, or one GET a key where a cluster may
/// have them on different nodes; all in one round with the commands that go `before`. Errors: those
/// of RedisNodes::ask().
Result<std::vector<std::string>> redis_values(RedisNodes& nodes,
                                              const std::vector<std::string>& keys, bool cluster,
                                              std::vector<RedisCommand> before = {});

}  // namespace pointsman
