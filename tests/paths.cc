#include "tests/paths.h"

namespace pointsman::paths {

std::string source_dir() { return POINTSMAN_SOURCE_DIR; }

std::string shared_dir() { return POINTSMAN_SOURCE_DIR "/../shared"; }

std::string scratch_dir() { return POINTSMAN_BINARY_DIR "/tests"; }

std::string program(std::string_view name) {
  return std::string(POINTSMAN_BINARY_DIR "/").append(name);
}

}  // namespace pointsman::paths
