#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/config/server_config.h"

namespace pointsman {

enum class TomlKind : std::uint8_t { boolean, integer, real, text, date, array, table };

/// The kind as a sentence names it: "a number", "a table"...
std::string_view toml_kind_text(TomlKind kind);

/// A name in a table, where it stands.
struct TomlName {
  std::string text;
  int line = 0;
};

/// A value of a TOML file with its line: the parser's tree without the parser, so that one
/// translation unit pays for it. Which fields mean something depends on `kind`.
struct TomlNode {
  TomlKind kind = TomlKind::table;
  int line = 0;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0.0;
  std::string text;
  std::vector<TomlName> names;  ///< Of a table: the names of `items`, one each.
  std::vector<TomlNode> items;  ///< Of an array or a table.
};

/// Reads TOML 1.0. A syntax error is a fault without a key; its message repeats nothing of the
/// file but single characters of the grammar, because what is at fault may be a secret.
std::variant<TomlNode, ConfigFault> parse_toml(std::string_view text);

}  // namespace pointsman
