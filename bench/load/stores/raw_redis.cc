#include <hiredis/hiredis.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/stores/bench_log.h"
#include "stores/redis/redis_keys.h"
#include "stores/redis/redis_url.h"

namespace pointsman::bench {
namespace {

struct FreeContext {
  void operator()(redisContext* context) const { redisFree(context); }
};
struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
using Reply = std::unique_ptr<redisReply, FreeReply>;

/// One MULTI … EXEC a group, pipelined: what stores/redis/append.lua reads and writes of a
/// feedback.
class RawRedis final : public RawLoop {
 public:
  explicit RawRedis(const std::string& url) : keys_(kScope) {
    const RedisUrl where = must(parse_redis_url(url));
    context_.reset(redisConnect(where.address.host.c_str(), where.address.port));
    if (!context_ || context_->err != 0) fail("Redis does not answer");
    say({"SELECT", std::to_string(where.database)});
    say({"GET", keys_.head()});
    hear();
    head_ = std::strtoull(hear()->str, nullptr, 10);
  }

  void append(const std::vector<Row>& group) override {
    const std::string hash(32, '\1');
    const std::string slot = "ssignal:" + std::string(kSignal);
    // A claim names the decision's router, in whose keys the rest is done.
    for (const Row& row : group) say({"GET", redis_claim_key(kScope.tenant, row.query_id)});
    for (std::size_t i = 0; i < group.size(); ++i) hear();
    std::size_t said = 2;
    say({"MULTI"});
    for (const Row& row : group) {
      const std::string position = std::to_string(++head_);
      const std::string decision = keys_.decision(row.query_id);
      say({"HGET", decision, "e"});
      say({"HGET", decision, slot});
      say({"XADD", keys_.log(), position + "-0", "r", row.body});
      say({"XADD", keys_.feedback(), position + "-0", "f", ""});
      say({"HSET", decision, "p" + position, "", slot, hash + position});
      said += 5;
    }
    say({"SET", keys_.head(), std::to_string(head_)});
    say({"HINCRBY", keys_.counts(), "feedback:" + std::string(kSignal),
         std::to_string(group.size())});
    say({"EXEC"});
    for (said += 2; said > 1; --said) hear();
    const Reply done = hear();
    if (done->type != REDIS_REPLY_ARRAY) fail("EXEC did nothing");
    for (std::size_t i = 0; i < done->elements; ++i) {
      if (done->element[i]->type == REDIS_REPLY_ERROR) fail(done->element[i]->str);
    }
  }

 private:
  void say(const std::vector<std::string>& words) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    for (const std::string& word : words) {
      texts.push_back(word.data());
      sizes.push_back(word.size());
    }
    if (redisAppendCommandArgv(context_.get(), static_cast<int>(words.size()), texts.data(),
                               sizes.data()) != REDIS_OK) {
      fail(context_->errstr);
    }
  }

  Reply hear() {
    void* reply = nullptr;
    if (redisGetReply(context_.get(), &reply) != REDIS_OK) fail(context_->errstr);
    Reply made(static_cast<redisReply*>(reply));
    if (made->type == REDIS_REPLY_ERROR) fail(made->str);
    return made;
  }

  RedisRouterKeys keys_;
  std::unique_ptr<redisContext, FreeContext> context_;
  std::uint64_t head_ = 0;
};

}  // namespace

std::unique_ptr<RawLoop> raw_redis(const std::string& url) {
  return std::make_unique<RawRedis>(url);
}

}  // namespace pointsman::bench
