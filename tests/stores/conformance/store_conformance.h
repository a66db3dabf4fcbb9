#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "engine/log/store.h"
#include "stores/memory/memory_store.h"
#include "stores/sqlite/sqlite_store.h"
#include "tests/stores/conformance/store_requests.h"
#include "tests/stores/postgres/postgres_backend.h"
#include "tests/stores/redis/redis_backend.h"

namespace pointsman::testing_stores {

/// A folder of its own, which goes with it.
class ScratchFolder final {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "pointsman-XXXXXX").string();
    if (mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }

  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

enum class Backend { memory, sqlite_full, sqlite_normal, redis, postgres };

inline std::string backend_name(const testing::TestParamInfo<Backend>& info) {
  switch (info.param) {
    case Backend::memory:
      return "Memory";
    case Backend::sqlite_full:
      return "SqliteFull";
    case Backend::sqlite_normal:
      return "SqliteNormal";
    case Backend::redis:
      return "Redis";
    case Backend::postgres:
      return "Postgres";
  }
  return "Unknown";
}

constexpr std::size_t kMaxRecordBytes = 64U << 10;

inline Result<std::unique_ptr<Store>> open_backend(Backend backend, const std::string& file) {
  if (backend == Backend::memory) {
    return std::unique_ptr<Store>(
        std::make_unique<MemoryStore>(MemoryStoreOptions{.max_record_bytes = kMaxRecordBytes}));
  }
  if (backend == Backend::redis) return open_redis_backend(file, kMaxRecordBytes);
  if (backend == Backend::postgres) return open_postgres_backend(file, kMaxRecordBytes);
  SqliteStoreOptions options;
  options.path = file;
  options.max_record_bytes = kMaxRecordBytes;
  if (backend == Backend::sqlite_normal) options.synchronous = SqliteSynchronous::normal;
  Result<std::unique_ptr<SqliteStore>> opened = SqliteStore::open(options);
  if (!opened.ok()) return opened.error();
  return std::unique_ptr<Store>(std::move(opened).value());
}

constexpr LogPosition kNoUpper = std::numeric_limits<LogPosition>::max();

/// Every store must pass each of these tests. A new store adds itself to Backend, to
/// open_backend() and to the instantiations at the end of each store_*_test.cc.
class StoreConformance : public testing::TestWithParam<Backend> {
 protected:
  void SetUp() override { open(); }

  bool durable() const { return GetParam() != Backend::memory; }

  void open() {
    store_.reset();
    Result<std::unique_ptr<Store>> opened = open_backend(GetParam(), folder_.file("log.db"));
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(opened).value();
  }

  Store& store() { return *store_; }

  std::vector<AppendResult> append(const std::vector<AppendRequest>& group) {
    Result<std::vector<AppendResult>> results = store_->append(group);
    EXPECT_TRUE(results.ok()) << results.error().message;
    if (!results.ok()) return std::vector<AppendResult>(group.size());
    EXPECT_EQ(results->size(), group.size());
    return std::move(results).value();
  }

  AppendResult append_one(const AppendRequest& request) { return append({request}).front(); }

  template <class T>
  static T value(Result<T> result) {
    EXPECT_TRUE(result.ok()) << result.error().message;
    return result.ok() ? std::move(result).value() : T{};
  }

  std::vector<StoredRecord> log(const Scope& scope = kScope) {
    return value(store_->scan(scope, 0, 1'000'000));
  }

 private:
  ScratchFolder folder_;
  std::unique_ptr<Store> store_;
};

}  // namespace pointsman::testing_stores
