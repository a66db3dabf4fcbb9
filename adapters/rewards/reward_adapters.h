#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/rewards/reward_adapter.h"
#include "engine/values/result.h"

namespace pointsman {

/// Signal type -> adapter. A value: copies share the (immutable) adapters. Nothing registers
/// itself; main() adds what the configuration declares. Reading is safe from any thread while
/// nobody adds.
class RewardAdapters final {
 public:
  struct Entry {
    std::string_view name;
    std::string_view description;
  };

  /// The table of signals: thumbs, rating, task_success, regeneration, quality_score,
  /// completion_time, edit, action, suggestion.
  static RewardAdapters builtin();

  /// Errors: `conflict` where the name is taken, `invalid` where it is no id, or is
  /// kOutcomeErrorSignal, which belongs to outcomes.
  Status add(std::string name, std::unique_ptr<RewardAdapter> adapter);

  /// Null where the name is unknown. Lives as long as this registry or a copy of it.
  const RewardAdapter* find(std::string_view name) const;

  /// interpret() of the adapter `signal_type`; an unknown type is `invalid` at "/signal_type".
  Result<Reward> interpret(std::string_view signal_type, const nlohmann::json& payload) const;

  /// The catalogue, sorted by name. The views live as long as the registry.
  std::vector<Entry> catalogue() const;

 private:
  std::map<std::string, std::shared_ptr<const RewardAdapter>, std::less<>> adapters_;
};

/// The signal type under which an outcome's error counts; no adapter may take it.
inline constexpr std::string_view kOutcomeErrorSignal = "outcome_error";

/// The adapters of the table, one a function; RewardAdapters::builtin() names them.
std::unique_ptr<RewardAdapter> make_thumbs_adapter();
std::unique_ptr<RewardAdapter> make_rating_adapter();
std::unique_ptr<RewardAdapter> make_task_success_adapter();
std::unique_ptr<RewardAdapter> make_regeneration_adapter();
std::unique_ptr<RewardAdapter> make_quality_score_adapter();
std::unique_ptr<RewardAdapter> make_completion_time_adapter();
std::unique_ptr<RewardAdapter> make_edit_adapter();
std::unique_ptr<RewardAdapter> make_action_adapter();
std::unique_ptr<RewardAdapter> make_suggestion_adapter();

}  // namespace pointsman
