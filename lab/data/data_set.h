#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/values/result.h"

namespace pointsman::lab {

enum class DataKind : std::uint8_t {
  outcome_table,   ///< Real prompts × models: quality in [0, 1] and cost in dollars.
  classification,  ///< Arms are labels; the quality of the right one is 1, of any other 0.
};

/// One prompt or example. What a file does not have stays empty.
struct DataRow {
  std::size_t line = 0;  ///< From 1, the header not counted. A row is its line: ids may repeat.
  std::string id;
  std::string task;
  std::string domain;
  std::string split;
  std::string prompt;
};

/// A data set in memory: rows × arms of full-information outcomes, of which replay reveals the
/// chosen arm's alone. A value; const access is safe from any thread.
struct DataSet {
  std::string name;  ///< The folder's or file's own name.
  DataKind kind = DataKind::outcome_table;
  std::vector<std::string> arms;
  std::vector<DataRow> rows;
  std::size_t field_count = 0;  ///< Numeric features a row, called f0, f1, …
  std::vector<float> fields;    ///< (rows, field_count) row-major; NaN: unknown.
  std::vector<double> quality;  ///< (rows, arms) row-major; NaN: unknown.
  std::vector<double> cost;     ///< (rows, arms) row-major, USD a call; NaN: unknown, 0 is a cost.

  std::span<const float> fields_of(std::size_t row) const {
    return std::span(fields).subspan(row * field_count, field_count);
  }
  std::span<const double> quality_of(std::size_t row) const {
    return std::span(quality).subspan(row * arms.size(), arms.size());
  }
  std::span<const double> cost_of(std::size_t row) const {
    return std::span(cost).subspan(row * arms.size(), arms.size());
  }
};

/// Reads the data set at `path`: a folder is an outcome table, a file ending in .csv a
/// classification set. Errors are `invalid` and begin "FILE:LINE: " where a line is at fault; the
/// column is in the message and in `field`.
Result<DataSet> read_data_set(const std::string& path);

}  // namespace pointsman::lab
