#include "stores/sqlite/sqlite_connection.h"

namespace pointsman {

SqliteFault fault_of(int code) {
  switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return SqliteFault::none;
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
      return SqliteFault::record;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return SqliteFault::busy;
    default:
      return SqliteFault::broken;
  }
}

SqliteQuery::~SqliteQuery() {
  if (statement_ != nullptr) sqlite3_reset(statement_);
}

SqliteQuery& SqliteQuery::text(std::string_view value) {
  // SQLite takes a null pointer for NULL, and an empty view may hold one.
  const char* data = value.data() == nullptr ? "" : value.data();
  if (ok()) {
    bound(sqlite3_bind_text64(statement_, ++parameter_, data, value.size(), SQLITE_STATIC,
                              SQLITE_UTF8));
  }
  return *this;
}

SqliteQuery& SqliteQuery::text_or_null(std::string_view value) {
  return value.empty() ? null() : text(value);
}

SqliteQuery& SqliteQuery::blob(std::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();
  if (ok()) {
    bound(sqlite3_bind_blob64(statement_, ++parameter_, data, value.size(), SQLITE_STATIC));
  }
  return *this;
}

SqliteQuery& SqliteQuery::integer(std::int64_t value) {
  if (ok()) bound(sqlite3_bind_int64(statement_, ++parameter_, value));
  return *this;
}

SqliteQuery& SqliteQuery::real(double value) {
  if (ok()) bound(sqlite3_bind_double(statement_, ++parameter_, value));
  return *this;
}

SqliteQuery& SqliteQuery::real(const std::optional<double>& value) {
  return value ? real(*value) : null();
}

SqliteQuery& SqliteQuery::null() {
  if (ok()) bound(sqlite3_bind_null(statement_, ++parameter_));
  return *this;
}

bool SqliteQuery::next() {
  if (!ok()) return false;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) code_ = code;
  return false;
}

std::string_view SqliteQuery::bytes_at(int column) const {
  // A blob read gives text as it is stored, without a conversion that could stop at a NUL.
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  if (data == nullptr || size <= 0) return {};
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

std::int64_t SqliteQuery::integer_at(int column) const {
  return sqlite3_column_int64(statement_, column);
}

bool SqliteQuery::is_null_at(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const Options& options) {
  const std::string& path = options.file->path();
  const int mode = options.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &database,
                                   mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (database == nullptr) return Error{ErrorCode::unavailable, "SQLite has no memory.", ""};
  // Owns the handle from here on: SQLite gives one even where opening failed.
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(database, options.file));
  if (code != SQLITE_OK) {
    Error error = connection->error(code);
    error.message = "Cannot open the store " + path + ": " + error.message;
    return error;
  }
  // Another file that took its place has just been opened in its stead, or may have been.
  if (!options.file->in_place()) return options.file->gone();
  sqlite3_busy_timeout(database, options.busy_timeout_ms);
  return connection;
}

SqliteConnection::~SqliteConnection() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(database_);
}

SqliteQuery SqliteConnection::query(const char* sql) {
  const auto known = statements_.find(sql);
  if (known != statements_.end()) return {known->second, SQLITE_OK};
  sqlite3_stmt* statement = nullptr;
  const int code =
      sqlite3_prepare_v3(database_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return {nullptr, code};
  statements_.emplace(sql, statement);
  return {statement, SQLITE_OK};
}

int SqliteConnection::execute(const std::string& sql) {
  return sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
}

Result<std::string> SqliteConnection::value(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(database_, sql.c_str(), -1, &statement, nullptr);
  if (code != SQLITE_OK) return error(code);
  std::string value;
  int stepped = SQLITE_OK;
  {
    SqliteQuery query(statement, SQLITE_OK);
    if (query.next()) value = query.bytes_at(0);
    stepped = query.code();
  }
  sqlite3_finalize(statement);
  if (stepped != SQLITE_OK) return error(stepped);
  return value;
}

Error SqliteConnection::error(int code) const {
  const int primary = code & 0xff;
  ErrorCode meaning = ErrorCode::unavailable;
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) meaning = ErrorCode::corrupt;
  if (fault_of(code) == SqliteFault::record) meaning = ErrorCode::internal;
  std::string message = "SQLite: ";
  message += sqlite3_errstr(code);
  // The connection's own message says more, as long as it is of this failure.
  if (sqlite3_extended_errcode(database_) == code) {
    message += " (";
    message += sqlite3_errmsg(database_);
    message += ")";
  }
  return Error{meaning, message + ".", ""};
}

}  // namespace pointsman
