#include "lab/data/outcome_table.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "adapters/json/json_body.h"
#include "lab/data/csv_reader.h"

namespace pointsman::lab {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// Where the columns of outcomes.csv stand.
struct Columns {
  struct Arm {
    std::size_t quality = 0;
    std::optional<std::size_t> cost;
  };
  std::vector<std::string> header;
  std::size_t id = 0;
  std::optional<std::size_t> task;
  std::optional<std::size_t> split;
  std::vector<Arm> arms;
};

Result<Columns> read_header(CsvReader& reader, DataSet& data) {
  Columns columns;
  if (reader.at_end()) return fault_at({reader.file(), 1, ""}, "the header is missing");
  if (Status status = reader.next(columns.header); !status) return status.error();
  const auto find = [&](const std::string& name) -> std::optional<std::size_t> {
    const auto at = std::find(columns.header.begin(), columns.header.end(), name);
    if (at == columns.header.end()) return std::nullopt;
    return static_cast<std::size_t>(at - columns.header.begin());
  };
  for (std::size_t i = 0; i < columns.header.size(); ++i) {
    const std::string& name = columns.header[i];
    if (find(name) != i) return fault_at({reader.file(), 1, name}, "the header names it twice");
    if (name.starts_with("c:") && !find("q:" + name.substr(2))) {
      return fault_at({reader.file(), 1, name}, "a cost without its q: column");
    }
    if (!name.starts_with("q:")) continue;
    if (name.size() == 2) return fault_at({reader.file(), 1, name}, "the arm has no name");
    data.arms.push_back(name.substr(2));
    columns.arms.push_back({i, find("c:" + name.substr(2))});
  }
  const auto id = find("id");
  if (!id) return fault_at({reader.file(), 1, "id"}, "the header lacks it");
  if (data.arms.empty()) {
    return fault_at({reader.file(), 1, "q:ARM"}, "the header names no arm's quality");
  }
  columns.id = *id;
  columns.task = find("task");
  columns.split = find("split");
  return columns;
}

struct Range {
  double least = 0.0;
  double most = 0.0;
};

Result<double> read_cell(const std::string& cell, const FilePlace& place, Range range) {
  if (cell.empty()) return kUnknown;
  const auto value = parse_number(cell);
  if (!value) return fault_at(place, value.error().message);
  if (*value < range.least || *value > range.most) {
    return fault_at(place, cell + (range.most == 1.0 ? " is outside [0, 1]" : " is below 0"));
  }
  return *value;
}

Status read_outcomes(const OutcomeTableText& text, DataSet& data) {
  CsvReader reader(text.outcomes_file, text.outcomes);
  const auto columns = read_header(reader, data);
  if (!columns) return columns.error();
  std::vector<std::string> cells;
  while (!reader.at_end()) {
    if (Status status = reader.next(cells); !status) return status;
    const auto place = [&](std::size_t column) {
      return FilePlace{reader.file(), reader.line(), columns->header[column]};
    };
    if (cells.size() != columns->header.size()) {
      return fault_at({reader.file(), reader.line(), ""},
                      "the row has " + std::to_string(cells.size()) + " cells, the header " +
                          std::to_string(columns->header.size()));
    }
    DataRow row;
    row.line = data.rows.size() + 1;
    row.id = cells[columns->id];
    if (columns->task) row.task = cells[*columns->task];
    if (columns->split) row.split = cells[*columns->split];
    data.rows.push_back(std::move(row));
    for (const Columns::Arm& arm : columns->arms) {
      const auto quality = read_cell(cells[arm.quality], place(arm.quality), {0.0, 1.0});
      if (!quality) return quality.error();
      data.quality.push_back(*quality);
      data.cost.push_back(kUnknown);
      if (!arm.cost) continue;
      const auto cost =
          read_cell(cells[*arm.cost], place(*arm.cost), {0.0, std::numeric_limits<double>::max()});
      if (!cost) return cost.error();
      data.cost.back() = *cost;
    }
  }
  return Done{};
}

/// A string member, or empty where there is none. False where it is something else.
bool read_string(const nlohmann::json& object, const char* key, std::string& out) {
  const auto at = object.find(key);
  if (at == object.end() || at->is_null()) return true;
  if (!at->is_string()) return false;
  out = at->get<std::string>();
  return true;
}

Status read_prompt(std::string_view line, const FilePlace& place, DataRow& row) {
  const auto body = parse_json_body(line);
  if (!body) return fault_at(place, body.error().message);
  if (!body->is_object()) return fault_at(place, "the line is not a JSON object");
  std::string id;
  std::string task = row.task;
  const std::pair<const char*, std::string*> members[] = {
      {"id", &id}, {"task", &task}, {"domain", &row.domain}, {"prompt", &row.prompt}};
  for (const auto& [key, value] : members) {
    if (!read_string(*body, key, *value)) {
      return fault_at({place.file, place.line, key}, "the value is not a string");
    }
  }
  if (!body->contains("prompt")) {
    return fault_at({place.file, place.line, "prompt"}, "the line lacks it");
  }
  if (id != row.id) {
    return fault_at({place.file, place.line, "id"},
                    "\"" + id + "\" stands where the outcomes have \"" + row.id + "\"");
  }
  row.task = std::move(task);
  return Done{};
}

Status read_prompts(const OutcomeTableText& text, DataSet& data) {
  std::string_view rest = text.prompts;
  std::size_t count = 0;
  for (std::size_t line = 1; !rest.empty(); ++line) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view one = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (one.empty() || one == "\r") continue;
    if (count == data.rows.size()) {
      return fault_at({text.prompts_file, line, ""},
                      "there are more prompts than rows of outcomes");
    }
    const FilePlace place{text.prompts_file, line, ""};
    if (Status status = read_prompt(one, place, data.rows[count]); !status) return status;
    ++count;
  }
  if (count < data.rows.size()) {
    return fault_at({text.prompts_file, 0, ""},
                    "it has " + std::to_string(count) + " prompts for " +
                        std::to_string(data.rows.size()) + " rows of outcomes");
  }
  return Done{};
}

}  // namespace

Result<DataSet> parse_outcome_table(const OutcomeTableText& text) {
  DataSet data;
  data.name = text.name;
  data.kind = DataKind::outcome_table;
  if (Status status = read_outcomes(text, data); !status) return status.error();
  if (Status status = read_prompts(text, data); !status) return status.error();
  if (data.rows.empty()) return fault_at({text.outcomes_file, 0, ""}, "there is no row");
  return data;
}

Result<DataSet> read_outcome_table(const std::string& folder) {
  const auto path = std::filesystem::path(folder).lexically_normal();
  OutcomeTableText text;
  text.name = (path.has_filename() ? path : path.parent_path()).filename().string();
  text.prompts_file = (path / "prompts.jsonl").string();
  text.outcomes_file = (path / "outcomes.csv").string();
  auto prompts = read_text_file(text.prompts_file);
  if (!prompts) return prompts.error();
  auto outcomes = read_text_file(text.outcomes_file);
  if (!outcomes) return outcomes.error();
  text.prompts = std::move(*prompts);
  text.outcomes = std::move(*outcomes);
  return parse_outcome_table(text);
}

}  // namespace pointsman::lab
