#include "stores/sqlite/sqlite_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <map>
#include <mutex>
#include <system_error>

namespace pointsman {
namespace {

/// The files that this process has open. They belong to the process and to no object in it, because
/// the locks that they keep from being dropped do.
struct OpenFiles {
  std::mutex mutex;
  std::map<FileIdentity, std::weak_ptr<SqliteFile>> files;
};

OpenFiles& open_files() {
  static OpenFiles instance;
  return instance;
}

Error cannot(const std::string& what, const std::string& path) {
  const std::string reason = std::generic_category().message(errno);
  return {ErrorCode::unavailable, "Cannot " + what + " " + path + ": " + reason + ".", ""};
}

Error in_use(const std::string& path) {
  return {ErrorCode::unavailable, path + " is locked: the file is in use by another process.", ""};
}

FileIdentity identity_of(const struct stat& found) { return {found.st_dev, found.st_ino}; }

Result<std::string> without_links(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> found(::realpath(path.c_str(), nullptr),
                                                          &std::free);
  if (!found) return cannot("find", path);
  return std::string(found.get());
}

/// Makes the file where it is missing. O_CREAT alone follows a link that leads nowhere, as SQLite
/// would.
Status make_if_missing(const std::string& path) {
  if (identity_at(path)) return Done{};
  const int made = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (made < 0) return cannot("make the store", path);
  ::close(made);
  return Done{};
}

/// True: it is ours. False: somebody else has it.
Result<bool> take_flock(int descriptor, const std::string& path) {
  int result = 0;
  do {
    result = ::flock(descriptor, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return cannot("lock", path);
}

}  // namespace

std::optional<FileIdentity> identity_at(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return std::nullopt;
  return identity_of(found);
}

Result<std::shared_ptr<SqliteFile>> SqliteFile::at(const std::string& path, IfMissing if_missing) {
  const std::lock_guard lock(open_files().mutex);
  if (if_missing == IfMissing::create) {
    if (const Status made = make_if_missing(path); !made.ok()) return made.error();
  }
  const Result<std::string> real_path = without_links(path);
  if (!real_path.ok()) return real_path.error();
  auto& files = open_files().files;
  const auto known = [&](const FileIdentity& identity) {
    const auto found = files.find(identity);
    return found == files.end() ? nullptr : found->second.lock();
  };
  if (const auto identity = identity_at(*real_path)) {
    if (auto file = known(*identity)) return file;
  }
  const int descriptor = ::open(real_path->c_str(), O_RDONLY | O_CLOEXEC);
  struct stat found {};
  if (descriptor < 0) return cannot("open the store", path);
  if (::fstat(descriptor, &found) != 0 || !S_ISREG(found.st_mode)) {
    ::close(descriptor);
    return Error{ErrorCode::unavailable, "Cannot open the store " + path + ": it is no file.", ""};
  }
  if (auto file = known(identity_of(found))) {
    // Somebody moved an open file to this path after the look at it. Closing the descriptor would
    // drop its locks.
    file->descriptors_.push_back(descriptor);
    return file;
  }
  std::shared_ptr<SqliteFile> file(new SqliteFile(*real_path, identity_of(found), descriptor));
  files[file->identity_] = file;
  return file;
}

SqliteFile::SqliteFile(std::string path, FileIdentity identity, int descriptor)
    : path_(std::move(path)), identity_(identity), descriptors_{descriptor} {}

SqliteFile::~SqliteFile() {
  std::shared_ptr<SqliteFile> next;  // Goes after the mutex, which its own end may want.
  const std::lock_guard lock(open_files().mutex);
  auto& files = open_files().files;
  const auto entry = files.find(identity_);
  if (entry != files.end()) next = entry->second.lock();
  if (next) {
    // It was opened since the last owner of this one let go, and may hold locks by now.
    next->descriptors_.insert(next->descriptors_.end(), descriptors_.begin(), descriptors_.end());
    return;
  }
  files.erase(identity_);
  for (const int descriptor : descriptors_) ::close(descriptor);
}

Error SqliteFile::gone() const {
  return {ErrorCode::unavailable,
          path_ +
              " was removed or replaced while it was in use. Put the file back, or restart the "
              "server to use what is there now.",
          ""};
}

Status SqliteFile::lock() {
  const std::lock_guard lock(open_files().mutex);
  if (locked_) return in_use(path_);
  const Result<bool> taken = take_flock(descriptors_.front(), path_);
  if (!taken.ok()) return taken.error();
  if (!*taken) return in_use(path_);
  locked_ = true;
  return Done{};
}

void SqliteFile::unlock() {
  const std::lock_guard lock(open_files().mutex);
  ::flock(descriptors_.front(), LOCK_UN);
  locked_ = false;
}

Result<SqliteFileLock> SqliteFileLock::acquire(std::shared_ptr<SqliteFile> file) {
  if (const Status locked = file->lock(); !locked.ok()) return locked.error();
  SqliteFileLock lock(std::move(file));
  const std::string path = lock.file_->path() + "-lock";
  lock.older_releases_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (lock.older_releases_ < 0) return cannot("open", path);
  const Result<bool> taken = take_flock(lock.older_releases_, path);
  if (!taken.ok()) return taken.error();
  if (!*taken) return in_use(path);
  return lock;
}

SqliteFileLock::~SqliteFileLock() {
  if (older_releases_ >= 0) ::close(older_releases_);
  if (file_) file_->unlock();
}

}  // namespace pointsman
