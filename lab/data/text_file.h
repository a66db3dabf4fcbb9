#pragma once

#include <cstddef>
#include <string>

#include "engine/values/result.h"

namespace pointsman::lab {

/// Where a fault lies, for messages "FILE:LINE: column "NAME": what is wrong".
struct FilePlace {
  std::string file;
  std::size_t line = 0;  ///< From 1, as an editor counts; 0: the file as a whole.
  std::string column;    ///< Empty: the line as a whole.
};

Error fault_at(const FilePlace& place, const std::string& message);

/// A whole file of UTF-8 text, without the byte order mark that it may begin with. Errors:
/// `invalid` with the file's name, and with the line of the first byte that is no UTF-8.
Result<std::string> read_text_file(const std::string& path);

}  // namespace pointsman::lab
