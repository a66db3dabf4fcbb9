#include "lab/data/classification_csv.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <utility>

#include "lab/data/csv_reader.h"

namespace pointsman::lab {
namespace {

constexpr std::size_t kMostLabels = 1000;

/// "10" stands after "9" where every label is a whole number.
void sort_labels(std::vector<std::string>& labels) {
  const bool whole = std::all_of(labels.begin(), labels.end(), [](const std::string& label) {
    const auto value = parse_number(label);
    return value.ok() && *value == std::floor(*value);
  });
  std::sort(labels.begin(), labels.end(), [&](const std::string& a, const std::string& b) {
    if (!whole) return a < b;
    const double x = *parse_number(a);
    const double y = *parse_number(b);
    return x < y || (x == y && a < b);
  });
}

Status read_cells(const std::vector<std::string>& cells, const std::vector<std::string>& header,
                  const CsvReader& reader, DataSet& data) {
  for (std::size_t i = 0; i < data.field_count; ++i) {
    if (cells[i].empty()) {
      data.fields.push_back(std::numeric_limits<float>::quiet_NaN());
      continue;
    }
    const FilePlace place{reader.file(), reader.line(), header[i]};
    const auto value = parse_number(cells[i]);
    if (!value) return fault_at(place, value.error().message);
    if (std::abs(*value) > static_cast<double>(std::numeric_limits<float>::max())) {
      return fault_at(place, cells[i] + " does not fit a float");
    }
    data.fields.push_back(static_cast<float>(*value));
  }
  return Done{};
}

}  // namespace

Result<DataSet> parse_classification_csv(const ClassificationText& text) {
  DataSet data;
  data.name = text.name;
  data.kind = DataKind::classification;
  CsvReader reader(text.file, text.text);
  std::vector<std::string> header;
  if (reader.at_end()) return fault_at({text.file, 1, ""}, "the header is missing");
  if (Status status = reader.next(header); !status) return status.error();
  if (header.back() != "label") {
    return fault_at({text.file, 1, header.back()}, "the last column must be \"label\"");
  }
  if (header.size() < 2) return fault_at({text.file, 1, ""}, "there is no feature");
  data.field_count = header.size() - 1;

  std::vector<std::string> labels;
  std::vector<std::string> cells;
  while (!reader.at_end()) {
    if (Status status = reader.next(cells); !status) return status.error();
    if (cells.size() != header.size()) {
      return fault_at({text.file, reader.line(), ""},
                      "the row has " + std::to_string(cells.size()) + " cells, the header " +
                          std::to_string(header.size()));
    }
    if (Status status = read_cells(cells, header, reader, data); !status) return status.error();
    if (cells.back().empty()) {
      return fault_at({text.file, reader.line(), "label"}, "the label is empty");
    }
    labels.push_back(cells.back());
    DataRow row;
    row.line = data.rows.size() + 1;
    data.rows.push_back(std::move(row));
  }
  if (data.rows.empty()) return fault_at({text.file, 0, ""}, "there is no row");

  data.arms = labels;
  std::sort(data.arms.begin(), data.arms.end());
  data.arms.erase(std::unique(data.arms.begin(), data.arms.end()), data.arms.end());
  sort_labels(data.arms);
  if (data.arms.size() > kMostLabels) {
    return fault_at({text.file, 0, "label"},
                    std::to_string(data.arms.size()) + " different labels: is it a number?");
  }
  std::map<std::string, std::size_t> index;
  for (std::size_t a = 0; a < data.arms.size(); ++a) index[data.arms[a]] = a;
  const std::size_t cell_count = data.rows.size() * data.arms.size();
  data.quality.assign(cell_count, 0.0);
  data.cost.assign(cell_count, std::numeric_limits<double>::quiet_NaN());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    data.quality[i * data.arms.size() + index[labels[i]]] = 1.0;
  }
  return data;
}

Result<DataSet> read_classification_csv(const std::string& path) {
  auto text = read_text_file(path);
  if (!text) return text.error();
  return parse_classification_csv(
      {std::filesystem::path(path).stem().string(), path, std::move(*text)});
}

}  // namespace pointsman::lab
