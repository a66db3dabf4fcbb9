#include "server/services/openapi_service.h"

// The file's bytes as they are.
__asm__(
    ".pushsection .rodata\n"
    ".global pointsman_openapi_begin\n"
    ".hidden pointsman_openapi_begin\n"
    "pointsman_openapi_begin:\n"
    ".incbin \"" POINTSMAN_OPENAPI
    "\"\n"
    ".global pointsman_openapi_end\n"
    ".hidden pointsman_openapi_end\n"
    "pointsman_openapi_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern "C" {
extern const char pointsman_openapi_begin[];
extern const char pointsman_openapi_end[];
}

namespace pointsman {

std::string_view openapi_document() {
  return {pointsman_openapi_begin,
          static_cast<std::size_t>(pointsman_openapi_end - pointsman_openapi_begin)};
}

}  // namespace pointsman
