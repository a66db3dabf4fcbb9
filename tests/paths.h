#pragma once

#include <string>
#include <string_view>

/// Where a test finds what lies outside its program. Only paths.cc is compiled with these paths, so
/// that a compiler cache serves every other file of the tests to any checkout.
namespace pointsman::paths {

/// The root of the checkout.
std::string source_dir();

/// The folder of shared data sets beside the checkout. It may be absent.
std::string shared_dir();

/// A folder of the build tree in which tests keep what is dear to make again.
std::string scratch_dir();

/// A program that the build made, such as "pointsman".
std::string program(std::string_view name);

}  // namespace pointsman::paths
