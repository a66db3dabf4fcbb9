// Looks at a store's checkpoints behind its back: SQLite's own interface, no code of ours.

#include "tests/crash/checkpoints.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <memory>

namespace pointsman::testing {

namespace {

using Database = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;

Database open_database(const std::string& file) {
  sqlite3* opened = nullptr;
  EXPECT_EQ(sqlite3_open_v2(file.c_str(), &opened, SQLITE_OPEN_READWRITE, nullptr), SQLITE_OK);
  return {opened, &sqlite3_close};
}

}  // namespace

std::size_t drop_checkpoints(const std::string& store_file) {
  const std::size_t before = checkpoint_positions(store_file).size();
  const Database database = open_database(store_file);
  EXPECT_EQ(sqlite3_exec(database.get(), "DELETE FROM checkpoint_chunks; DELETE FROM checkpoints;",
                         nullptr, nullptr, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(database.get());
  return before;
}

std::vector<std::int64_t> checkpoint_positions(const std::string& store_file) {
  const Database database = open_database(store_file);
  std::vector<std::int64_t> positions;
  const auto add = [](void* out, int, char** values, char**) {
    static_cast<std::vector<std::int64_t>*>(out)->push_back(std::atoll(values[0]));
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(database.get(), "SELECT position FROM checkpoints ORDER BY position", add,
                         &positions, nullptr),
            SQLITE_OK)
      << sqlite3_errmsg(database.get());
  return positions;
}

}  // namespace pointsman::testing
