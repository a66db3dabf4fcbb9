#include "stores/redis/redis_values.h"

#include <utility>

namespace pointsman {
namespace {

std::string text_or_empty(const redisReply& reply) {
  return reply.type == REDIS_REPLY_STRING ? std::string(bytes_of(reply)) : std::string();
}

}  // namespace

Result<std::vector<std::string>> redis_values(RedisNodes& nodes,
                                              const std::vector<std::string>& keys, bool cluster,
                                              std::vector<RedisCommand> before) {
  if (keys.empty()) return std::vector<std::string>{};
  std::vector<RedisCommand> commands = std::move(before);
  const std::size_t first = commands.size();
  if (cluster) {
    for (const std::string& key : keys) commands.push_back({{"GET", key}, key});
  } else {
    RedisCommand all{.words = {"MGET"}, .key = keys.front()};
    all.words.insert(all.words.end(), keys.begin(), keys.end());
    commands.push_back(std::move(all));
  }
  Result<std::vector<RedisReply>> replies = nodes.ask(std::move(commands));
  if (!replies.ok()) return replies.error();
  std::vector<std::string> values;
  values.reserve(keys.size());
  if (cluster) {
    for (std::size_t i = first; i < replies->size(); ++i) {
      values.push_back(text_or_empty(*(*replies)[i]));
    }
  } else {
    for (const redisReply* value : elements_of(*replies->back())) {
      values.push_back(text_or_empty(*value));
    }
  }
  if (values.size() != keys.size()) {
    return Error{ErrorCode::unavailable, "Redis gave an answer that is none of MGET's.", ""};
  }
  return values;
}

}  // namespace pointsman
