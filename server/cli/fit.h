#pragma once

#include <string>
#include <vector>

namespace pointsman {

/// `pointsman fit`: learns a text model from the `prompt`s of JSON-lines files.
struct FitCommand {
  std::vector<std::string> prompts;  ///< Files, read in the order given.
  unsigned dims = 64;
  std::string out = "text-model.bin";
};

/// Exit code: 0, or 1 where a file cannot be read or written (the message is on stderr).
int fit(const FitCommand& command);

}  // namespace pointsman
