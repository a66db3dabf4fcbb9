#include <sqlite3.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bench/load/stores/bench_log.h"

namespace pointsman::bench {
namespace {

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

using Database = std::unique_ptr<sqlite3, decltype(&sqlite3_close)>;

Database open_raw(const std::string& path) {
  sqlite3* opened = nullptr;
  if (sqlite3_open(path.c_str(), &opened) != SQLITE_OK) fail(sqlite3_errmsg(opened));
  // The settings of stores/sqlite/sqlite_store.cc.
  constexpr const char* kSettings =
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;"
      "PRAGMA temp_store = MEMORY; PRAGMA wal_autocheckpoint = 4000;"
      "PRAGMA journal_size_limit = 67108864;";
  if (sqlite3_exec(opened, kSettings, nullptr, nullptr, nullptr) != SQLITE_OK) {
    fail(sqlite3_errmsg(opened));
  }
  return {opened, &sqlite3_close};
}

/// The statements of one append of feedback, in the order in which SqliteStore runs them.
class RawSqlite final : public RawLoop {
 public:
  explicit RawSqlite(const std::string& path)
      : database_(open_raw(path)),
        begin_(database_.get(), "BEGIN IMMEDIATE"),
        find_decision_(database_.get(),
                       "SELECT router, position, expires_at, body_hash FROM decisions "
                       "WHERE query_id = ?1 AND tenant = ?2"),
        find_slot_(database_.get(),
                   "SELECT value_hash, position FROM decision_slots "
                   "WHERE decision = ?1 AND name = ?2"),
        add_record_(database_.get(),
                    "INSERT INTO records (tenant, router, kind, time, decision, query_id, "
                    "session_id, arm, signal_type, reward, confidence, cost_usd, latency_ms, body) "
                    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) "
                    "RETURNING position"),
        put_slot_(database_.get(),
                  "INSERT INTO decision_slots (decision, name, value_hash, position) "
                  "VALUES (?1, ?2, ?3, ?4) ON CONFLICT (decision, name) DO UPDATE SET "
                  "value_hash = excluded.value_hash, position = excluded.position"),
        count_(database_.get(),
               "INSERT INTO record_counts (tenant, router, kind, signal_type, records) "
               "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (tenant, router, kind, signal_type) "
               "DO UPDATE SET records = records + excluded.records"),
        forget_keys_(database_.get(),
                     "DELETE FROM idempotency_keys WHERE (key, route, tenant, router) IN ("
                     "SELECT key, route, tenant, router FROM idempotency_keys "
                     "INDEXED BY idempotency_keys_by_expiry WHERE expires_at < ?1 "
                     "ORDER BY expires_at LIMIT 256)"),
        commit_(database_.get(), "COMMIT") {}

  void append(const std::vector<Row>& group) override {
    const std::string hash(32, '\1');
    begin_.run();
    for (const Row& row : group) {
      const std::int64_t decision = find_decision_.text(row.query_id).text(kScope.tenant).run(1);
      find_slot_.integer(decision).text(kSignal).run();
      add_record_.text(kScope.tenant).text(kScope.router).text("feedback").integer(row.time);
      add_record_.integer(decision).text(row.query_id).null().null().text(kSignal);
      const std::int64_t position =
          add_record_.real(1.0).real(1.0).null().null().blob(row.body).run();
      put_slot_.integer(decision).text(kSignal).blob(hash).integer(position).run();
    }
    count_.text(kScope.tenant).text(kScope.router).text("feedback").text(kSignal);
    count_.integer(static_cast<std::int64_t>(group.size())).run();
    forget_keys_.integer(group.front().time).run();
    commit_.run();
  }

 private:
  Database database_;
  Statement begin_, find_decision_, find_slot_, add_record_, put_slot_, count_, forget_keys_,
      commit_;
};

}  // namespace

std::unique_ptr<RawLoop> raw_sqlite(const std::string& path) {
  return std::make_unique<RawSqlite>(path);
}

}  // namespace pointsman::bench
