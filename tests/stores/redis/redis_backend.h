#pragma once

#include <memory>
#include <string>
#include <utility>

#include "stores/redis/redis_store.h"
#include "tests/redis_server.h"

namespace pointsman::testing_stores {

/// The Redis of this test process.
inline testing_redis::RedisServer& redis_of_this_process() {
  static testing_redis::RedisServer server;
  return server;
}

/// A store on it that is empty for each new `name`, and keeps its log when one is opened again.
inline Result<std::unique_ptr<Store>> open_redis_backend(const std::string& name,
                                                         std::size_t max_record_bytes) {
  static std::string last;
  testing_redis::RedisServer& server = redis_of_this_process();
  if (std::exchange(last, name) != name) server.command("FLUSHALL");
  RedisStoreOptions options;
  options.url = server.url();
  options.max_record_bytes = max_record_bytes;
  Result<std::unique_ptr<RedisStore>> opened = RedisStore::open(options);
  if (!opened.ok()) return opened.error();
  return std::unique_ptr<Store>(std::move(opened).value());
}

}  // namespace pointsman::testing_stores
