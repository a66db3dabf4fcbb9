#pragma once

#include <string_view>

namespace pointsman {

/// The Lua of stores/redis/, which cmake/EmbedFiles.cmake puts into the library. Each file says
/// what it takes and gives.
extern const std::string_view kRedisAppendScript;
extern const std::string_view kRedisReadScript;
extern const std::string_view kRedisCheckpointScript;
extern const std::string_view kRedisDropScript;
extern const std::string_view kRedisPruneScript;

}  // namespace pointsman
