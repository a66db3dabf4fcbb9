#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/rewards/custom_signal.h"
#include "adapters/rewards/reward_adapters.h"
#include "server/config/sections.h"

namespace pointsman {
namespace {

/// Says whether the map was declared soundly.
bool read_map(ConfigSection& table, CustomSignal& signal) {
  const bool has_line = table.has("from_min") || table.has("from_max");
  const bool has_table = table.has("table") || table.has("default");
  LinearMap line;
  const bool min = table.read("from_min", line.from_min, {});
  const bool max = table.read("from_max", line.from_max, {});
  TableMap words;
  std::vector<std::pair<std::string, double>> rewards;
  const bool listed = table.read_numbers("table", rewards);
  words.rewards.insert(rewards.begin(), rewards.end());
  table.read("default", words.otherwise, {});
  if (has_line == has_table) {
    table.fault("", "A signal has either from_min and from_max, or a table.");
    return false;
  }
  if (has_line) {
    for (const char* key : {"from_min", "from_max"}) {
      if (!table.has(key)) table.fault(key, "This option is required beside the other end.");
    }
    signal.map = line;
    return min && max;
  }
  if (!table.has("table")) table.fault("table", "This option is required beside default.");
  signal.map = std::move(words);
  return listed;
}

CustomSignal read_signal(ConfigSection& table) {
  CustomSignal signal;
  table.read("name", signal.name);
  if (!table.has("name")) table.fault("name", "This option is required.");
  table.read("pointer", signal.pointer);
  bool sound = table.has("pointer");
  if (!sound) table.fault("pointer", "This option is required; \"\" is the whole payload.");
  table.read("confidence", signal.confidence, {.min = 0.0, .max = 1.0});
  sound = read_map(table, signal) && sound && table.is_text("name");
  table.finish();
  if (!sound) return signal;
  if (auto made = make_custom_adapter(signal); !made) {
    table.fault(made.error().field, made.error().message);
  }
  return signal;
}

}  // namespace

void read_signals(ConfigSection& root, ServerConfig& config) {
  const RewardAdapters builtin = RewardAdapters::builtin();
  std::map<std::string, int> lines;
  for (ConfigSection& table : root.tables("signals")) {
    CustomSignal signal = read_signal(table);
    if (!signal.name.empty()) {
      if (builtin.find(signal.name) != nullptr || signal.name == kOutcomeErrorSignal) {
        table.fault("name", "This is the name of a signal that is built in.");
      }
      const auto [first, fresh] = lines.emplace(signal.name, table.line_of("name"));
      if (!fresh) {
        table.fault("name", "A signal of this name stands on line " +
                                std::to_string(first->second) + " already.");
      }
    }
    config.signals.push_back(std::move(signal));
  }
}

}  // namespace pointsman
