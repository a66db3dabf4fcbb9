#pragma once

#include <simdjson.h>

#include <string>

namespace pointsman {

/// canonical_json() of a tree that simdjson has parsed; the same bytes, without a second parse.
/// Members with the same key keep their order. Private to adapters/, as it shows simdjson's types.
void append_canonical(simdjson::dom::element element, std::string& out);

}  // namespace pointsman
