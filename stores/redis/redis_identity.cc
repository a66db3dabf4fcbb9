#include "stores/redis/redis_identity.h"

#include <random>
#include <utility>
#include <vector>

#include "stores/redis/redis_keys.h"

namespace pointsman {
namespace {

/// 32 digits from the system's generator.
std::string random_id() {
  std::random_device system;
  std::string id;
  for (int i = 0; i < 32; ++i) id += "0123456789abcdef"[system() % 16U];
  return id;
}

RedisCommand command_of(std::vector<std::string> words) {
  return {.words = std::move(words), .key = std::string(kRedisStoreId)};
}

}  // namespace

Result<RedisIdentity> RedisIdentity::take(RedisNodes& nodes) {
  const std::string key(kRedisStoreId);
  std::vector<RedisCommand> commands;
  commands.push_back(command_of({"SET", key, random_id(), "NX"}));
  commands.push_back(command_of({"GET", key}));
  Result<std::vector<RedisReply>> replies = nodes.ask(std::move(commands));
  if (!replies.ok()) return replies.error();
  std::string id(bytes_of(*(*replies)[1]));
  if (id.empty()) return Error{ErrorCode::unavailable, "Redis keeps no id of the store.", ""};
  return RedisIdentity(std::move(id));
}

RedisCommand RedisIdentity::question() const {
  return command_of({"GET", std::string(kRedisStoreId)});
}

RedisCommand RedisIdentity::write() const {
  return command_of({"APPEND", std::string(kRedisStoreId), ""});
}

Status RedisIdentity::judge(std::string_view value) const {
  if (value == id_) return Done{};
  return Error{ErrorCode::unavailable,
               value.empty()
                   ? "Redis was emptied while it was in use: its log is gone. Restore it, "
                     "or restart the server to begin another."
                   : "Redis holds another store than the one that was opened. Bring that "
                     "one back, or restart the server to use this one.",
               ""};
}

}  // namespace pointsman
