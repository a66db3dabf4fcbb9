#include "stores/sqlite/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace pointsman {

Result<FileLock> FileLock::acquire(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) {
    const std::string reason = std::generic_category().message(errno);
    return Error{ErrorCode::unavailable, "Cannot open " + path + ": " + reason + ".", ""};
  }
  FileLock lock(descriptor);
  int result = 0;
  do {
    result = ::flock(descriptor, LOCK_EX | LOCK_NB);
  } while (result != 0 && errno == EINTR);
  if (result == 0) return lock;
  if (errno == EWOULDBLOCK) {
    return Error{ErrorCode::unavailable,
                 path + " is locked: the file is in use by another process.", ""};
  }
  const std::string reason = std::generic_category().message(errno);
  return Error{ErrorCode::unavailable, "Cannot lock " + path + ": " + reason + ".", ""};
}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace pointsman
