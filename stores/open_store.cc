#include "stores/open_store.h"

#include <array>
#include <string_view>
#include <utility>

namespace pointsman {
namespace {

constexpr std::string_view kMemory = "memory:";
constexpr std::string_view kSqlite = "sqlite:";
constexpr std::string_view kRedis = "redis:";
constexpr std::string_view kRedisWithTls = "rediss:";
constexpr std::array<std::string_view, 2> kPostgres = {"postgresql://", "postgres://"};

Result<std::unique_ptr<Store>> open_sqlite(const StoreOptions& options, std::string_view file) {
  // "sqlite:///var/x.db" is how other tools write the absolute path /var/x.db.
  if (file.starts_with("//")) file.remove_prefix(2);
  SqliteStoreOptions sqlite = options.sqlite;
  sqlite.path = file;
  Result<std::unique_ptr<SqliteStore>> opened = SqliteStore::open(sqlite);
  if (!opened.ok()) return opened.error();
  return std::unique_ptr<Store>(std::move(opened).value());
}

Result<std::unique_ptr<Store>> open_redis(const StoreOptions& options) {
  RedisStoreOptions redis = options.redis;
  redis.url = options.url;
  Result<std::unique_ptr<RedisStore>> opened = RedisStore::open(redis);
  if (!opened.ok()) return opened.error();
  return std::unique_ptr<Store>(std::move(opened).value());
}

Result<std::unique_ptr<Store>> open_postgres(const StoreOptions& options) {
  PostgresStoreOptions postgres = options.postgres;
  postgres.url = options.url;
  Result<std::unique_ptr<PostgresStore>> opened = PostgresStore::open(postgres);
  if (!opened.ok()) return opened.error();
  return std::unique_ptr<Store>(std::move(opened).value());
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const StoreOptions& options) {
  const std::string_view url = options.url;
  if (url == kMemory) return std::unique_ptr<Store>(std::make_unique<MemoryStore>(options.memory));
  if (url.starts_with(kSqlite)) return open_sqlite(options, url.substr(kSqlite.size()));
  if (url.starts_with(kRedis) || url.starts_with(kRedisWithTls)) return open_redis(options);
  for (const std::string_view scheme : kPostgres) {
    if (url.starts_with(scheme)) return open_postgres(options);
  }
  return invalid("store", "A store url is memory:, sqlite:FILE, redis://… or postgresql://….");
}

}  // namespace pointsman
