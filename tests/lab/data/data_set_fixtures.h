#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "lab/data/data_set.h"

namespace pointsman::lab {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// A row of a hand-made table: one quality and one cost an arm.
struct HandRow {
  std::vector<double> quality;
  std::vector<double> cost;
};

inline DataSet hand_table(std::vector<std::string> arms, const std::vector<HandRow>& rows) {
  DataSet data;
  data.name = "hand";
  data.kind = DataKind::outcome_table;
  data.arms = std::move(arms);
  for (const HandRow& row : rows) {
    DataRow made;
    made.line = data.rows.size() + 1;
    made.id = "row";  // All the same: a row is its line.
    made.task = data.rows.size() % 2 == 0 ? "even" : "odd";
    made.split = data.rows.size() % 4 == 0 ? "test" : "train";
    made.prompt = made.task + " question number " + std::to_string(made.line);
    data.rows.push_back(std::move(made));
    data.quality.insert(data.quality.end(), row.quality.begin(), row.quality.end());
    data.cost.insert(data.cost.end(), row.cost.begin(), row.cost.end());
  }
  return data;
}

/// `count` rows, two arms: "even" is right for the rows at even places, "odd" for the others; the
/// dearer arm costs ten times as much.
inline DataSet task_table(std::size_t count) {
  std::vector<HandRow> rows;
  for (std::size_t i = 0; i < count; ++i) {
    rows.push_back({i % 2 == 0 ? std::vector<double>{1.0, 0.0} : std::vector<double>{0.0, 1.0},
                    {0.001, 0.01}});
  }
  return hand_table({"even", "odd"}, rows);
}

}  // namespace pointsman::lab
