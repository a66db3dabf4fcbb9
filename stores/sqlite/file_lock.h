#pragma once

#include <string>
#include <utility>

#include "engine/values/result.h"

namespace pointsman {

/// An exclusive advisory lock (flock) on a file of its own, which is made where it is missing and
/// left behind. The kernel releases it when the process ends, however it ends. Movable.
class FileLock final {
 public:
  /// Error: `unavailable` where another process, or this one, holds it or the file cannot be made.
  static Result<FileLock> acquire(const std::string& path);

  FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept;
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}

  int descriptor_ = -1;
};

}  // namespace pointsman
