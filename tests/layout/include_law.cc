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

using Law = std::map<std::string, std::set<std::string>, std::less<>>;

// What a folder may include beside itself.
const Law kFolders = {
    {"engine", {}},
    {"adapters", {"engine"}},
    {"stores", {"engine"}},
    {"lab", {"adapters", "stores", "engine"}},
    {"server", {"lab", "adapters", "stores", "engine"}},
    {"bench", {"server", "lab", "adapters", "stores", "engine"}},
    {"examples", {"server", "lab", "adapters", "stores", "engine"}},
    {"tests", {"examples", "bench", "server", "lab", "adapters", "stores", "engine"}},
};

// What a room (a folder in one of those folders, or a file that lies there by itself, without its
// ending) may include of its own folder beside itself. A folder that is not named has no such law.
const std::map<std::string, Law, std::less<>> kRooms = {
    {"engine",
     {{"values", {}},
      {"features", {"values"}},
      {"posterior", {"values"}},
      {"policies", {"values"}},
      // A RouterConfig is a record, and it holds a FeatureLayout and PolicyOptions.
      {"log", {"values", "features", "policies"}},
      {"fold", {"values", "features", "posterior", "policies", "log"}},
      {"routers", {"values", "features", "posterior", "policies", "log", "fold"}}}},
    {"adapters", {{"json", {}}, {"rewards", {"json"}}, {"api", {"json"}}}},
    {"stores",
     {{"append_rules", {}},
      {"plain_columns", {}},
      {"memory", {"append_rules"}},
      {"sqlite", {"append_rules", "plain_columns"}},
      {"postgres", {"append_rules", "plain_columns"}},
      {"redis", {"append_rules"}},
      {"open_store", {"memory", "sqlite", "postgres", "redis"}}}},
    {"lab",
     {{"data", {}},
      {"estimators", {"data"}},
      {"replay", {"data", "estimators"}},
      {"report", {"data", "estimators", "replay"}}}},
};

struct Include {
  std::string name;
  bool quoted = false;
};

std::string_view first_folder(std::string_view path) {
  const size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

/// "engine/fold/decide.h" -> "fold", "stores/open_store.cc" -> "open_store".
std::string_view room_of(std::string_view path) {
  path.remove_prefix(first_folder(path).size() + 1);
  const std::string_view folder = first_folder(path);
  return folder.empty() ? path.substr(0, path.find('.')) : folder;
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

/// Why the law forbids that the file `from` sees the file `to`, both of our own; empty if it does
/// not.
std::string why_forbidden(std::string_view from, std::string_view to) {
  const std::string_view folder = first_folder(from);
  if (folder != first_folder(to)) {
    const bool allowed = kFolders.find(folder)->second.contains(std::string(first_folder(to)));
    return allowed ? "" : std::string(folder) + " must not see " + std::string(first_folder(to));
  }
  const auto rooms = kRooms.find(folder);
  const std::string_view here = room_of(from);
  const std::string_view there = room_of(to);
  if (rooms == kRooms.end() || here == there) return "";
  const auto room = rooms->second.find(here);
  const auto inside = [&](std::string_view name) {
    return std::string(folder) + '/' + std::string(name);
  };
  if (room == rooms->second.end()) return "the law knows no room " + inside(here);
  if (room->second.contains(std::string(there))) return "";
  return inside(here) + " must not see " + inside(there);
}

std::optional<std::string> breach_of(const std::string& path, const Include& include,
                                     const SourceTree& tree) {
  const auto fault = [&](std::string_view why) {
    return path + " includes " + include.name + ": " + std::string(why);
  };
  const std::string_view from = first_folder(path);
  const std::string_view to = first_folder(include.name);
  if (kFolders.contains(to)) {
    if (const std::string why = why_forbidden(path, include.name); !why.empty()) return fault(why);
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
    if (!kFolders.contains(first_folder(path))) {
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
