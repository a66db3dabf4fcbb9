#pragma once

#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string>

#include "server/config/server_config.h"
#include "tests/paths.h"

namespace pointsman {

/// The environment of these tests.
inline std::optional<std::string> test_environment(const std::string& name) {
  if (name == "PM_KEY") return "key-from-the-environment";
  if (name == "PM_SPACED") return "key with-spaces";
  if (name == "PM_EMPTY") return "";
  if (name == "PM_STORE") return "sqlite:from-environment.db";
  if (name == "PM_BAD_STORE") return "mysql://root:hunter2@db/x";
  return std::nullopt;
}

inline ParsedConfig parse_text(const std::string& text) {
  return parse_config(text, test_environment);
}

/// Every fault on a line of its own: what a failed expectation shows.
inline std::string text_of(const std::vector<ConfigFault>& faults) {
  std::string text;
  for (const ConfigFault& fault : faults) {
    text += std::to_string(fault.line) + " " + fault.key + ": " + fault.message + "\n";
  }
  return text;
}

/// A router that is sound: 4 lines.
inline const std::string kSoundRouter = "[[routers]]\n[[routers.arms]]\nid = \"a\"\n\n";

inline std::string file_of_the_tree(const std::string& path) {
  std::ifstream file(paths::source_dir() + "/" + path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace pointsman
