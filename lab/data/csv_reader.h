#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "engine/values/result.h"
#include "lab/data/text_file.h"

namespace pointsman::lab {

/// Reads comma-separated records (RFC 4180) off a text that outlives it: fields may be quoted, ""
/// inside quotes is one quote, a quoted field may hold commas and line ends. Records end at \n or
/// \r\n and nowhere else, so that U+2028 and friends are plain characters. Empty lines at the end
/// of the file are no records.
class CsvReader final {
 public:
  CsvReader(std::string file, std::string_view text) : file_(std::move(file)), text_(text) {}

  bool at_end() const;

  /// Reads the next record into `fields`, whose capacity is kept. Errors name file and line: a
  /// quote that never ends, or anything but a comma behind a closing one.
  Status next(std::vector<std::string>& fields);

  /// The line on which the last record began, from 1.
  std::size_t line() const { return line_; }
  const std::string& file() const { return file_; }

 private:
  Status quoted_field(std::string& out);

  std::string file_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 0;
  std::size_t next_line_ = 1;
};

/// A finite decimal number, the whole of `text`; locale-free.
Result<double> parse_number(std::string_view text);

}  // namespace pointsman::lab
