#include "tests/layout/include_law.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <string_view>

namespace pointsman::layout {
namespace {

const std::map<std::string, std::set<std::string>, std::less<>> kMayInclude = {
    {"engine", {"engine"}},
    {"adapters", {"adapters", "engine"}},
    {"stores", {"stores", "engine"}},
    {"server", {"server", "adapters", "stores", "engine"}},
    {"bench", {"bench", "server", "adapters", "stores", "engine"}},
    {"examples", {"examples", "server", "adapters", "stores", "engine"}},
    {"tests", {"tests", "examples", "bench", "server", "adapters", "stores", "engine"}},
};

struct Include {
  std::string name;
  bool quoted = false;
};

std::string_view first_folder(std::string_view path) {
  const size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view after_blanks(std::string_view text) {
  const size_t start = text.find_first_not_of(" \t");
  return start == std::string_view::npos ? std::string_view{} : text.substr(start);
}

bool drop_prefix(std::string_view& text, std::string_view prefix) {
  text = after_blanks(text);
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<Include> include_of_line(std::string_view line) {
  if (!drop_prefix(line, "#") || !drop_prefix(line, "include")) return std::nullopt;
  line = after_blanks(line);
  if (line.empty()) return std::nullopt;
  const bool quoted = line.front() == '"';
  if (!quoted && line.front() != '<') return std::nullopt;
  const size_t end = line.find(quoted ? '"' : '>', 1);
  if (end == std::string_view::npos) return std::nullopt;
  return Include{.name = std::string(line.substr(1, end - 1)), .quoted = quoted};
}

std::vector<Include> includes_of(const std::string& content) {
  std::vector<Include> includes;
  std::istringstream lines(content);
  for (std::string line; std::getline(lines, line);) {
    if (auto include = include_of_line(line)) includes.push_back(*std::move(include));
  }
  return includes;
}

// C++ names its headers without a dot; everything of POSIX and of a library's own has one or a
// folder.
bool is_standard_header(std::string_view name) {
  return name.find_first_of("./") == std::string_view::npos;
}

bool is_outside_library_of_engine(std::string_view name) {
  const std::string_view folder = first_folder(name);
  return folder == "Eigen" || folder == "hwy";
}

std::optional<std::string> breach_of(const std::string& path, const Include& include,
                                     const SourceTree& tree) {
  const auto fault = [&](std::string_view why) {
    return path + " includes " + include.name + ": " + std::string(why);
  };
  const std::string_view from = first_folder(path);
  const std::string_view to = first_folder(include.name);
  if (kMayInclude.contains(to)) {
    // main() wires: `replay` is a command of the binary.
    const bool main_wires = path == "server/main.cc" && to == "bench";
    // An example streams a data set: it makes the very calls that `replay` makes.
    const bool example_streams = from == "examples" && include.name.starts_with("bench/offline/");
    if (!main_wires && !example_streams &&
        !kMayInclude.find(from)->second.contains(std::string(to))) {
      return fault(std::string(from) + " must not see " + std::string(to));
    }
    if (!include.quoted) return fault("our own files are included in quotes");
    if (!tree.contains(include.name)) return fault("there is no such file");
    return std::nullopt;
  }
  // Highway's own manner is quotes, because it includes the file that includes it.
  if (include.quoted && to != "hwy") return fault("our own files are named from the root");
  if (from == "engine" && !is_standard_header(include.name) &&
      !is_outside_library_of_engine(include.name)) {
    return fault("the engine stands on the standard library, Eigen and Highway alone");
  }
  return std::nullopt;
}

void find_breaches_of_form(const std::string& path, const std::string& content,
                           std::vector<std::string>& breaches) {
  for (const auto& folder : std::filesystem::path(path).parent_path()) {
    const std::string name = folder.string();
    if (name == "util" || name == "utils" || name == "common") {
      breaches.push_back(path + ": no folder is called " + name);
    }
  }
  if (path.ends_with(".h")) {
    std::istringstream lines(content);
    bool guarded = false;
    for (std::string line; !guarded && std::getline(lines, line);) guarded = line == "#pragma once";
    if (!guarded) breaches.push_back(path + ": a header needs #pragma once");
  }
}

// Depth first; a file is entered once, and meeting one that is still open closes a cycle.
class CycleSearch final {
 public:
  explicit CycleSearch(const SourceTree& tree) : tree_(tree) {}

  void visit(const std::string& path, std::vector<std::string>& breaches) {
    const auto file = tree_.find(path);
    if (file == tree_.end()) return;
    if (const auto open = std::find(open_.begin(), open_.end(), path); open != open_.end()) {
      std::string chain;
      for (auto step = open; step != open_.end(); ++step) chain += *step + " -> ";
      breaches.push_back(path + ": include cycle " + chain + path);
      return;
    }
    if (!entered_.insert(path).second) return;
    open_.push_back(path);
    for (const Include& include : includes_of(file->second)) visit(include.name, breaches);
    open_.pop_back();
  }

 private:
  const SourceTree& tree_;
  std::vector<std::string> open_;
  std::set<std::string> entered_;
};

}  // namespace

SourceTree read_source_tree(const std::filesystem::path& root) {
  static const std::set<std::string> kExtensions = {".h", ".hpp", ".inc", ".cc", ".cpp", ".c"};
  SourceTree tree;
  for (auto entry = std::filesystem::recursive_directory_iterator(root);
       entry != std::filesystem::recursive_directory_iterator(); ++entry) {
    const std::string name = entry->path().filename().string();
    if (entry->is_directory()) {
      const bool top = entry.depth() == 0;
      if (name.starts_with('.') || name == "node_modules" || (top && name == "build")) {
        entry.disable_recursion_pending();
      }
      continue;
    }
    if (!kExtensions.contains(entry->path().extension().string())) continue;
    std::ifstream file(entry->path(), std::ios::binary);
    tree[entry->path().lexically_relative(root).generic_string()] =
        std::string(std::istreambuf_iterator<char>(file), {});
  }
  return tree;
}

std::vector<std::string> breaches_of_include_law(const SourceTree& tree) {
  std::vector<std::string> breaches;
  CycleSearch cycles(tree);
  for (const auto& [path, content] : tree) {
    find_breaches_of_form(path, content, breaches);
    if (!kMayInclude.contains(first_folder(path))) {
      breaches.push_back(path + ": the law knows no such folder of sources");
      continue;
    }
    for (const Include& include : includes_of(content)) {
      if (auto breach = breach_of(path, include, tree)) breaches.push_back(*std::move(breach));
    }
    cycles.visit(path, breaches);
  }
  return breaches;
}

}  // namespace pointsman::layout
