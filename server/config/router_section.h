#pragma once

#include <string>

#include "engine/log/records.h"
#include "server/config/server_config.h"

namespace pointsman {

/// SHA-256 (64 hex digits) of the configuration's record with an empty source_hash: comments,
/// order and spelling in the file do not matter, every value does.
std::string router_source_hash(const RouterConfig& config);

/// The [[routers]] section that parse_config() reads back as `entry`, with source_hash made by
/// router_source_hash(). Every option stands in it. Preconditions: the values are in the ranges of
/// docs/CONFIGURATION.md, texts are UTF-8, and a text model is default_text_model().
std::string render_router_toml(const RouterEntry& entry);

}  // namespace pointsman
