#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "server/config/listen_address.h"
#include "server/config/sections.h"
#include "server/config/server_config.h"
#include "server/config/toml_tree.h"

namespace pointsman {
namespace {

/// What a file starts from: what a server without a file has, but no router.
ServerConfig file_defaults() {
  ServerConfig config = demo_config();
  config.routers.clear();
  return config;
}

ServerConfig read_file(const TomlNode& tree, const Environment& environment, ConfigReport& report) {
  ServerConfig config = file_defaults();
  ConfigSection root(&tree, {}, report);
  read_server(root, config);
  read_store(root, environment, config);
  read_routers(root, config);
  read_signals(root, config);
  const bool has_keys = read_keys(root, environment, config);
  root.finish();
  // A faulty key has its own fault.
  if (const Status exposed = check_exposure(config); !exposed && !has_keys) {
    ConfigSection server = root.table("server");
    server.fault(server.has("listen") ? "listen" : "host", exposed.error().message);
  }
  return config;
}

/// Faults without a line go last; those of one line keep the order in which they were found.
void sort_by_line(std::vector<ConfigFault>& faults) {
  const auto place = [](const ConfigFault& fault) {
    return fault.line == 0 ? std::numeric_limits<int>::max() : fault.line;
  };
  std::stable_sort(faults.begin(), faults.end(),
                   [&](const ConfigFault& a, const ConfigFault& b) { return place(a) < place(b); });
}

}  // namespace

ParsedConfig parse_config(
    const std::string& text,
    const std::function<std::optional<std::string>(const std::string&)>& environment) {
  ParsedConfig parsed;
  std::variant<TomlNode, ConfigFault> tree = parse_toml(text);
  if (auto* fault = std::get_if<ConfigFault>(&tree)) {
    parsed.faults.push_back(std::move(*fault));
    return parsed;
  }
  ConfigReport report;
  parsed.config = read_file(std::get<TomlNode>(tree), environment, report);
  parsed.faults = std::move(report.faults);
  sort_by_line(parsed.faults);
  return parsed;
}

std::vector<std::string> config_options() {
  // One of every section: a section that is absent asks for its options, but an array has none.
  const auto tree = parse_toml(
      "[[routers]]\npolicy = {}\n[[routers.features.fields]]\n[[routers.arms]]\n"
      "[[signals]]\n[[keys]]\n");
  ConfigReport report;
  read_file(std::get<TomlNode>(tree), {}, report);
  return {report.options.begin(), report.options.end()};
}

}  // namespace pointsman
