#pragma once

#include <hiredis/hiredis.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/values/result.h"
#include "stores/redis/redis_url.h"

namespace pointsman {

struct FreeRedisReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using RedisReply = std::unique_ptr<redisReply, FreeRedisReply>;

bool is_error(const redisReply& reply);
/// The bytes of a string, a status or an error; else empty.
std::string_view bytes_of(const redisReply& reply);
/// The first word of an error, such as MOVED; empty for what is none.
std::string_view error_word(const redisReply& reply);
std::span<redisReply* const> elements_of(const redisReply& reply);

/// The Error for an answer that refuses a command. Names the error's first word alone: the rest may
/// repeat what was sent.
Error refusal(const redisReply& reply);

/// One blocking connection. A failure breaks it for good. Used by one thread at a time.
class RedisConnection final {
 public:
  struct Options {
    RedisUrl url;  ///< Its address is that of the node to connect to.
    std::chrono::milliseconds connect_timeout{500};
    std::chrono::milliseconds command_timeout{2'000};  ///< Without a byte sent or received.
  };

  /// Connects, logs in and chooses the database. Errors: `unavailable`; `invalid` where Redis
  /// refuses the user or password.
  static Result<std::unique_ptr<RedisConnection>> open(const Options& options);

  /// False where the peer has closed or has said something unasked: nothing should be sent then.
  bool is_fresh() const;

  /// Sends the commands in one go. An error: some may have reached Redis.
  Status send(std::span<const std::vector<std::string>* const> commands);
  /// One answer to a command sent, in order.
  Result<RedisReply> receive();
  /// Both, for one command.
  Result<RedisReply> ask(const std::vector<std::string>& command);

 private:
  struct FreeContext {
    void operator()(redisContext* context) const { redisFree(context); }
  };
  RedisConnection(redisContext* context, std::string name)
      : context_(context), name_(std::move(name)) {}
  Status log_in(const RedisUrl& url);
  Error broken() const;

  std::unique_ptr<redisContext, FreeContext> context_;
  std::string name_;  ///< host:port, for messages.
};

}  // namespace pointsman
