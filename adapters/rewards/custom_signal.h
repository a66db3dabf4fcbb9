#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "adapters/rewards/reward_adapter.h"
#include "engine/values/result.h"

namespace pointsman {

/// A number on a line: `from_min` is worth 0 and `from_max` is worth 1, straight between them.
/// from_min may be the larger one, where less is better. A number outside is an error.
struct LinearMap {
  double from_min = 0.0;
  double from_max = 1.0;
};

/// A value's reward. Strings match as they are, booleans as "true" and "false", numbers by their
/// canonical spelling ("3", "0.5").
struct TableMap {
  std::map<std::string, double> rewards;  ///< Each in [0, 1].
  std::optional<double> otherwise;  ///< Of a value that is not listed; absent: it is an error.
};

/// A signal that the configuration declares; see RewardAdapter for one written in C++. The payload
/// may hold anything beside the value that `pointer` names.
struct CustomSignal {
  std::string name;
  std::string pointer;  ///< JSON pointer inside the payload, such as "/score"; "": the payload.
  std::variant<LinearMap, TableMap> map;
  double confidence = 1.0;  ///< In [0, 1].
};

/// Errors: `invalid`; `field` is the option at fault: "name", "pointer", "from_min", "from_max",
/// "table", "default", "confidence".
Result<std::unique_ptr<RewardAdapter>> make_custom_adapter(CustomSignal signal);

}  // namespace pointsman
