#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/values/number_range.h"
#include "server/config/server_config.h"
#include "server/config/toml_tree.h"

namespace pointsman {

/// What reading one file brings to light.
struct ConfigReport {
  std::vector<ConfigFault> faults;
  /// Every option that was asked for, as "routers[].arms[].id": what the reader knows.
  std::set<std::string> options;
};

struct CountRange {
  std::uint64_t min = 0;
  std::uint64_t max = std::numeric_limits<std::int64_t>::max();
};

template <class Enum>
using Word = std::pair<std::string_view, Enum>;

/// Reads one table option by option. Each reader leaves `out` as it was where the option is absent
/// or at fault, so that `out` brings the default, and says whether it has read it. A fault never
/// repeats a value of the file. finish() reports the options that nobody asked for, with the
/// nearest that somebody did. An absent table reads as an empty one.
class ConfigSection final {
 public:
  struct At {
    std::string path;     ///< "routers[0].arms[1]"; empty: the file.
    std::string pattern;  ///< "routers[].arms[]"
    int line = 0;
  };

  /// `table` (may be null) and `report` must outlive the section.
  ConfigSection(const TomlNode* table, At at, ConfigReport& report);

  int line() const { return at_.line; }
  /// The line of `key`, or the section's where it is absent.
  int line_of(std::string_view key) const;
  bool has(std::string_view key) const { return find(key) != nullptr; }
  /// Says whether the table has an option that this file may have but that its reader does not use
  /// here: finish() does not report it.
  bool asks_for(std::string_view key) { return ask(key) != nullptr; }
  bool is_text(std::string_view key) const;
  bool is_table(std::string_view key) const;
  bool is_empty_array(std::string_view key) const;

  /// Reports a fault at `key`; empty: at the section itself.
  void fault(std::string_view key, std::string message);

  bool read(std::string_view key, bool& out);
  bool read(std::string_view key, std::string& out);
  bool read(std::string_view key, double& out, const NumberRange& range);
  bool read(std::string_view key, std::optional<double>& out, const NumberRange& range);
  bool read(std::string_view key, std::chrono::milliseconds& out,
            std::pair<std::chrono::milliseconds, std::chrono::milliseconds> range);
  /// An id: 1 to 200 bytes without control characters.
  bool read_id(std::string_view key, std::string& out);
  /// Non-empty strings, each once.
  bool read_names(std::string_view key, std::vector<std::string>& out);

  template <std::unsigned_integral T>
  bool read_count(std::string_view key, T& out, CountRange range) {
    std::uint64_t value = 0;
    if (!read_whole(key, value, range)) return false;
    out = static_cast<T>(value);
    return true;
  }

  /// One of `words`; any other string is a fault that lists them.
  template <class Enum>
  bool read_word(std::string_view key, Enum& out, std::span<const Word<Enum>> words) {
    std::vector<std::string_view> names;
    for (const Word<Enum>& word : words) names.push_back(word.first);
    const std::optional<std::size_t> index = read_index(key, names);
    if (!index) return false;
    out = words[*index].second;
    return true;
  }

  /// A table, or the tables of an array of tables.
  ConfigSection table(std::string_view key);
  std::vector<ConfigSection> tables(std::string_view key);

  /// The numbers of a table whose names are free.
  bool read_numbers(std::string_view key, std::vector<std::pair<std::string, double>>& out);

  /// From here on a name that nobody asked for may be a secret and is not repeated.
  void hide_unknown_names() { hide_unknown_names_ = true; }

  void finish();

 private:
  const TomlNode* find(std::string_view key) const;
  const TomlNode* ask(std::string_view key);
  bool wrong_kind(std::string_view key, const TomlNode& node, std::string_view wanted);
  bool read_whole(std::string_view key, std::uint64_t& out, CountRange range);
  std::optional<std::size_t> read_index(std::string_view key,
                                        std::span<const std::string_view> words);
  std::string path_of(std::string_view key) const;
  std::string pattern_of(std::string_view key) const;

  const TomlNode* table_;
  At at_;
  ConfigReport* report_;
  std::vector<std::string> asked_;
  bool hide_unknown_names_ = false;
};

}  // namespace pointsman
