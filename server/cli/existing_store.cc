#include "server/cli/existing_store.h"

#include <filesystem>
#include <string_view>

namespace pointsman {

Status check_store_exists(const std::string& url) {
  constexpr std::string_view kScheme = "sqlite:";
  if (!url.starts_with(kScheme)) return Done{};
  const std::string path = url.substr(kScheme.size());
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) return Done{};
  return invalid("--store", "There is no file \"" + path + "\"; a server makes it when it starts.");
}

}  // namespace pointsman
