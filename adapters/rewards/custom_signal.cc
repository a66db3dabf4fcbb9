#include "adapters/rewards/custom_signal.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "adapters/json/canonical_json.h"
#include "adapters/json/json_body.h"
#include "adapters/rewards/reward_adapters.h"

namespace pointsman {
namespace {

using nlohmann::json;

bool is_share(double value) { return value >= 0.0 && value <= 1.0; }

class CustomAdapter final : public RewardAdapter {
 public:
  CustomAdapter(CustomSignal signal, json::json_pointer path)
      : signal_(std::move(signal)), path_(std::move(path)) {
    const std::string where = signal_.pointer.empty() ? "The payload" : signal_.pointer;
    const bool linear = std::holds_alternative<LinearMap>(signal_.map);
    description_ = where + (linear ? " on a line" : " by a table") + " at confidence " +
                   json(signal_.confidence).dump() + ", as the configuration declares.";
  }

  Result<Reward> interpret(const json& payload) const override {
    // at() throws where the value is absent, and also for an index that is no number.
    const json* value = nullptr;
    try {
      value = &payload.at(path_);
    } catch (const json::exception&) {
      return fault("This field is required.");
    }
    Result<double> reward =
        std::visit([&](const auto& map) { return apply(map, *value); }, signal_.map);
    if (!reward) return reward.error();
    return Reward{*reward, signal_.confidence};
  }

  std::string_view describe() const override { return description_; }

 private:
  Error fault(std::string message) const {
    return invalid("/payload" + signal_.pointer, std::move(message));
  }

  Result<double> apply(const LinearMap& map, const json& value) const {
    if (!value.is_number()) return fault("This must be a number.");
    const double number = value.get<double>();
    const auto [low, high] = std::minmax(map.from_min, map.from_max);
    if (!(number >= low && number <= high)) {
      return fault("This must be from " + json(low).dump() + " to " + json(high).dump() + ".");
    }
    const double share = (number / 2 - map.from_min / 2) / (map.from_max / 2 - map.from_min / 2);
    return std::clamp(share, 0.0, 1.0);
  }

  Result<double> apply(const TableMap& map, const json& value) const {
    if (!value.is_string() && !value.is_boolean() && !value.is_number()) {
      return fault("This must be a string, a number, true or false.");
    }
    const std::string key = value.is_string() ? value.get<std::string>() : canonical_json(value);
    const auto it = map.rewards.find(key);
    if (it != map.rewards.end()) return it->second;
    if (map.otherwise) return *map.otherwise;
    return fault("This value has no reward in the table of the signal " + signal_.name + ".");
  }

  CustomSignal signal_;
  json::json_pointer path_;
  std::string description_;
};

Status check(const LinearMap& map) {
  if (!std::isfinite(map.from_min)) return invalid("from_min", "This must be a finite number.");
  if (!std::isfinite(map.from_max)) return invalid("from_max", "This must be a finite number.");
  if (map.from_min == map.from_max) return invalid("from_max", "This must differ from from_min.");
  return Done{};
}

Status check(const TableMap& map) {
  if (map.rewards.empty()) return invalid("table", "The table is empty.");
  for (const auto& [key, reward] : map.rewards) {
    if (!is_share(reward)) return invalid("table", "The reward of " + key + " is not in [0, 1].");
  }
  if (map.otherwise && !is_share(*map.otherwise)) {
    return invalid("default", "This must be in [0, 1].");
  }
  return Done{};
}

}  // namespace

Result<std::unique_ptr<RewardAdapter>> make_custom_adapter(CustomSignal signal) {
  if (const std::string_view fault = id_fault(signal.name); !fault.empty()) {
    return invalid("name", std::string(fault));
  }
  if (!is_share(signal.confidence)) return invalid("confidence", "This must be in [0, 1].");
  const Status map_ok = std::visit([](const auto& map) { return check(map); }, signal.map);
  if (!map_ok) return map_ok.error();
  json::json_pointer path;
  try {
    path = json::json_pointer(signal.pointer);
  } catch (const json::exception&) {
    return invalid("pointer", "This must be a JSON pointer, such as /score.");
  }
  return std::unique_ptr<RewardAdapter>(
      std::make_unique<CustomAdapter>(std::move(signal), std::move(path)));
}

}  // namespace pointsman
