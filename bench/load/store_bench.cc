// What the Store port costs above SQLite itself: the same feedback records, 64 a transaction,
// synchronous = FULL, once through SqliteStore::append and once as the same statements bound and
// stepped by hand on a second file of the same schema and settings (no rules, no encoding: the rows
// are ready). Short rounds take turns, so that a slow spell of the disk falls on both; the figure
// is the median round, in records a second of wall time.
//
//   pointsman_store_bench FOLDER [ROUNDS [GROUPS_A_ROUND]]
//
// prints one JSON object. FOLDER should be on the disk in question; the files in it are new and go.

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/append_requests.h"
#include "engine/keyed_random.h"
#include "engine/record_codec.h"
#include "stores/sqlite_store.h"

namespace pointsman {
namespace {

constexpr std::size_t kGroup = 64;
const Scope kScope{"default", "default"};

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "pointsman_store_bench: %s\n", message.c_str());
  std::exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result) fail(result.error().message);
  return std::move(*result);
}

/// Ids, times and query_ids as a server makes them, from a counter.
class Source final {
 public:
  RecordStamp stamp() {
    RecordStamp made;
    KeyedRandom random(++tick_, "stamp");
    for (std::size_t at = 0; at + 8 <= made.id.size(); at += 8) {
      const std::uint64_t bits = random.next_u64();
      std::memcpy(made.id.data() + at, &bits, 8);
    }
    made.time = Timestamp(std::chrono::milliseconds(1'790'000'000'000 + tick_));
    return made;
  }

  static std::string query_id(std::uint64_t n) {
    char text[32];
    std::snprintf(text, sizeof text, "q_%026llu", static_cast<unsigned long long>(n));
    return text;
  }

  AppendRequest decision(std::uint64_t n) {
    Decision made;
    made.query_id = query_id(n);
    made.raw.assign(32, 0.5F);
    for (const char* arm : {"small", "medium", "large"}) {
      ArmView view;
      view.arm = arm;
      view.propensity = 1.0 / 3.0;
      made.arms.push_back(view);
    }
    const RecordStamp at = stamp();
    made.expires_at = at.time + std::chrono::hours(24 * 30);
    return append_decision(kScope, at, std::move(made), Fingerprint{});
  }

  AppendRequest feedback(std::uint64_t n) {
    Feedback made;
    made.query_id = query_id(n);
    made.signal_type = "thumbs";
    made.reward = {1.0, 1.0};
    made.payload = R"({"value":"up"})";
    Fingerprint payload{};
    payload[0] = 1;
    return append_feedback({kScope.tenant, ""}, stamp(), std::move(made), payload);
  }

 private:
  std::uint64_t tick_ = 0;
};

/// A prepared statement, its parameters bound in order.
class Statement final {
 public:
  Statement(sqlite3* database, const char* sql) : database_(database) {
    if (sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr) != SQLITE_OK) broken();
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& text(std::string_view v) {
    sqlite3_bind_text(statement_, ++at_, v.data(), static_cast<int>(v.size()), SQLITE_STATIC);
    return *this;
  }
  Statement& blob(std::string_view v) {
    sqlite3_bind_blob(statement_, ++at_, v.data(), static_cast<int>(v.size()), SQLITE_STATIC);
    return *this;
  }
  Statement& integer(std::int64_t v) {
    sqlite3_bind_int64(statement_, ++at_, v);
    return *this;
  }
  Statement& real(double v) {
    sqlite3_bind_double(statement_, ++at_, v);
    return *this;
  }
  Statement& null() {
    sqlite3_bind_null(statement_, ++at_);
    return *this;
  }

  /// Runs to the end; the first column of the first row, or 0.
  std::int64_t run(int column = 0) {
    std::int64_t value = 0;
    bool first = true;
    int code = sqlite3_step(statement_);
    for (; code == SQLITE_ROW; code = sqlite3_step(statement_)) {
      if (std::exchange(first, false)) value = sqlite3_column_int64(statement_, column);
    }
    if (code != SQLITE_DONE) broken();
    sqlite3_reset(statement_);
    at_ = 0;
    return value;
  }

 private:
  [[noreturn]] void broken() { fail(sqlite3_errmsg(database_)); }

  sqlite3* database_;
  sqlite3_stmt* statement_ = nullptr;
  int at_ = 0;
};

/// One feedback row, ready to bind.
struct Row {
  std::string query_id;
  std::string body;
  std::int64_t time;
};

/// The statements of one append of feedback, in the order in which SqliteStore runs them.
class RawLoop final {
 public:
  explicit RawLoop(sqlite3* database)
      : begin_(database, "BEGIN IMMEDIATE"),
        find_decision_(database,
                       "SELECT router, position, expires_at, body_hash FROM decisions "
                       "WHERE query_id = ?1 AND tenant = ?2"),
        find_slot_(database,
                   "SELECT value_hash, position FROM decision_slots "
                   "WHERE decision = ?1 AND name = ?2"),
        add_record_(database,
                    "INSERT INTO records (tenant, router, kind, time, decision, query_id, "
                    "session_id, arm, signal_type, reward, confidence, cost_usd, latency_ms, body) "
                    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) "
                    "RETURNING position"),
        put_slot_(database,
                  "INSERT INTO decision_slots (decision, name, value_hash, position) "
                  "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (decision, name) DO UPDATE SET "
                  "value_hash = excluded.value_hash, position = excluded.position"),
        count_(database,
               "INSERT INTO record_counts (tenant, router, kind, signal_type, records) "
               "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (tenant, router, kind, signal_type) "
               "DO UPDATE SET records = records + excluded.records"),
        forget_keys_(database,
                     "DELETE FROM idempotency_keys WHERE (key, route, tenant, router) IN ("
                     "SELECT key, route, tenant, router FROM idempotency_keys "
                     "INDEXED BY idempotency_keys_by_expiry WHERE expires_at < ?1 "
                     "ORDER BY expires_at LIMIT 256)"),
        commit_(database, "COMMIT") {}

  void append(const std::vector<Row>& group) {
    const std::string hash(32, '\1');
    begin_.run();
    for (const Row& row : group) {
      const std::int64_t decision = find_decision_.text(row.query_id).text(kScope.tenant).run(1);
      find_slot_.integer(decision).text("thumbs").run();
      add_record_.text(kScope.tenant).text(kScope.router).text("feedback").integer(row.time);
      add_record_.integer(decision).text(row.query_id).null().null().text("thumbs");
      const std::int64_t position =
          add_record_.real(1.0).real(1.0).null().null().blob(row.body).run();
      put_slot_.integer(decision).text("thumbs").blob(hash).integer(position).run();
    }
    count_.text(kScope.tenant).text(kScope.router).text("feedback").text("thumbs");
    count_.integer(static_cast<std::int64_t>(group.size())).run();
    forget_keys_.integer(group.front().time).run();
    commit_.run();
  }

 private:
  Statement begin_, find_decision_, find_slot_, add_record_, put_slot_, count_, forget_keys_,
      commit_;
};

double seconds_of(const auto& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::unique_ptr<SqliteStore> open_file(const std::string& path) {
  SqliteStoreOptions options;
  options.path = path;
  return must(SqliteStore::open(options));
}

void fill_with_decisions(SqliteStore& store, std::uint64_t count) {
  Source source;
  std::vector<AppendRequest> group;
  for (std::uint64_t n = 0; n < count; ++n) {
    group.push_back(source.decision(n));
    if (group.size() == 1024 || n + 1 == count) {
      must(store.append(group));
      group.clear();
    }
  }
}

sqlite3* open_raw(const std::string& path) {
  sqlite3* database = nullptr;
  if (sqlite3_open(path.c_str(), &database) != SQLITE_OK) fail(sqlite3_errmsg(database));
  // The settings of stores/sqlite_store.cc.
  constexpr const char* kSettings =
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;"
      "PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000;"
      "PRAGMA journal_size_limit = 67108864;";
  if (sqlite3_exec(database, kSettings, nullptr, nullptr, nullptr) != SQLITE_OK) {
    fail(sqlite3_errmsg(database));
  }
  return database;
}

struct Plan {
  std::string folder;
  std::size_t rounds = 9;
  std::size_t groups = 100;
};

void measure(const Plan& plan) {
  const std::uint64_t total = (plan.rounds + 1) * plan.groups * kGroup;
  const std::string port_file = plan.folder + "/port.db";
  const std::string raw_file = plan.folder + "/raw.db";
  fill_with_decisions(*open_file(raw_file), total);
  const auto store = open_file(port_file);
  fill_with_decisions(*store, total);
  sqlite3* database = open_raw(raw_file);

  std::vector<double> port_seconds;
  std::vector<double> raw_seconds;
  {
    RawLoop raw(database);
    Source source;
    std::uint64_t next = 0;
    for (std::size_t round = 0; round <= plan.rounds; ++round) {
      std::vector<std::vector<AppendRequest>> requests(plan.groups);
      std::vector<std::vector<Row>> rows(plan.groups);
      for (std::size_t g = 0; g < plan.groups; ++g) {
        for (std::size_t i = 0; i < kGroup; ++i, ++next) {
          AppendRequest request = source.feedback(next);
          rows[g].push_back({Source::query_id(next), encode(request.record),
                             request.record.time.time_since_epoch().count()});
          requests[g].push_back(std::move(request));
        }
      }
      const double port = seconds_of([&] {
        for (const auto& group : requests) {
          for (const AppendResult& result : must(store->append(group))) {
            if (result.status != AppendStatus::recorded) fail("a record was not appended");
          }
        }
      });
      const double raw_time = seconds_of([&] {
        for (const auto& group : rows) raw.append(group);
      });
      if (round == 0) continue;  // Warms caches and the WAL.
      port_seconds.push_back(port);
      raw_seconds.push_back(raw_time);
    }
  }
  sqlite3_close(database);
  const auto records = static_cast<double>(plan.groups * kGroup);
  std::printf("{\"sqlite_port_per_s\": %.0f,\n \"sqlite_raw_per_s\": %.0f}\n",
              records / median(port_seconds), records / median(raw_seconds));
}

}  // namespace
}  // namespace pointsman

int main(int argc, char** argv) {
  pointsman::Plan plan;
  if (argc < 2) pointsman::fail("usage: pointsman_store_bench FOLDER [ROUNDS [GROUPS_A_ROUND]]");
  plan.folder = argv[1];
  if (argc > 2) plan.rounds = std::strtoul(argv[2], nullptr, 10);
  if (argc > 3) plan.groups = std::strtoul(argv[3], nullptr, 10);
  if (plan.rounds == 0 || plan.groups == 0) pointsman::fail("counts must be above 0");
  pointsman::measure(plan);
  for (const char* name : {"/port.db", "/raw.db"}) {
    for (const char* suffix : {"", "-wal", "-shm", "-lock"}) {
      std::filesystem::remove(plan.folder + name + suffix);
    }
  }
  return 0;
}
