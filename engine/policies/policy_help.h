#pragma once

#include <string>

namespace pointsman {

/// All of the catalogue for a terminal: each policy with its options, and the options that every
/// policy has, each with key, default, range, unit and consequence. Lines are at most 100 columns.
std::string policy_help();

}  // namespace pointsman
