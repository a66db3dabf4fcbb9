#include "server/config/toml_tree.h"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace pointsman {
namespace {

int line_of(const toml::source_region& source) { return static_cast<int>(source.begin.line); }

TomlNode tree_of(const toml::node& node);

TomlNode table_of(const toml::table& table) {
  TomlNode made;
  for (const auto& [key, value] : table) {
    made.names.push_back({std::string(key.str()), line_of(key.source())});
    made.items.push_back(tree_of(value));
  }
  return made;
}

TomlNode tree_of(const toml::node& node) {
  TomlNode made;
  if (const toml::table* table = node.as_table()) {
    made = table_of(*table);
  } else if (const toml::array* array = node.as_array()) {
    made.kind = TomlKind::array;
    for (const toml::node& item : *array) made.items.push_back(tree_of(item));
  } else if (const auto* text = node.as_string()) {
    made.kind = TomlKind::text;
    made.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    made.kind = TomlKind::integer;
    made.integer = integer->get();
  } else if (const auto* real = node.as_floating_point()) {
    made.kind = TomlKind::real;
    made.real = real->get();
  } else if (const auto* boolean = node.as_boolean()) {
    made.kind = TomlKind::boolean;
    made.boolean = boolean->get();
  } else {
    made.kind = TomlKind::date;
  }
  made.line = line_of(node.source());
  return made;
}

/// The parser's description without what it quotes from the file.
std::string without_quotations(std::string_view description) {
  if (description.find("cannot redefine") != std::string_view::npos) {
    return "the name on this line stands in the file already";
  }
  constexpr std::array<std::string_view, 4> kGrammar = {"true", "false", "inf", "nan"};
  description = description.substr(0, description.find(", saw"));
  const std::size_t open = description.find('\'');
  if (open == std::string_view::npos) return std::string(description);
  const std::size_t close = description.rfind('\'');
  const std::string_view quoted =
      description.substr(open + 1, close > open ? close - open - 1 : std::string_view::npos);
  const bool harmless =
      quoted.size() <= 2 || std::find(kGrammar.begin(), kGrammar.end(), quoted) != kGrammar.end();
  if (harmless) return std::string(description);
  std::string text(description.substr(0, open));
  text += "what stands on this line";
  if (close > open) text += description.substr(close + 1);
  return text;
}

}  // namespace

std::string_view toml_kind_text(TomlKind kind) {
  switch (kind) {
    case TomlKind::boolean:
      return "true or false";
    case TomlKind::integer:
      return "a whole number";
    case TomlKind::real:
      return "a floating-point number";
    case TomlKind::text:
      return "a string";
    case TomlKind::date:
      return "a date or time";
    case TomlKind::array:
      return "an array";
    case TomlKind::table:
      return "a table";
  }
  return "a value";
}

std::variant<TomlNode, ConfigFault> parse_toml(std::string_view text) {
  const toml::parse_result parsed = toml::parse(text);
  if (parsed) return table_of(parsed.table());
  return ConfigFault{
      .line = line_of(parsed.error().source()),
      .key = "",
      .message = "This is not TOML: " + without_quotations(parsed.error().description()) + ".",
  };
}

}  // namespace pointsman
