#pragma once

#include <memory>
#include <string>

#include "engine/log/store.h"
#include "engine/values/result.h"
#include "stores/memory/memory_store.h"
#include "stores/postgres/postgres_store.h"
#include "stores/redis/redis_store.h"
#include "stores/sqlite/sqlite_store.h"

namespace pointsman {

struct StoreOptions {
  std::string url = "memory:";    ///< memory:, sqlite:FILE, redis:// or postgresql://.
  MemoryStoreOptions memory;      ///< Used for memory:.
  SqliteStoreOptions sqlite;      ///< Used for sqlite:; its path comes from the url.
  RedisStoreOptions redis;        ///< Used for redis:; its url is the one above.
  PostgresStoreOptions postgres;  ///< Used for postgresql:; its url is the one above.
};

/// Opens the store that the url names. Errors: `invalid` for a url that names none (the message
/// never repeats the url, which may hold a password), else the store's own.
Result<std::unique_ptr<Store>> open_store(const StoreOptions& options);

}  // namespace pointsman
