#include "engine/features/default_text_model.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

namespace pointsman {

const TextModel& default_text_model() {
  static const std::unique_ptr<TextModel> model = [] {
    Result<std::unique_ptr<TextModel>> parsed = TextModel::parse(kDefaultTextModelFile);
    if (!parsed) {
      // The bytes are part of this binary: the build is broken, and no caller could go on.
      std::fprintf(stderr, "%s\n", parsed.error().message.c_str());
      std::abort();
    }
    return std::move(parsed).value();
  }();
  return *model;
}

}  // namespace pointsman
