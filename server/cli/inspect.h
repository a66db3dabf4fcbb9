#pragma once

#include <string>

namespace pointsman {

/// `pointsman inspect`: arms, posteriors, counts and checksums of a store, beside a running server.
struct InspectCommand {
  std::string store = "sqlite:pointsman.db";
  std::string format = "table";  ///< "table" or "json".
};

int inspect(const InspectCommand& command);

}  // namespace pointsman
