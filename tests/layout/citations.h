#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace pointsman::layout {

/// What names other files: the documents (*.md) and the comments of the C++ sources, by their path
/// from the root. Changelogs are left out, because they speak of what was.
std::map<std::string, std::string> read_citing_texts(const std::filesystem::path& root);

/// Every citation in `texts` that leads nowhere, one sentence each; empty when all resolve:
///
///   - a relative link of a document leads to a file or folder;
///   - a path that begins with one of the tree's top folders, such as "engine/fold/decide", is a
///   file
///     or a folder, or becomes a file with the ending .h or .cc; a path with * matches a beginning;
///   - a document "NAME.md" is in docs/ or at the root;
///   - a section that is named with its document, as in `MATH.md, "Budget"`, is a heading there.
std::vector<std::string> dead_citations(const std::filesystem::path& root,
                                        const std::map<std::string, std::string>& texts);

}  // namespace pointsman::layout
