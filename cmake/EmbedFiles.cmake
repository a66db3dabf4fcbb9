# embed_files(TARGET SYMBOL FILE [SYMBOL FILE...])
#
# Puts files into a library as they are, whatever bytes they hold. A FILE is named from the current
# source folder. For each one the library defines
#
#   namespace pointsman { extern const std::string_view SYMBOL; }
#
# which a header of the library declares. The view is constant-initialised, so that other
# initialisers may read it, and a zero byte follows its last one. A file that changes is read again
# by the next build.
function(embed_files target)
  set(source "// Made by cmake/EmbedFiles.cmake.\n#include <string_view>\n")
  set(files "")
  while(ARGN)
    list(POP_FRONT ARGN symbol file)
    set(path ${CMAKE_CURRENT_SOURCE_DIR}/${file})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    list(APPEND files ${path})
    file(SIZE ${path} size)
    # The checksum makes the source another one when the file changes, so that no compiler cache,
    # which does not see the file, serves an older object.
    file(SHA256 ${path} sha256)
    string(APPEND source "
__asm__(\".pushsection .rodata\\n.balign 64\\n\"
        \".hidden embedded_${symbol}\\n.global embedded_${symbol}\\nembedded_${symbol}:\\n\"
        \".incbin \\\"${path}\\\"\\n.byte 0\\n.popsection\\n# ${sha256}\\n\");
extern \"C\" const char embedded_${symbol}[];
namespace pointsman {
extern const std::string_view ${symbol};
const std::string_view ${symbol}{embedded_${symbol}, ${size}};
}  // namespace pointsman
")
  endwhile()
  set(made ${CMAKE_CURRENT_BINARY_DIR}/${target}_embedded.cc)
  file(CONFIGURE OUTPUT ${made} CONTENT "${source}" @ONLY)
  set_source_files_properties(${made} PROPERTIES OBJECT_DEPENDS "${files}")
  target_sources(${target} PRIVATE ${made})
endfunction()
