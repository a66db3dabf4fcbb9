#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "stores/sqlite/sqlite_store.h"
#include "tests/stores/conformance/store_conformance.h"

namespace pointsman::testing_stores {
namespace {

std::unique_ptr<SqliteStore> open_sqlite(const std::string& file) {
  SqliteStoreOptions options;
  options.path = file;
  auto opened = SqliteStore::open(options);
  EXPECT_TRUE(opened.ok()) << opened.error().message;
  return opened.ok() ? std::move(opened).value() : nullptr;
}

// ---- The end of the process ------------------------------------------------------------------

/// Appends until it is killed; writes the number of each group to the pipe once it is acknowledged.
[[noreturn]] void append_until_killed(const std::string& file, int first, int acknowledged) {
  SqliteStoreOptions options;
  options.path = file;
  auto opened = SqliteStore::open(options);
  if (!opened.ok()) _exit(1);
  for (int group = first;; ++group) {
    const std::string n = std::to_string(group);
    const auto results = opened.value()->append(std::vector<AppendRequest>{
        decision({.query_id = "q" + n}), feedback({.query_id = "q" + n, .key = "k" + n}),
        outcome({.query_id = "q" + n, .cost_usd = 1.0})});
    if (!results.ok()) _exit(2);
    for (const AppendResult& result : *results) {
      if (result.status != AppendStatus::recorded) _exit(3);
    }
    if (::write(acknowledged, &group, sizeof(group)) != sizeof(group)) _exit(4);
  }
}

/// Runs a writing child, kills it after `life`, and returns the last acknowledged group.
int run_and_kill(const std::string& file, int first, std::chrono::microseconds life) {
  int ends[2];
  EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) append_until_killed(file, first, ends[1]);
  ::close(ends[1]);
  int last = first - 1;
  int group = 0;
  // The first acknowledgement says that the child is at work; the rest of its life is random.
  if (::read(ends[0], &group, sizeof(group)) == sizeof(group)) last = group;
  std::this_thread::sleep_for(life);
  ::kill(child, SIGKILL);
  while (::read(ends[0], &group, sizeof(group)) == sizeof(group)) last = group;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "The child ended by itself with " << WEXITSTATUS(status);
  return last;
}

TEST(SqliteFaults, WhatWasAcknowledgedSurvivesKillNineAndNothingIsThereTwice) {
  const ScratchFolder folder;
  const std::string file = folder.file("log.db");
  std::mt19937 random(20'26);
  int acknowledged = -1;
  int next = 0;
  for (int round = 0; round < 20; ++round) {
    acknowledged = run_and_kill(file, next, std::chrono::microseconds(random() % 40'000));
    ASSERT_GE(acknowledged, next) << "The child did some work.";
    const auto store = open_sqlite(file);
    ASSERT_NE(store, nullptr);
    const auto log = store->scan(kScope, 0, 10'000'000);
    ASSERT_TRUE(log.ok()) << log.error().message;
    std::set<std::string> decisions;
    std::set<std::string> feedbacks;
    for (const StoredRecord& stored : *log) {
      if (const auto* body = std::get_if<Decision>(&stored.record.body)) {
        EXPECT_TRUE(decisions.insert(body->query_id).second) << "twice: " << body->query_id;
      } else if (const auto* signal = std::get_if<Feedback>(&stored.record.body)) {
        EXPECT_TRUE(feedbacks.insert(signal->query_id).second) << "twice: " << signal->query_id;
      }
    }
    EXPECT_EQ(log->size(), 3 * decisions.size()) << "A group is there whole, or not at all.";
    EXPECT_EQ(decisions, feedbacks);
    for (int i = 0; i <= acknowledged; ++i) {
      ASSERT_TRUE(decisions.contains("q" + std::to_string(i))) << "lost in round " << round;
    }
    // At most one group was committed and not yet acknowledged.
    const int present = static_cast<int>(decisions.size());
    EXPECT_LE(present, acknowledged + 2);
    EXPECT_EQ(store->counts(kScope, at(kStart))->decisions, decisions.size());
    next = present;
  }
}

// ---- Input and output that fails --------------------------------------------------------------

/// What the files of the shim below do. Counts sync calls on WAL files; fails on request.
struct Faults {
  std::atomic<bool> sync_fails{false};
  std::atomic<bool> disk_full{false};
  std::atomic<int> failures{0};
};

Faults& faults() {
  static Faults instance;
  return instance;
}

/// A file of SQLite's own, behind methods that can fail. The real file follows this heading.
struct FaultyFile {
  sqlite3_file base;
  bool is_wal;
};

sqlite3_file* real(sqlite3_file* file) {
  return reinterpret_cast<sqlite3_file*>(reinterpret_cast<FaultyFile*>(file) + 1);
}

bool is_wal(sqlite3_file* file) { return reinterpret_cast<FaultyFile*>(file)->is_wal; }

int faulty_sync(sqlite3_file* file, int flags) {
  if (is_wal(file) && faults().sync_fails) {
    ++faults().failures;
    return SQLITE_IOERR_FSYNC;
  }
  return real(file)->pMethods->xSync(real(file), flags);
}

int faulty_write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  if (is_wal(file) && faults().disk_full) {
    ++faults().failures;
    return SQLITE_FULL;
  }
  return real(file)->pMethods->xWrite(real(file), data, size, offset);
}

const sqlite3_io_methods& faulty_methods() {
  static const sqlite3_io_methods methods = [] {
    sqlite3_io_methods m{};
    m.iVersion = 3;
    m.xClose = [](sqlite3_file* f) { return real(f)->pMethods->xClose(real(f)); };
    m.xRead = [](sqlite3_file* f, void* p, int n, sqlite3_int64 at_byte) {
      return real(f)->pMethods->xRead(real(f), p, n, at_byte);
    };
    m.xWrite = faulty_write;
    m.xTruncate = [](sqlite3_file* f, sqlite3_int64 size) {
      return real(f)->pMethods->xTruncate(real(f), size);
    };
    m.xSync = faulty_sync;
    m.xFileSize = [](sqlite3_file* f, sqlite3_int64* size) {
      return real(f)->pMethods->xFileSize(real(f), size);
    };
    m.xLock = [](sqlite3_file* f, int n) { return real(f)->pMethods->xLock(real(f), n); };
    m.xUnlock = [](sqlite3_file* f, int n) { return real(f)->pMethods->xUnlock(real(f), n); };
    m.xCheckReservedLock = [](sqlite3_file* f, int* out) {
      return real(f)->pMethods->xCheckReservedLock(real(f), out);
    };
    m.xFileControl = [](sqlite3_file* f, int op, void* p) {
      return real(f)->pMethods->xFileControl(real(f), op, p);
    };
    m.xSectorSize = [](sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); };
    m.xDeviceCharacteristics = [](sqlite3_file* f) {
      return real(f)->pMethods->xDeviceCharacteristics(real(f));
    };
    m.xShmMap = [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
      return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
    };
    m.xShmLock = [](sqlite3_file* f, int offset, int n, int flags) {
      return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
    };
    m.xShmBarrier = [](sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); };
    m.xShmUnmap = [](sqlite3_file* f, int remove) {
      return real(f)->pMethods->xShmUnmap(real(f), remove);
    };
    m.xFetch = [](sqlite3_file* f, sqlite3_int64 at_byte, int n, void** out) {
      return real(f)->pMethods->xFetch(real(f), at_byte, n, out);
    };
    m.xUnfetch = [](sqlite3_file* f, sqlite3_int64 at_byte, void* p) {
      return real(f)->pMethods->xUnfetch(real(f), at_byte, p);
    };
    return m;
  }();
  return methods;
}

int faulty_open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* file, int flags, int* out) {
  auto* system = static_cast<sqlite3_vfs*>(vfs->pAppData);
  reinterpret_cast<FaultyFile*>(file)->is_wal = (flags & SQLITE_OPEN_WAL) != 0;
  file->pMethods = nullptr;
  real(file)->pMethods = nullptr;
  const int code = system->xOpen(system, name, real(file), flags, out);
  if (real(file)->pMethods != nullptr) file->pMethods = &faulty_methods();
  return code;
}

/// While it lives, SQLite opens its files through the shim.
class FaultyFileSystem final {
 public:
  FaultyFileSystem() : system_(sqlite3_vfs_find(nullptr)), shim_(*system_) {
    shim_.pNext = nullptr;
    shim_.zName = "faulty";
    shim_.pAppData = system_;
    shim_.szOsFile = static_cast<int>(sizeof(FaultyFile)) + system_->szOsFile;
    shim_.xOpen = faulty_open;
    sqlite3_vfs_register(&shim_, /*makeDflt=*/1);
    faults().sync_fails = false;
    faults().disk_full = false;
    faults().failures = 0;
  }
  FaultyFileSystem(const FaultyFileSystem&) = delete;
  FaultyFileSystem& operator=(const FaultyFileSystem&) = delete;
  ~FaultyFileSystem() {
    sqlite3_vfs_unregister(&shim_);
    sqlite3_vfs_register(system_, /*makeDflt=*/1);
  }

 private:
  sqlite3_vfs* system_;
  sqlite3_vfs shim_;
};

std::string setting(const Store& store, const std::string& name) {
  for (const auto& [known, value] : store.settings()) {
    if (known == name) return value;
  }
  return "";
}

TEST(SqliteFaults, AFailedSyncIsInDoubtAndARepeatOfTheGroupCountsOnce) {
  const FaultyFileSystem shim;
  const ScratchFolder folder;
  const auto store = open_sqlite(folder.file("log.db"));
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->append(std::vector<AppendRequest>{decision({.query_id = "q0"})}).ok());

  const std::vector<AppendRequest> group = {decision({.query_id = "q1"}),
                                            feedback({.query_id = "q1", .key = "k"})};
  faults().sync_fails = true;
  const auto doubtful = store->append(group);
  ASSERT_FALSE(doubtful.ok());
  EXPECT_EQ(doubtful.error().code, ErrorCode::in_doubt) << doubtful.error().message;
  const auto still = store->append(group);
  ASSERT_FALSE(still.ok()) << "The disk has not come back.";
  EXPECT_GE(faults().failures, 2);

  faults().sync_fails = false;
  const auto repeat = store->append(group);
  ASSERT_TRUE(repeat.ok()) << repeat.error().message;
  for (const AppendResult& result : *repeat) {
    EXPECT_TRUE(result.status == AppendStatus::recorded ||
                result.status == AppendStatus::duplicate);
  }
  EXPECT_EQ(store->find("acme", "q1", kNoUpper)->size(), 2U);
  EXPECT_EQ(store->scan(kScope, 0, 100)->size(), 3U);
  EXPECT_NE(setting(*store, "reopened_after_failure"), "0");
}

TEST(SqliteFaults, AFullDiskLosesNothingAndTheStoreGoesOnOnceThereIsRoom) {
  const FaultyFileSystem shim;
  const ScratchFolder folder;
  const std::string file = folder.file("log.db");
  auto store = open_sqlite(file);
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->append(std::vector<AppendRequest>{decision({.query_id = "q0"})}).ok());
  faults().disk_full = true;
  const std::vector<AppendRequest> group = {decision({.query_id = "q1"})};
  const auto refused = store->append(group);
  ASSERT_FALSE(refused.ok());
  EXPECT_TRUE(refused.error().code == ErrorCode::unavailable ||
              refused.error().code == ErrorCode::in_doubt);
  EXPECT_EQ(store->scan(kScope, 0, 100)->size(), 1U) << "Reading goes on.";
  EXPECT_FALSE(store->save_checkpoint({kScope, 1, 1, 1, {{"manifest", "m"}}}).ok());
  faults().disk_full = false;
  const auto repeat = store->append(group);
  ASSERT_TRUE(repeat.ok()) << repeat.error().message;
  EXPECT_EQ(store->scan(kScope, 0, 100)->size(), 2U);
  store = nullptr;
  store = open_sqlite(file);
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(store->scan(kScope, 0, 100)->size(), 2U);
}

}  // namespace
}  // namespace pointsman::testing_stores
