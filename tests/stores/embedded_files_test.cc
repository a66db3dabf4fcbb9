#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "engine/features/default_text_model.h"
#include "stores/postgres/postgres_schema.h"
#include "stores/redis/redis_scripts.h"
#include "stores/sqlite/sqlite_schema.h"
#include "tests/paths.h"

namespace pointsman {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(paths::source_dir() + "/" + path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(EmbeddedFiles, EachIsItsSourceToTheByte) {
  const std::pair<const char*, std::string_view> files[] = {
      {"engine/features/assets/default_text_model.bin", kDefaultTextModelFile},
      {"stores/postgres/append.sql", kPostgresAppend},
      {"stores/redis/append.lua", kRedisAppendScript},
      {"stores/sqlite/tables.sql", kSqliteTables},
      {"stores/sqlite/views.sql", kSqliteViews},
      {"stores/sqlite/pruned.sql", kSqlitePruned},
      {"stores/sqlite/store_identity.sql", kSqliteStoreIdentity},
  };
  for (const auto& [path, embedded] : files) {
    ASSERT_FALSE(embedded.empty()) << path;
    EXPECT_TRUE(content_of(path) == embedded) << path;
  }
}

TEST(EmbeddedFiles, AZeroByteFollowsTheLastOne) {
  EXPECT_EQ(kSqliteTables.data()[kSqliteTables.size()], '\0');
}

}  // namespace
}  // namespace pointsman
