#include "stores/open_store.h"

#include <array>
#include <string_view>
#include <utility>

namespace pointsman {
namespace {

constexpr std::string_view kMemory = "memory:";
constexpr std::string_view kSqlite = "sqlite:";
constexpr std::array<std::string_view, 4> kNotBuiltIn = {
    "redis:", "rediss:", "postgresql:", "postgres:"};

Result<std::unique_ptr<Store>> open_sqlite(const StoreOptions& options, std::string_view file) {
  // "sqlite:///var/x.db" is how other tools write the absolute path /var/x.db.
  if (file.starts_with("//")) file.remove_prefix(2);
  SqliteStoreOptions sqlite = options.sqlite;
  sqlite.path = file;
  Result<std::unique_ptr<SqliteStore>> opened = SqliteStore::open(sqlite);
  if (!opened.ok()) return opened.error();
  return std::unique_ptr<Store>(std::move(opened).value());
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const StoreOptions& options) {
  const std::string_view url = options.url;
  if (url == kMemory) return std::unique_ptr<Store>(std::make_unique<MemoryStore>(options.memory));
  if (url.starts_with(kSqlite)) return open_sqlite(options, url.substr(kSqlite.size()));
  for (const std::string_view scheme : kNotBuiltIn) {
    if (!url.starts_with(scheme)) continue;
    return invalid("store", "This release has no store for " + std::string(scheme) +
                                " urls; use memory: or sqlite:FILE.");
  }
  return invalid("store", "A store url is memory: or sqlite:FILE.");
}

}  // namespace pointsman
