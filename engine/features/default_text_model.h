#pragma once

#include <string_view>

#include "engine/features/text_model.h"

namespace pointsman {

/// The bytes of engine/features/assets/default_text_model.bin.
extern const std::string_view kDefaultTextModelFile;

/// The text model inside the library: engine/features/assets/default_text_model.bin, which
/// fit_text_model made with its default options. Read once, at the first call; thread-safe; lives
/// to the end.
const TextModel& default_text_model();

}  // namespace pointsman
