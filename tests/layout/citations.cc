#include "tests/layout/citations.h"

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>

#include "tests/layout/include_law.h"

namespace pointsman::layout {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The comments of a C++ source, a line for each of its lines.
std::string comments_of(const std::string& source) {
  std::istringstream lines(source);
  std::string comments;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t start = line.find("//");
    const bool in_text = start != std::string::npos && start > 0 && line[start - 1] == ':';
    if (start != std::string::npos && !in_text) {
      const std::size_t words = line.find_first_not_of("/<", start);
      if (words != std::string::npos) comments += line.substr(words);
    }
    comments += '\n';
  }
  return comments;
}

/// All blanks and line ends as one blank, so that a citation may stand on two lines.
std::string flowing(const std::string& text) {
  std::istringstream words(text);
  std::string out;
  for (std::string word; words >> word;) out += word + ' ';
  return out;
}

/// The matches of a pattern's first group.
std::vector<std::smatch> matches(const std::string& text, const std::regex& pattern) {
  return {std::sregex_iterator(text.begin(), text.end(), pattern), std::sregex_iterator()};
}

bool is_beginning_of_a_file(const fs::path& path) {
  const std::string name = path.filename().string();
  const std::string beginning = name.substr(0, name.find('*'));
  if (!fs::is_directory(path.parent_path())) return false;
  for (const auto& entry : fs::directory_iterator(path.parent_path())) {
    if (entry.path().filename().string().starts_with(beginning)) return true;
  }
  return false;
}

bool is_there(const fs::path& path) {
  if (path.string().find('*') != std::string::npos) return is_beginning_of_a_file(path);
  return fs::exists(path) || fs::exists(path.string() + ".h") || fs::exists(path.string() + ".cc");
}

/// A document of this name, in docs/ or at the root; empty where there is none.
fs::path document(const fs::path& root, const std::string& name) {
  for (const fs::path& path : {root / "docs" / name, root / name}) {
    if (fs::exists(path)) return path;
  }
  return {};
}

/// The headings of a document, without their marks and what stands in brackets behind them.
std::set<std::string> headings_of(const fs::path& path) {
  std::set<std::string> headings;
  std::istringstream lines(content_of(path));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with('#')) continue;
    std::string heading = line.substr(line.find_first_not_of("# "));
    headings.insert(heading.substr(0, heading.find(" [")));
  }
  return headings;
}

/// Looks through one text and gathers what leads nowhere.
class Reader final {
 public:
  Reader(const fs::path& root, const std::string& path, std::vector<std::string>& dead)
      : root_(root), path_(path), dead_(dead) {}

  void read_links(const std::string& text) {
    static const std::regex kLink(R"(\]\(([^)#\s:]+)[^):]*\))");
    for (const std::smatch& match : matches(text, kLink)) {
      if (!fs::exists(root_ / fs::path(path_).parent_path() / match[1].str())) missing(match[1]);
    }
  }

  void read_paths(const std::string& text) {
    static const std::regex kPath(
        R"((?:^|[^A-Za-z0-9_/.$}-]))"
        R"(((?:engine|adapters|stores|lab|server|bench|tests|examples|docs|script|cmake)/)"
        R"([A-Za-z0-9_./*-]+))");
    for (const std::smatch& match : matches(text, kPath)) {
      std::string cited = match[1];
      while (cited.ends_with('.') || cited.ends_with('/')) cited.pop_back();
      if (!is_there(root_ / cited)) missing(cited);
    }
  }

  void read_documents(const std::string& text) {
    static const std::regex kDocument(R"(([A-Z][A-Z_]+\.md))");
    static const std::regex kSection(R"re(([A-Z][A-Z_]+\.md)(?:\)|`)?,? \(?["*]([^"*]+)["*])re");
    for (const std::smatch& match : matches(text, kDocument)) {
      if (document(root_, match[1]).empty()) missing(match[1]);
    }
    for (const std::smatch& match : matches(text, kSection)) {
      const fs::path cited = document(root_, match[1]);
      if (!cited.empty() && !headings_of(cited).contains(match[2])) {
        missing(match[1].str() + ", \"" + match[2].str() + "\"");
      }
    }
  }

 private:
  void missing(const std::string& cited) {
    dead_.push_back(path_ + " cites " + cited + ", which is not there");
  }

  const fs::path& root_;
  const std::string& path_;
  std::vector<std::string>& dead_;
};

}  // namespace

std::map<std::string, std::string> read_citing_texts(const fs::path& root) {
  std::map<std::string, std::string> texts;
  for (const auto& [path, content] : read_source_tree(root)) {
    // What the tests of the layout cite does not exist, on purpose.
    if (!path.starts_with("tests/layout/")) texts[path] = comments_of(content);
  }
  for (const fs::path& folder : {root, root / "docs"}) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      const fs::path name = entry.path().filename();
      if (name.extension() != ".md" || name == "CHANGELOG.md") continue;
      texts[entry.path().lexically_relative(root).generic_string()] = content_of(entry.path());
    }
  }
  return texts;
}

std::vector<std::string> dead_citations(const fs::path& root,
                                        const std::map<std::string, std::string>& texts) {
  std::vector<std::string> dead;
  for (const auto& [path, text] : texts) {
    const std::string flow = flowing(text);
    Reader reader(root, path, dead);
    if (path.ends_with(".md")) reader.read_links(flow);
    reader.read_paths(flow);
    reader.read_documents(flow);
  }
  return dead;
}

}  // namespace pointsman::layout
