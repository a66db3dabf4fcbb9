#include "engine/features/default_text_model.h"

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <utility>

// The file's bytes as they are, without a detour through a source file of a million numbers.
__asm__(
    ".pushsection .rodata\n"
    ".balign 64\n"
    ".global pointsman_default_text_model_begin\n"
    ".hidden pointsman_default_text_model_begin\n"
    "pointsman_default_text_model_begin:\n"
    ".incbin \"" POINTSMAN_DEFAULT_TEXT_MODEL
    "\"\n"
    ".global pointsman_default_text_model_end\n"
    ".hidden pointsman_default_text_model_end\n"
    "pointsman_default_text_model_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern "C" {
extern const char pointsman_default_text_model_begin[];
extern const char pointsman_default_text_model_end[];
}

namespace pointsman {

const TextModel& default_text_model() {
  static const std::unique_ptr<TextModel> model = [] {
    const auto size = static_cast<std::size_t>(pointsman_default_text_model_end -
                                               pointsman_default_text_model_begin);
    Result<std::unique_ptr<TextModel>> parsed =
        TextModel::parse(std::string_view(pointsman_default_text_model_begin, size));
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
