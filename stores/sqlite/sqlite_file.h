#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/values/result.h"

namespace pointsman {

/// A file as the kernel knows it, whatever its names are.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;

  auto operator<=>(const FileIdentity&) const = default;
};

/// What stands at `path`, links followed; nothing where there is no file.
std::optional<FileIdentity> identity_at(const std::string& path);

/// One SQLite file of this process. SQLite protects a file by locks of fcntl(2), and the kernel
/// drops all of a process's locks on a file as soon as it closes any descriptor of it. So all
/// connections of this process to a file, by whatever name, share one SqliteFile, and its
/// descriptor is closed after the last of them.
///
/// Thread-safety: all calls.
class SqliteFile final {
 public:
  enum class IfMissing : bool { fail, create };

  /// The file that `path` leads to, links followed. A new one is empty and its mode is 0600, which
  /// SQLite's files beside it take over. Error: `unavailable`.
  static Result<std::shared_ptr<SqliteFile>> at(const std::string& path, IfMissing if_missing);

  SqliteFile(const SqliteFile&) = delete;
  SqliteFile& operator=(const SqliteFile&) = delete;
  ~SqliteFile();

  /// Absolute and without links, as of when it was opened.
  const std::string& path() const { return path_; }

  /// Whether path() still leads to this file, which an operator may have removed or replaced.
  bool in_place() const { return identity_at(path_) == identity_; }
  bool is_at(const std::string& path) const { return identity_at(path) == identity_; }
  /// The error of a file that is not.
  Error gone() const;

 private:
  friend class SqliteFileLock;
  SqliteFile(std::string path, FileIdentity identity, int descriptor);
  Status lock();
  void unlock();

  const std::string path_;
  const FileIdentity identity_;
  std::vector<int> descriptors_;  ///< One, and any that a race opened beside it.
  bool locked_ = false;           ///< Guarded by the mutex of all files.
};

/// Says that this process alone writes the file: an exclusive advisory lock (flock) on the file
/// itself, so that no other name of it gets round the lock, and one on FILE-lock, which is all
/// that earlier releases lock. The kernel releases both when the process ends, however it ends.
/// Movable.
class SqliteFileLock final {
 public:
  /// Error: `unavailable` where another process, or this one, holds it.
  static Result<SqliteFileLock> acquire(std::shared_ptr<SqliteFile> file);

  SqliteFileLock(SqliteFileLock&& other) noexcept
      : file_(std::move(other.file_)), older_releases_(std::exchange(other.older_releases_, -1)) {}
  SqliteFileLock& operator=(SqliteFileLock&&) = delete;
  ~SqliteFileLock();

 private:
  explicit SqliteFileLock(std::shared_ptr<SqliteFile> file) : file_(std::move(file)) {}

  std::shared_ptr<SqliteFile> file_;
  int older_releases_ = -1;  ///< The descriptor of FILE-lock.
};

}  // namespace pointsman
