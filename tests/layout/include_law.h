#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace pointsman::layout {

/// A source tree as values: path from the root, with '/' -> content.
using SourceTree = std::map<std::string, std::string>;

/// The C++ files under `root`, without build folders, hidden folders and fetched packages.
SourceTree read_source_tree(const std::filesystem::path& root);

/// Every breach of the dependency law of docs/ARCHITECTURE.md, one sentence each, ordered by path;
/// empty when the tree keeps it. The law, read from the #include lines alone:
///
///   - engine <- {adapters, stores} <- lab <- server; bench and examples sit on top of these; tests
///     may include anything, and nobody else includes bench, examples or tests;
///   - inside engine: values <- {features, posterior, policies} <- log <- fold <- routers, and a
///   log
///     sees no posterior; inside adapters: json <- {rewards, api}; inside stores: the rules <- one
///     folder a store <- open_store; inside lab: data <- estimators <- replay <- report;
///   - the engine includes the standard library, Eigen and Highway, and nothing else from outside;
///   - our own files are named from the root, in quotes, and exist;
///   - no include cycle, no folder called util or common, `#pragma once` in every header.
std::vector<std::string> breaches_of_include_law(const SourceTree& tree);

}  // namespace pointsman::layout
