#pragma once

#include <string>

#include "lab/data/data_set.h"

namespace pointsman::lab {

/// Reads an outcome table: a folder with `prompts.jsonl` ({id, task, domain, split, prompt}, split
/// on \n only, as prompts hold U+2028) and `outcomes.csv` in the same order (id, task, split,
/// `q:ARM` quality in [0, 1], `c:ARM` dollars a call; empty = unknown). Arms stand in the order of
/// their q: columns; other columns and keys are ignored. Ids may repeat: a row is its line.
/// Errors name file, line and column.
Result<DataSet> read_outcome_table(const std::string& folder);

/// The two files' contents, and what to call them in messages.
struct OutcomeTableText {
  std::string name;  ///< Of the data set.
  std::string prompts_file;
  std::string prompts;
  std::string outcomes_file;
  std::string outcomes;
};
Result<DataSet> parse_outcome_table(const OutcomeTableText& text);

}  // namespace pointsman::lab
