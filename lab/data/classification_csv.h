#pragma once

#include <string>
#include <string_view>

#include "lab/data/data_set.h"

namespace pointsman::lab {

/// Reads a classification set: a header, numeric features, the last column `label`. The arms are
/// the labels in ascending order (as numbers where all are whole numbers), the reward is 1 for the
/// right one. Features go by their place (f0, f1, …), as headers may repeat or differ by case
/// only; an empty cell is unknown. Errors name file, line and column.
Result<DataSet> read_classification_csv(const std::string& path);

/// A file's content and what to call it in messages.
struct ClassificationText {
  std::string name;  ///< Of the data set.
  std::string file;
  std::string text;
};
Result<DataSet> parse_classification_csv(const ClassificationText& text);

}  // namespace pointsman::lab
