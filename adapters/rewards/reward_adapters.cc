#include "adapters/rewards/reward_adapters.h"

#include <cassert>
#include <utility>

#include "adapters/json/json_body.h"

namespace pointsman {

RewardAdapters RewardAdapters::builtin() {
  RewardAdapters adapters;
  const auto put = [&](std::string name, std::unique_ptr<RewardAdapter> adapter) {
    const Status added = adapters.add(std::move(name), std::move(adapter));
    assert(added.ok());
    static_cast<void>(added);
  };
  put("thumbs", make_thumbs_adapter());
  put("rating", make_rating_adapter());
  put("task_success", make_task_success_adapter());
  put("regeneration", make_regeneration_adapter());
  put("quality_score", make_quality_score_adapter());
  put("completion_time", make_completion_time_adapter());
  put("edit", make_edit_adapter());
  put("action", make_action_adapter());
  put("suggestion", make_suggestion_adapter());
  return adapters;
}

Status RewardAdapters::add(std::string name, std::unique_ptr<RewardAdapter> adapter) {
  assert(adapter != nullptr);
  if (const std::string_view fault = id_fault(name); !fault.empty()) {
    return invalid("name", std::string(fault));
  }
  if (name == kOutcomeErrorSignal) {
    return invalid("name", "The signal outcome_error belongs to outcomes.");
  }
  if (adapters_.contains(name)) {
    return Error{ErrorCode::conflict, "The signal " + name + " is declared twice.", "name"};
  }
  adapters_.emplace(std::move(name), std::move(adapter));
  return Done{};
}

const RewardAdapter* RewardAdapters::find(std::string_view name) const {
  const auto it = adapters_.find(name);
  return it == adapters_.end() ? nullptr : it->second.get();
}

Result<Reward> RewardAdapters::interpret(std::string_view signal_type,
                                         const nlohmann::json& payload) const {
  const RewardAdapter* adapter = find(signal_type);
  if (adapter == nullptr) {
    std::string known;
    for (const auto& [name, entry] : adapters_) known += (known.empty() ? "" : ", ") + name;
    return invalid("/signal_type", "This signal type is not known; known are: " + known + ".");
  }
  return adapter->interpret(payload);
}

std::vector<RewardAdapters::Entry> RewardAdapters::catalogue() const {
  std::vector<Entry> entries;
  entries.reserve(adapters_.size());
  for (const auto& [name, adapter] : adapters_) entries.push_back({name, adapter->describe()});
  return entries;
}

}  // namespace pointsman
