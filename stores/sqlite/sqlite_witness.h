#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "engine/values/result.h"
#include "stores/sqlite/sqlite_connection.h"
#include "stores/sqlite/sqlite_file.h"

namespace pointsman {

/// Tells whether the files at a store's path are still those that it opened. They may be removed,
/// moved, replaced or written over while SQLite goes on with what it has open, and then what it
/// commits is nowhere. Holds a connection for reading, so that SQLite itself never removes the WAL.
/// Thread-safety: all calls.
class SqliteWitness final {
 public:
  /// Draws a new mark and writes it into the file, whose tables must be up to date. `given_path` is
  /// the file's name in the operator's words: it may be a link that later leads elsewhere.
  static Result<std::unique_ptr<SqliteWitness>> take(SqliteConnection& writer,
                                                     SqliteConnection::Options reader,
                                                     std::string given_path);

  /// Whether the names still lead to the files, and the last look() found the mark; a few
  /// microseconds. Error: `unavailable`.
  Status in_place() const;

  /// Lets go of the connection; nothing but part_from_wal() may follow.
  void close_reader() { reader_.reset(); }

  /// Takes the WAL away from a file that took the place of the one it belongs to: SQLite leaves it
  /// there, and would fold it into that file when that is opened next. It is kept under a name of
  /// its own. Precondition: all connections are closed.
  void part_from_wal() const;

  /// in_place(), and whether the file still holds the mark, which another database that was copied
  /// over it does not. From the disk: what SQLite has in memory of the file says nothing of it.
  Status look();

 private:
  SqliteWitness(std::shared_ptr<SqliteFile> file, std::string given_path, std::string mark,
                std::unique_ptr<SqliteConnection> reader);

  const std::shared_ptr<SqliteFile> file_;
  const std::string given_path_;
  const std::string wal_path_;
  const std::optional<FileIdentity> wal_;
  const std::string mark_;
  std::atomic<bool> written_over_{false};
  std::mutex mutex_;  ///< Guards reader_.
  std::unique_ptr<SqliteConnection> reader_;
};

/// Writes about a megabyte through the WAL and takes it out again: a disk that is as good as full
/// still has room for a row. Returns SQLITE_OK or the code.
int prove_writing(SqliteConnection& writer);

}  // namespace pointsman
