#include "server/config/config_section.h"

#include <algorithm>
#include <cstddef>
#include <limits>

#include "adapters/json/json_body.h"
#include "server/config/duration_text.h"
#include "server/config/nearest_word.h"

namespace pointsman {
namespace {

std::string join(const std::string& path, std::string_view key) {
  if (key.empty()) return path;
  return path.empty() ? std::string(key) : (path + ".").append(key);
}

/// A name of the file as a fault may show it.
std::string printable(std::string_view name) {
  constexpr std::size_t kLongest = 60;
  std::string shown(name.substr(0, kLongest));
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return shown;
}

std::string text_of(const CountRange& range) {
  const std::string min = std::to_string(range.min);
  if (range.max == CountRange{}.max) return "at least " + min;
  return "from " + min + " to " + std::to_string(range.max);
}

}  // namespace

ConfigSection::ConfigSection(const TomlNode* table, At at, ConfigReport& report)
    : table_(table), at_(std::move(at)), report_(&report) {}

const TomlNode* ConfigSection::find(std::string_view key) const {
  if (table_ == nullptr) return nullptr;
  for (std::size_t i = 0; i < table_->names.size(); ++i) {
    if (table_->names[i].text == key) return &table_->items[i];
  }
  return nullptr;
}

const TomlNode* ConfigSection::ask(std::string_view key) {
  asked_.emplace_back(key);
  report_->options.insert(pattern_of(key));
  return find(key);
}

std::string ConfigSection::path_of(std::string_view key) const { return join(at_.path, key); }
std::string ConfigSection::pattern_of(std::string_view key) const { return join(at_.pattern, key); }

int ConfigSection::line_of(std::string_view key) const {
  if (table_ == nullptr) return at_.line;
  for (const TomlName& name : table_->names) {
    if (name.text == key) return name.line;
  }
  return at_.line;
}

bool ConfigSection::is_text(std::string_view key) const {
  const TomlNode* node = find(key);
  return node != nullptr && node->kind == TomlKind::text;
}

bool ConfigSection::is_table(std::string_view key) const {
  const TomlNode* node = find(key);
  return node != nullptr && node->kind == TomlKind::table;
}

bool ConfigSection::is_empty_array(std::string_view key) const {
  const TomlNode* node = find(key);
  return node != nullptr && node->kind == TomlKind::array && node->items.empty();
}

void ConfigSection::fault(std::string_view key, std::string message) {
  report_->faults.push_back({line_of(key), path_of(key), std::move(message)});
}

bool ConfigSection::wrong_kind(std::string_view key, const TomlNode& node,
                               std::string_view wanted) {
  fault(key, std::string("This must be ")
                 .append(wanted)
                 .append(", not ")
                 .append(toml_kind_text(node.kind))
                 .append("."));
  return false;
}

bool ConfigSection::read(std::string_view key, bool& out) {
  const TomlNode* node = ask(key);
  if (node == nullptr) return false;
  if (node->kind != TomlKind::boolean) return wrong_kind(key, *node, "true or false");
  out = node->boolean;
  return true;
}

bool ConfigSection::read(std::string_view key, std::string& out) {
  const TomlNode* node = ask(key);
  if (node == nullptr) return false;
  if (node->kind != TomlKind::text) return wrong_kind(key, *node, "a string");
  out = node->text;
  return true;
}

bool ConfigSection::read(std::string_view key, double& out, const NumberRange& range) {
  const TomlNode* node = ask(key);
  if (node == nullptr) return false;
  const bool integer = node->kind == TomlKind::integer;
  if (!integer && node->kind != TomlKind::real) return wrong_kind(key, *node, "a number");
  const double value = integer ? static_cast<double>(node->integer) : node->real;
  if (!range.holds(value)) {
    fault(key, "This must be " + range.text() + ".");
    return false;
  }
  out = value;
  return true;
}

bool ConfigSection::read(std::string_view key, std::optional<double>& out,
                         const NumberRange& range) {
  double value = 0.0;
  if (!read(key, value, range)) return false;
  out = value;
  return true;
}

bool ConfigSection::read(std::string_view key, std::chrono::milliseconds& out,
                         std::pair<std::chrono::milliseconds, std::chrono::milliseconds> range) {
  std::string text;
  if (!read(key, text)) return false;
  const std::optional<std::chrono::milliseconds> value = parse_duration(text);
  if (!value) {
    fault(key,
          "This must be a duration: a whole number with its unit, such as 250ms, 90s, 15m, "
          "12h or 30d.");
    return false;
  }
  if (*value < range.first || *value > range.second) {
    fault(key, "This must be from " + duration_text(range.first) + " to " +
                   duration_text(range.second) + ".");
    return false;
  }
  out = *value;
  return true;
}

bool ConfigSection::read_id(std::string_view key, std::string& out) {
  std::string text;
  if (!read(key, text)) return false;
  if (const std::string_view wrong = id_fault(text); !wrong.empty()) {
    fault(key, std::string(wrong));
    return false;
  }
  out = std::move(text);
  return true;
}

bool ConfigSection::read_names(std::string_view key, std::vector<std::string>& out) {
  const TomlNode* node = ask(key);
  if (node == nullptr) return false;
  if (node->kind != TomlKind::array) return wrong_kind(key, *node, "an array of strings");
  std::vector<std::string> names;
  bool sound = true;
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    const TomlNode& item = node->items[i];
    std::string wrong;
    if (item.kind != TomlKind::text) {
      wrong = std::string("This must be a string, not ").append(toml_kind_text(item.kind)) + ".";
    } else if (const std::string_view id_wrong = id_fault(item.text); !id_wrong.empty()) {
      wrong = id_wrong;
    } else if (std::find(names.begin(), names.end(), item.text) != names.end()) {
      wrong = "This stands in the array already.";
    }
    names.push_back(item.text);
    if (wrong.empty()) continue;
    sound = false;
    const std::string path = path_of(key) + "[" + std::to_string(i) + "]";
    report_->faults.push_back({item.line, path, std::move(wrong)});
  }
  if (sound) out = std::move(names);
  return sound;
}

bool ConfigSection::read_whole(std::string_view key, std::uint64_t& out, CountRange range) {
  const TomlNode* node = ask(key);
  if (node == nullptr) return false;
  if (node->kind != TomlKind::integer) return wrong_kind(key, *node, "a whole number");
  const bool inside = node->integer >= 0 &&
                      static_cast<std::uint64_t>(node->integer) >= range.min &&
                      static_cast<std::uint64_t>(node->integer) <= range.max;
  if (!inside) {
    fault(key, "This must be " + text_of(range) + ".");
    return false;
  }
  out = static_cast<std::uint64_t>(node->integer);
  return true;
}

std::optional<std::size_t> ConfigSection::read_index(std::string_view key,
                                                     std::span<const std::string_view> words) {
  std::string text;
  if (!read(key, text)) return std::nullopt;
  const auto found = std::find(words.begin(), words.end(), text);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  std::string message = "This must be one of";
  for (const std::string_view word : words) {
    message.append(word == words.front() ? " " : ", ").append(word);
  }
  message += ".";
  if (const auto near = nearest_word(text, {words.begin(), words.end()})) {
    message += " Did you mean " + *near + "?";
  }
  fault(key, std::move(message));
  return std::nullopt;
}

ConfigSection ConfigSection::table(std::string_view key) {
  const TomlNode* node = ask(key);
  if (node != nullptr && node->kind != TomlKind::table) {
    wrong_kind(key, *node, "a table");
    node = nullptr;
  }
  return ConfigSection(node, At{path_of(key), pattern_of(key), line_of(key)}, *report_);
}

std::vector<ConfigSection> ConfigSection::tables(std::string_view key) {
  const TomlNode* node = ask(key);
  if (node == nullptr) return {};
  if (node->kind != TomlKind::array) {
    wrong_kind(key, *node, "an array of tables, [[" + pattern_of(key) + "]]");
    return {};
  }
  std::vector<ConfigSection> sections;
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    const TomlNode& item = node->items[i];
    const std::string path = path_of(key) + "[" + std::to_string(i) + "]";
    if (item.kind != TomlKind::table) {
      report_->faults.push_back(
          {item.line, path,
           std::string("This must be a table, not ").append(toml_kind_text(item.kind)) + "."});
      continue;
    }
    sections.emplace_back(&item, At{path, pattern_of(key) + "[]", item.line}, *report_);
  }
  return sections;
}

bool ConfigSection::read_numbers(std::string_view key,
                                 std::vector<std::pair<std::string, double>>& out) {
  ConfigSection entries = table(key);
  if (entries.table_ == nullptr) return false;
  // The names are the user's, not options: they count in a report of their own.
  ConfigReport own;
  entries.report_ = &own;
  std::vector<std::pair<std::string, double>> numbers;
  for (const TomlName& name : entries.table_->names) {
    double value = 0.0;
    if (entries.read(name.text, value, {})) numbers.emplace_back(name.text, value);
  }
  report_->faults.insert(report_->faults.end(), own.faults.begin(), own.faults.end());
  if (!own.faults.empty()) return false;
  out = std::move(numbers);
  return true;
}

void ConfigSection::finish() {
  if (table_ == nullptr) return;
  for (const TomlName& name : table_->names) {
    if (std::find(asked_.begin(), asked_.end(), name.text) != asked_.end()) continue;
    const std::optional<std::string> near = nearest_word(name.text, asked_);
    std::string message = "This option is not known here.";
    if (near) {
      message += " Did you mean " + *near + "?";
    } else {
      message += " Known are";
      for (const std::string& known : asked_)
        message += (&known == &asked_[0] ? " " : ", ") + known;
      message += ".";
    }
    const std::string path =
        hide_unknown_names_ && !near ? at_.path : path_of(printable(name.text));
    report_->faults.push_back({name.line, path, std::move(message)});
  }
}

}  // namespace pointsman
