#pragma once

#include <string>

#include "engine/policies/policy_catalogue.h"
#include "engine/values/number_text.h"

namespace pointsman {

// What docs/CONFIGURATION.md says of policies and the prior, from the catalogue.

/// "| `alpha` | `0.2` linucb | 0 to 1000 (standard deviations). The width of …. |"
template <class Owner>
std::string option_row(const Option<Owner>& option, double default_value, std::string_view of) {
  std::string value = number_text(default_value);
  if (value.find_first_of(".e") == std::string::npos) value += ".0";
  std::string row = "| `" + std::string(option.key) + "` | `" + value + "`";
  if (!of.empty()) row.append(" ").append(of);
  row.append(" | ").append(option.range.short_text());
  if (!option.unit.empty()) row.append(" (").append(option.unit).append(")");
  return row.append(". ").append(option.consequence).append(" |\n");
}

inline std::string policy_tables() {
  std::string policies = "| policy | what it does |\n|---|---|\n";
  std::string options =
      "| option | default | range and meaning |\n|---|---|---|\n"
      "| `name` | required | One of the policies above. |\n";
  for (const CataloguedPolicy& entry : policy_catalogue()) {
    const PolicyOptions defaults = entry.make();
    policies.append("| ").append(entry.name);
    if (defaults == unnamed_policy()) policies += ", where none is named";
    policies.append(" | ").append(entry.summary).append(" |\n");
    if (named_arm(defaults) != nullptr) {
      options.append("| `").append(kArmKey).append("` | required ").append(entry.name);
      options += " | The id of the arm. |\n";
    }
    for (const PolicyOption& option : entry.options) {
      options += option_row(option, option.get(defaults), entry.name);
    }
  }
  return policies + "\n" + options;
}

inline std::string posterior_table() {
  std::string rows = "| option | default | range and meaning |\n|---|---|---|\n";
  for (const PosteriorOption& option : posterior_catalogue()) {
    rows += option_row(option, option.get(PosteriorOptions{}), "");
  }
  return rows;
}

}  // namespace pointsman
