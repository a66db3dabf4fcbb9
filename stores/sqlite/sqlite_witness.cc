#include "stores/sqlite/sqlite_witness.h"

#include <filesystem>
#include <system_error>
#include <utility>

namespace pointsman {
namespace {

Result<std::string> draw_mark(SqliteConnection& writer) {
  SqliteQuery query =
      writer.query("UPDATE store_identity SET opening = randomblob(16) RETURNING opening");
  if (!query.next()) return writer.error(query.ok() ? SQLITE_CORRUPT : query.code());
  std::string mark(query.bytes_at(0));
  query.next();  // The update ends with the statement, not with the row.
  if (!query.ok()) return writer.error(query.code());
  return mark;
}

/// Returns SQLITE_OK or the code.
int read_mark(SqliteConnection& reader, std::string& mark) {
  reader.forget_pages();
  SqliteQuery query = reader.query("SELECT opening FROM store_identity");
  if (query.next()) mark = query.bytes_at(0);
  return query.code();
}

/// Whether a code that reading the mark gave says that the file holds something else.
bool is_of_another_file(int code) {
  const int primary = code & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_ERROR;
}

}  // namespace

Result<std::unique_ptr<SqliteWitness>> SqliteWitness::take(SqliteConnection& writer,
                                                           SqliteConnection::Options reader,
                                                           std::string given_path) {
  const std::shared_ptr<SqliteFile> file = reader.file;
  Result<std::unique_ptr<SqliteConnection>> opened = SqliteConnection::open(std::move(reader));
  if (!opened.ok()) return opened.error();
  const Result<std::string> mark = draw_mark(writer);
  if (!mark.ok()) return mark.error();
  // The mark must stand in the file: one in the WAL says nothing of what lies under it. Whoever
  // reads the file at this moment may keep it from going there until the next checkpoint.
  if (const int code = writer.execute("PRAGMA wal_checkpoint(PASSIVE)")) return writer.error(code);
  std::unique_ptr<SqliteWitness> witness(
      new SqliteWitness(file, std::move(given_path), *mark, std::move(opened).value()));
  if (const Status looked = witness->look(); !looked.ok()) return looked.error();
  return witness;
}

SqliteWitness::SqliteWitness(std::shared_ptr<SqliteFile> file, std::string given_path,
                             std::string mark, std::unique_ptr<SqliteConnection> reader)
    : file_(std::move(file)),
      given_path_(std::move(given_path)),
      wal_path_(file_->path() + "-wal"),
      wal_(identity_at(wal_path_)),
      mark_(std::move(mark)),
      reader_(std::move(reader)) {}

Status SqliteWitness::in_place() const {
  const bool same_name = given_path_ == file_->path();
  if (!file_->in_place() || (!same_name && !file_->is_at(given_path_))) return file_->gone();
  if (identity_at(wal_path_) != wal_) {
    return Error{ErrorCode::unavailable,
                 wal_path_ +
                     " was removed or replaced while it was in use: the newest records are not in "
                     "the files any more. Restart the server to go on with what is there now.",
                 ""};
  }
  if (!written_over_) return Done{};
  return Error{ErrorCode::unavailable,
               file_->path() +
                   " was written over while it was in use. Put the right file in its place and "
                   "restart the server.",
               ""};
}

void SqliteWitness::part_from_wal() const {
  const bool another_file = identity_at(file_->path()).has_value() && !file_->in_place();
  if (!another_file || identity_at(wal_path_) != wal_) return;
  std::error_code ignored;
  std::filesystem::rename(wal_path_, wal_path_ + "-of-another-file", ignored);
}

Status SqliteWitness::look() {
  const std::lock_guard lock(mutex_);
  std::string found;
  const int code = read_mark(*reader_, found);
  if (code != SQLITE_OK && !is_of_another_file(code)) return reader_->error(code);
  written_over_ = code != SQLITE_OK || found != mark_;
  return in_place();
}

int prove_writing(SqliteConnection& writer) {
  for (const char* sql :
       {"INSERT INTO write_proofs VALUES (zeroblob(1048576))", "DELETE FROM write_proofs"}) {
    SqliteQuery query = writer.query(sql);
    if (!query.run()) return query.code();
  }
  return SQLITE_OK;
}

}  // namespace pointsman
