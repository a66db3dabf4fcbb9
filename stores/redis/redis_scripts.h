#pragma once

namespace pointsman {

/// The Lua of stores/redis/, in the binary. Each file says what it takes and gives.
extern const char* const kRedisAppendScript;
extern const char* const kRedisReadScript;
extern const char* const kRedisCheckpointScript;
extern const char* const kRedisDropScript;
extern const char* const kRedisPruneScript;

}  // namespace pointsman
