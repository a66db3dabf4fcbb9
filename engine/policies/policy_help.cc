#include "engine/policies/policy_help.h"

#include <cstddef>
#include <string_view>

#include "engine/policies/policy_catalogue.h"
#include "engine/values/number_text.h"

namespace pointsman {
namespace {

constexpr std::size_t kColumns = 100;

/// Code points, which is what a terminal gives a column to.
std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  return width;
}

/// Appends `text` in lines of at most kColumns, each `indent` columns in.
void append_wrapped(std::string& out, std::size_t indent, std::string_view text) {
  std::size_t column = 0;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    const std::string_view word = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (column == 0 || column + 1 + width_of(word) > kColumns) {
      if (column > 0) out += '\n';
      out.append(indent, ' ');
      column = indent;
    } else {
      out += ' ';
      ++column;
    }
    out += word;
    column += width_of(word);
  }
  out += '\n';
}

template <class Owner>
void append_option(std::string& out, std::string_view key, const Option<Owner>& option,
                   double default_value) {
  std::string head(key);
  head.append(" = ").append(number_text(default_value));
  head.append("  (").append(option.range.short_text());
  if (!option.unit.empty()) head.append("; ").append(option.unit);
  append_wrapped(out, 6, head + ")");
  append_wrapped(out, 10, option.consequence);
}

}  // namespace

std::string policy_help() {
  std::string out = "Policies are written NAME or NAME:KEY=VALUE,KEY=VALUE; there are:\n";
  for (const CataloguedPolicy& entry : policy_catalogue()) {
    const PolicyOptions defaults = entry.make();
    const bool unnamed = defaults == unnamed_policy();
    std::string head(entry.name);
    if (named_arm(defaults) != nullptr) head += ":ARM";
    head.append(unnamed ? " (where none is named): " : ": ").append(entry.summary);
    append_wrapped(out, 2, head + ".");
    for (const PolicyOption& option : entry.options) {
      append_option(out, option.key, option, option.get(defaults));
    }
  }
  out += "Options of every policy:\n";
  for (const PosteriorOption& option : posterior_catalogue()) {
    append_option(out, option.key, option, option.get(PosteriorOptions{}));
  }
  append_option(out, kFloorSpecKey, propensity_floor_option(), 0.0);
  append_wrapped(out, 6, "precision");
  append_wrapped(out, 10, "Sets field_precision, text_precision and embedding_precision at once.");
  return out;
}

}  // namespace pointsman
