#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "tests/redis_server.h"

namespace pointsman::testing_redis {

inline void await(const std::function<bool()>& done, const char* what) {
  for (int i = 0; i < 3000; ++i) {
    if (done()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ADD_FAILURE() << what;
}

/// A field of INFO replication, read by a script because an inline answer has one line.
inline bool is_linked(const RedisServer& server) {
  const std::string up = "string.find(redis.call('INFO','replication'),'master_link_status:up')";
  return server.command("EVAL \"return " + up + "and(1)or(0)\" 0") == ":1";
}

/// `from` takes the history of `primary`, and follows it.
inline void follow(const RedisServer& from, const RedisServer& primary) {
  ASSERT_EQ(from.command("REPLICAOF 127.0.0.1 " + std::to_string(primary.port())), "+OK");
  await([&] { return is_linked(from); }, "the replica does not link up");
}

/// How many bytes of replication the server has written or taken.
inline std::uint64_t replication_offset(const RedisServer& server) {
  const std::string answer = server.command(
      "EVAL \"return tonumber(string.match(redis.call('INFO','replication'),"
      "'master_repl_offset:(%d+)'))\" 0");
  EXPECT_TRUE(answer.starts_with(':')) << answer;
  return answer.starts_with(':') ? std::stoull(answer.substr(1)) : 0;
}

/// Everything that the primary has taken is on the replica. (WAIT speaks of the writes of its own
/// connection only.)
inline void await_copied(const RedisServer& primary, const RedisServer& replica) {
  const std::uint64_t taken = replication_offset(primary);
  await([&] { return replication_offset(replica) >= taken; }, "the replica does not catch up");
}

}  // namespace pointsman::testing_redis
