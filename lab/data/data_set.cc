#include "lab/data/data_set.h"

#include <filesystem>
#include <system_error>

#include "lab/data/classification_csv.h"
#include "lab/data/outcome_table.h"

namespace pointsman::lab {

Result<DataSet> read_data_set(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return read_outcome_table(path);
  if (!std::filesystem::exists(path, ignored)) {
    return invalid("--data", path + ": there is no such file or folder");
  }
  if (path.ends_with(".csv")) return read_classification_csv(path);
  return invalid("--data", path +
                               ": replay reads an outcome table (a folder) or a classification "
                               "set (a .csv file)");
}

}  // namespace pointsman::lab
