#pragma once

#include <string>

#include "engine/values/result.h"

namespace pointsman {

/// For commands that work on what a store holds: they must not make a file where a name was
/// mistyped. Error: `invalid` where the url is that of a SQLite file which is not there. Other
/// stores make nothing that could be mistaken for the one that was meant.
Status check_store_exists(const std::string& url);

}  // namespace pointsman
