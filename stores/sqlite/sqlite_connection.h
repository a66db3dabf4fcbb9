#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "engine/values/result.h"
#include "stores/sqlite/sqlite_file.h"

namespace pointsman {

/// What a failed SQLite call means for its caller.
enum class SqliteFault {
  none,
  record,  ///< The statement's own values: a constraint, a size. The transaction may go on.
  busy,    ///< Another connection holds a lock. Nothing is broken.
  broken,  ///< Input and output, a full disk, a damaged file: open the database anew.
};

SqliteFault fault_of(int code);

/// One run of a prepared statement: bind in order, then step. Bound strings must outlive the run.
/// The first failure stays: later calls do nothing, and code() tells. The statement is reset when
/// this goes, which ends a reader's snapshot.
class SqliteQuery final {
 public:
  SqliteQuery(sqlite3_stmt* statement, int code) : statement_(statement), code_(code) {}
  SqliteQuery(const SqliteQuery&) = delete;
  SqliteQuery& operator=(const SqliteQuery&) = delete;
  ~SqliteQuery();

  SqliteQuery& text(std::string_view value);
  SqliteQuery& text_or_null(std::string_view value);  ///< An empty value is NULL.
  SqliteQuery& blob(std::string_view value);
  SqliteQuery& integer(std::int64_t value);
  SqliteQuery& real(double value);  ///< A NaN is NULL.
  SqliteQuery& real(const std::optional<double>& value);
  SqliteQuery& null();

  /// True: there is a row. False: the end, or a failure; see ok().
  bool next();
  /// Runs a statement that gives no rows. The same as ok() after next().
  bool run() {
    next();
    return ok();
  }

  /// Columns of the current row, from 0. Views live until the next call of next().
  std::string_view bytes_at(int column) const;
  std::int64_t integer_at(int column) const;
  bool is_null_at(int column) const;

  bool ok() const { return code_ == SQLITE_OK; }
  int code() const { return code_; }

 private:
  void bound(int code) {
    if (code_ == SQLITE_OK) code_ = code;
  }

  sqlite3_stmt* statement_;
  int code_;
  int parameter_ = 0;
};

/// One SQLite connection and its prepared statements. Used by one thread at a time.
class SqliteConnection final {
 public:
  struct Options {
    std::shared_ptr<SqliteFile> file;
    bool read_only = false;
    int busy_timeout_ms = 5000;
  };

  /// Error: `unavailable` where the file is no longer at its path, too; it is never made.
  static Result<std::unique_ptr<SqliteConnection>> open(const Options& options);

  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;
  ~SqliteConnection();

  /// `sql` must be a literal: its address is the statement's name. One run at a time of each.
  SqliteQuery query(const char* sql);

  /// One or more statements without parameters or rows, not kept. Returns SQLITE_OK or the code.
  int execute(const std::string& sql);

  /// The first column of the first row of a statement that is not kept, as text.
  Result<std::string> value(const std::string& sql);

  /// The Error for a code that this connection has just returned.
  Error error(int code) const;

  /// What is read next comes from the file, not from what was read of it before.
  void forget_pages() { sqlite3_db_release_memory(database_); }

  /// Rows that the last INSERT, UPDATE or DELETE changed.
  std::uint64_t changes() const { return static_cast<std::uint64_t>(sqlite3_changes(database_)); }

  bool in_transaction() const { return sqlite3_get_autocommit(database_) == 0; }

 private:
  SqliteConnection(sqlite3* database, std::shared_ptr<SqliteFile> file)
      : file_(std::move(file)), database_(database) {}

  std::shared_ptr<SqliteFile> file_;  ///< Outlives database_, which holds locks on it.
  sqlite3* database_;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;
};

}  // namespace pointsman
