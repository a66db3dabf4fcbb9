#include "stores/sqlite/sqlite_store.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/stores/conformance/store_conformance.h"

namespace pointsman::testing_stores {
namespace {

Result<std::unique_ptr<SqliteStore>> open_sqlite(const std::string& file, bool read_only = false) {
  SqliteStoreOptions options;
  options.path = file;
  options.read_only = read_only;
  return SqliteStore::open(options);
}

/// What an operator sees with SQLite's own tools: the first value of the first row.
std::string sql(const std::string& file, const std::string& statement) {
  sqlite3* database = nullptr;
  std::string found = "cannot open";
  if (sqlite3_open(file.c_str(), &database) == SQLITE_OK) {
    found.clear();
    char* message = nullptr;
    const auto take = [](void* out, int, char** values, char**) {
      *static_cast<std::string*>(out) = values[0] == nullptr ? "NULL" : values[0];
      return 1;
    };
    const int code = sqlite3_exec(database, statement.c_str(), take, &found, &message);
    if (code != SQLITE_OK && code != SQLITE_ABORT) found = message;
    sqlite3_free(message);
  }
  sqlite3_close(database);
  return found;
}

/// What `work` returns in a process that was there before `prepare` ran in this one, so that it
/// shares no open file with it.
int in_another_process(const std::function<int()>& work, const std::function<void()>& prepare) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    char byte = 0;
    _exit(::read(ends[0], &byte, 1) == 1 ? work() : 255);
  }
  prepare();
  EXPECT_EQ(::write(ends[1], "", 1), 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class SqliteStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = open_sqlite(file_);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    store_ = std::move(opened).value();
  }

  AppendStatus append_one(const AppendRequest& request) {
    const auto results = store_->append({&request, 1});
    EXPECT_TRUE(results.ok()) << results.error().message;
    return results.ok() ? results->front().status : AppendStatus::failed;
  }

  LogPosition newest() { return store_->heads()->front().position; }

  ScratchFolder folder_;
  const std::string file_ = folder_.file("log.db");
  std::unique_ptr<SqliteStore> store_;
};

TEST_F(SqliteStoreTest, ASecondWriterIsToldThatTheFileIsInUse) {
  const auto second = open_sqlite(file_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::unavailable);
  EXPECT_NE(second.error().message.find("in use by another process"), std::string::npos);
  store_.reset();
  EXPECT_TRUE(open_sqlite(file_).ok()) << "The lock goes with the store.";
}

TEST_F(SqliteStoreTest, ALinkToTheFileIsTheSameStoreWhateverItIsCalled) {
  const std::string symbolic = folder_.file("symbolic.db");
  const std::string hard = folder_.file("hard.db");
  std::filesystem::create_symlink(file_, symbolic);
  std::filesystem::create_hard_link(file_, hard);
  const std::filesystem::path path(file_);
  const std::string detour = path.parent_path() / ".." / path.parent_path().filename() / "log.db";
  const auto opened_names = [&] {
    int opened = 0;
    for (const std::string& name : {symbolic, hard, detour}) opened += open_sqlite(name).ok();
    return opened;
  };
  store_.reset();
  const int elsewhere =
      in_another_process(opened_names, [&] { store_ = open_sqlite(file_).value(); });
  EXPECT_EQ(elsewhere, 0) << "Another process opened it by another name.";
  EXPECT_EQ(opened_names(), 0) << "This process opened it by another name.";
  append_one(decision({.query_id = "q1"}));
  EXPECT_EQ(open_sqlite(symbolic, /*read_only=*/true).value()->scan(kScope, 0, 10)->size(), 1U);
}

/// SQLite's locks on a file go when the process closes any descriptor of it. A program that then
/// opened the file would take itself for the last to use it, and throw the WAL away as it closes.
TEST_F(SqliteStoreTest, AttemptsToOpenTheFileAgainLeaveSqlitesLocksWhereTheyAre) {
  store_.reset();
  const auto count = [&] { return sql(file_, "SELECT COUNT(*) FROM records") == "1" ? 0 : 1; };
  const int elsewhere = in_another_process(count, [&] {
    store_ = open_sqlite(file_).value();
    append_one(decision({.query_id = "q1"}));
    EXPECT_FALSE(open_sqlite(file_).ok());
    EXPECT_TRUE(open_sqlite(file_, /*read_only=*/true).ok());
    EXPECT_TRUE(std::filesystem::exists(file_ + "-wal"));
  });
  EXPECT_EQ(elsewhere, 0);
  EXPECT_TRUE(std::filesystem::exists(file_ + "-wal")) << "The file is still in use.";
}

TEST_F(SqliteStoreTest, ANewFileIsItsOwnersAloneAndAnOldOneKeepsItsMode) {
  using std::filesystem::perms;
  constexpr perms kOwners = perms::owner_read | perms::owner_write;
  append_one(decision({.query_id = "q1"}));
  for (const char* suffix : {"", "-wal", "-shm", "-lock"}) {
    EXPECT_EQ(std::filesystem::status(file_ + suffix).permissions(), kOwners) << suffix;
  }
  store_.reset();
  std::filesystem::permissions(file_, kOwners | perms::group_read);
  ASSERT_TRUE(open_sqlite(file_).ok());
  EXPECT_EQ(std::filesystem::status(file_).permissions(), kOwners | perms::group_read);
}

TEST_F(SqliteStoreTest, AReaderBesideTheWriterSeesWhatIsCommittedAndWritesNothing) {
  append_one(decision({.query_id = "q1"}));
  auto opened = open_sqlite(file_, /*read_only=*/true);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  const auto reader = std::move(opened).value();
  EXPECT_EQ(reader->scan(kScope, 0, 10)->size(), 1U);
  append_one(decision({.query_id = "q2"}));
  EXPECT_EQ(reader->scan(kScope, 0, 10)->size(), 2U);
  const AppendRequest request = decision({.query_id = "q3"});
  const auto refused = reader->append({&request, 1});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::unavailable);
  EXPECT_FALSE(reader->save_checkpoint({kScope, 1, 1, 1, {}}).ok());
}

TEST_F(SqliteStoreTest, AFileThatNobodyWritesCanBeReadAfterwards) {
  append_one(decision({.query_id = "q1"}));
  store_.reset();
  EXPECT_FALSE(std::filesystem::exists(file_ + "-wal")) << "Closing folds the WAL into the file.";
  auto reader = open_sqlite(file_, /*read_only=*/true);
  ASSERT_TRUE(reader.ok()) << reader.error().message;
  EXPECT_EQ(reader.value()->scan(kScope, 0, 10)->size(), 1U);
}

TEST_F(SqliteStoreTest, ReadingAFileThatIsNotThereMakesNone) {
  const std::string missing = folder_.file("missing.db");
  EXPECT_FALSE(open_sqlite(missing, /*read_only=*/true).ok());
  EXPECT_FALSE(std::filesystem::exists(missing));
}

TEST_F(SqliteStoreTest, AnEarlierReleasesFileIsBroughtUpToDateByAWriterAndReadAsItIs) {
  append_one(decision({.query_id = "q1"}));
  append_one(decision({.query_id = "q2"}));
  const LogPosition below = newest();
  store_.reset();
  sql(file_,
      "DROP TABLE store_identity; DROP TABLE write_proofs; DROP TABLE pruned;"
      "PRAGMA user_version = 1");
  {
    auto reader = open_sqlite(file_, /*read_only=*/true);
    ASSERT_TRUE(reader.ok()) << reader.error().message;
    EXPECT_EQ(reader.value()->scan(kScope, 0, 10)->size(), 2U);
    EXPECT_EQ(reader.value()->pruned_below(kScope).value(), 0U);
  }
  EXPECT_EQ(sql(file_, "PRAGMA user_version"), "1");
  auto opened = open_sqlite(file_);
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_EQ(sql(file_, "PRAGMA user_version"), "3");
  const auto pruned =
      opened.value()->prune({.scope = kScope, .below = below, .now = at(kStart + 90 * kDay)});
  ASSERT_TRUE(pruned.ok()) << pruned.error().message;
  EXPECT_EQ(pruned->removed, 1U);
  EXPECT_EQ(opened.value()->scan(kScope, 0, 10).error().code, ErrorCode::pruned);
  auto reader = open_sqlite(file_, /*read_only=*/true);
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(reader.value()->scan(kScope, 0, 10).error().code, ErrorCode::pruned);
}

TEST_F(SqliteStoreTest, TheViewsShowWhatPruningLeft) {
  append_one(decision({.query_id = "old", .session_id = "s", .open_for = kDay}));
  append_one(feedback({.query_id = "old"}));
  append_one(decision({.query_id = "new", .time = kStart + 60 * kDay}));
  const LogPosition below = newest();
  append_one(feedback({.query_id = "new", .time = kStart + 60 * kDay}));
  EXPECT_EQ(sql(file_, "SELECT COUNT(*) FROM arm_daily"), "2");
  ASSERT_TRUE(store_->prune({.scope = kScope, .below = below, .now = at(kStart + 60 * kDay)}).ok());
  EXPECT_EQ(sql(file_, "SELECT COUNT(*) FROM arm_daily"), "1");
  EXPECT_EQ(sql(file_, "SELECT mean_reward FROM arm_daily"), "1.0");
  EXPECT_EQ(sql(file_, "SELECT COUNT(*) FROM session_summary"), "0");
  for (const char* table : {"records", "decisions", "decision_slots"}) {
    EXPECT_EQ(sql(file_, std::string("SELECT COUNT(*) FROM ") + table),
              table[0] == 'r' ? "2" : "1");
  }
}

TEST_F(SqliteStoreTest, AFileOfOursWithoutASchemaVersionIsRefusedAndStaysAsItIs) {
  for (const std::string version : {"0", "-1"}) {
    const std::string unnumbered = folder_.file("unnumbered" + version + ".db");
    ASSERT_TRUE(open_sqlite(unnumbered).ok());
    sql(unnumbered, "PRAGMA user_version = " + version);
    const auto opened = open_sqlite(unnumbered);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code, ErrorCode::invalid);
    EXPECT_NE(opened.error().message.find("no version"), std::string::npos)
        << opened.error().message;
    EXPECT_EQ(sql(unnumbered, "PRAGMA user_version"), version);
  }
}

TEST_F(SqliteStoreTest, AnotherProgramsFileAndANewerReleasesAreRefused) {
  const std::string foreign = folder_.file("foreign.db");
  sql(foreign, "CREATE TABLE songs (title TEXT)");
  EXPECT_EQ(open_sqlite(foreign).error().code, ErrorCode::invalid);
  EXPECT_EQ(sql(foreign, "SELECT COUNT(*) FROM sqlite_schema"), "1") << "Nothing was added.";

  const std::string newer = folder_.file("newer.db");
  ASSERT_TRUE(open_sqlite(newer).ok());
  sql(newer, "PRAGMA user_version = 99");
  EXPECT_NE(open_sqlite(newer).error().message.find("newer release"), std::string::npos);

  const std::string text = folder_.file("text.db");
  std::ofstream(text) << std::string(5000, 't');
  EXPECT_EQ(open_sqlite(text).error().code, ErrorCode::corrupt);
}

TEST_F(SqliteStoreTest, ARecordThatSqliteRefusesFailsAloneAndTheRestIsOneCommit) {
  store_.reset();
  sql(file_,
      "CREATE TRIGGER poison BEFORE INSERT ON decision_slots WHEN NEW.decision = "
      "(SELECT position FROM decisions WHERE query_id = 'bad') "
      "BEGIN SELECT RAISE(ABORT, 'poison'); END");
  store_ = std::move(open_sqlite(file_)).value();
  const auto results = store_->append(std::vector<AppendRequest>{
      decision({.query_id = "good"}), decision({.query_id = "bad"}),
      feedback({.query_id = "bad", .key = "k"}), feedback({.query_id = "good"})});
  ASSERT_TRUE(results.ok()) << results.error().message;
  EXPECT_EQ((*results)[0].status, AppendStatus::recorded);
  EXPECT_EQ((*results)[1].status, AppendStatus::recorded);
  EXPECT_EQ((*results)[2].status, AppendStatus::failed);
  EXPECT_NE((*results)[2].message.find("poison"), std::string::npos) << (*results)[2].message;
  EXPECT_EQ((*results)[3].status, AppendStatus::recorded);
  EXPECT_EQ(store_->scan(kScope, 0, 10)->size(), 3U) << "The failed record left no row.";
  const StoreCounts counts = store_->counts(kScope, at(kStart)).value();
  EXPECT_EQ(counts.decisions, 2U);
  EXPECT_EQ(counts.feedback_by_type.front().second, 1U) << "The first attempt counted nothing.";
}

TEST_F(SqliteStoreTest, SettingsSayWhatWasFoundInTheFile) {
  std::string found;
  for (const auto& [name, value] : store_->settings()) {
    if (name == "journal_mode" || name == "synchronous" || name == "survives") found += value + ";";
  }
  EXPECT_EQ(found, "wal;full;power loss;");
  EXPECT_FALSE(store_->shared());
}

TEST_F(SqliteStoreTest, ExpiredKeysAreForgottenInTime) {
  append_one(decision({.query_id = "q1", .open_for = 60}));
  for (int i = 0; i < 5; ++i) {
    append_one(
        feedback({.query_id = "q1", .payload = std::to_string(i), .key = std::to_string(i)}));
  }
  EXPECT_EQ(sql(file_, "SELECT COUNT(*) FROM idempotency_keys"), "5");
  append_one(decision({.query_id = "q2", .time = kStart + 9 * kDay}));
  EXPECT_EQ(sql(file_, "SELECT COUNT(*) FROM idempotency_keys"), "0");
}

TEST_F(SqliteStoreTest, TheViewsAnswerWhatAnOperatorAsks) {
  append_one(decision({.query_id = "q1", .session_id = "s", .arm = "a"}));
  append_one(decision({.query_id = "q2", .session_id = "s", .arm = "a"}));
  append_one(decision({.query_id = "q3", .arm = "b"}));
  append_one(feedback({.query_id = "q1", .payload = "up", .reward = 1.0}));
  append_one(feedback({.query_id = "q1", .payload = "down", .reward = 0.0}));
  append_one(feedback({.query_id = "q2", .reward = 0.5}));
  append_one(outcome({.query_id = "q1", .cost_usd = 5.0}));
  append_one(outcome({.query_id = "q1", .cost_usd = 2.0}));
  append_one(outcome({.query_id = "q1", .latency_ms = 100.0}));
  append_one(session_feedback({.session_id = "s"}));
  EXPECT_EQ(sql(file_,
                "SELECT decisions || ' ' || observed || ' ' || mean_reward || ' ' || "
                "mean_cost_usd || ' ' || mean_latency_ms FROM arm_daily WHERE arm = 'a'"),
            "2 2 0.25 2.0 100.0")
      << "The last value of each signal and of each outcome field counts.";
  EXPECT_EQ(sql(file_, "SELECT decisions || ' ' || observed FROM arm_daily WHERE arm = 'b'"),
            "1 0");
  EXPECT_EQ(sql(file_, "SELECT day FROM arm_daily LIMIT 1"), "2026-09-21");
  EXPECT_EQ(sql(file_,
                "SELECT records || ' ' || mean_reward FROM signal_counts "
                "WHERE signal_type = 'thumbs'"),
            "3 0.5");
  EXPECT_EQ(sql(file_,
                "SELECT session_id || ' ' || decisions || ' ' || arms || ' ' || observed "
                "|| ' ' || cost_usd || ' ' || session_feedback FROM session_summary"),
            "s 2 1 2 2.0 1");
}

TEST_F(SqliteStoreTest, ABodyThatDoesNotDecodeIsCorruptAndNamed) {
  append_one(decision({.query_id = "q1"}));
  sql(file_, "UPDATE records SET body = x'0105'");
  const auto found = store_->scan(kScope, 0, 10);
  ASSERT_FALSE(found.ok());
  EXPECT_EQ(found.error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace pointsman::testing_stores
