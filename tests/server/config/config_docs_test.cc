#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "server/config/router_section.h"
#include "tests/server/config/config_text.h"
#include "tests/server/config/policy_tables.h"

namespace pointsman {
namespace {

using testing::IsEmpty;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// "[[routers.arms]]" -> "routers.arms"; empty for a line that is no header.
std::string section_of(std::string_view line) {
  const std::size_t start = line.find_first_not_of("# ");
  if (start == std::string_view::npos || line[start] != '[') return {};
  const std::size_t name = line.find_first_not_of('[', start);
  const std::size_t end = line.find(']', name);
  if (end == std::string_view::npos) return {};
  return std::string(line.substr(name, end - name));
}

/// An option as "routers.arms.id".
std::string without_brackets(std::string_view option) {
  std::string plain;
  for (const char c : option) {
    if (c != '[' && c != ']') plain += c;
  }
  return plain;
}

/// Adds what `text` sets: "name = …" and the same inside its inline tables.
void add_settings(const std::string& section, std::string_view text,
                  std::set<std::string>& settings) {
  const auto is_name = [](char c) {
    return (c >= 'a' && c <= 'z') || c == '_' || c == '0' || c == '2' || c == '5' || c == '6';
  };
  std::string outer;
  for (std::size_t equals = text.find(" = "); equals != std::string_view::npos;
       equals = text.find(" = ", equals + 1)) {
    std::size_t start = equals;
    while (start > 0 && is_name(text[start - 1])) --start;
    const std::string name(text.substr(start, equals - start));
    settings.insert(section + "." + (outer.empty() ? name : outer + "." + name));
    if (outer.empty()) outer = name;
  }
}

std::set<std::string> settings_of_the_example() {
  std::set<std::string> settings;
  std::string section;
  for (const std::string& line : lines_of(file_of_the_tree("examples/pointsman.toml"))) {
    if (const std::string header = section_of(line); !header.empty()) {
      section = header;
      settings.insert(header);
    } else if (line.starts_with("  {")) {
      add_settings(section, "fields = " + line, settings);
    } else {
      add_settings(section, line, settings);
    }
  }
  return settings;
}

struct DocumentedOption {
  std::string section;
  std::string name;
  std::string default_text;  ///< Empty where the default is no literal.
};

std::vector<DocumentedOption> documented_options() {
  std::vector<DocumentedOption> options;
  std::string section;
  for (const std::string& line : lines_of(file_of_the_tree("docs/CONFIGURATION.md"))) {
    if (line.starts_with("#")) section = section_of(line);
    if (!line.starts_with("| `") || section.empty()) continue;
    const std::size_t name_end = line.find('`', 3);
    DocumentedOption option{section, line.substr(3, name_end - 3), ""};
    const std::string cell =
        line.substr(name_end + 1, line.find(" |", name_end + 4) - name_end - 1);
    if (cell.starts_with(" | `") && cell.ends_with("`")) {
      option.default_text = cell.substr(4, cell.size() - 5);
    }
    options.push_back(option);
  }
  return options;
}

TEST(ConfigDocs, TheExampleIsSound) {
  const ParsedConfig parsed = parse_text(file_of_the_tree("examples/pointsman.toml"));
  EXPECT_THAT(parsed.faults, IsEmpty()) << text_of(parsed.faults);
  EXPECT_EQ(parsed.config.routers.size(), 1U);
  EXPECT_EQ(parsed.config.signals.size(), 2U);
}

TEST(ConfigDocs, TheExampleShowsTheLearnersDefaults) {
  const ParsedConfig parsed = parse_text(file_of_the_tree("examples/pointsman.toml"));
  ASSERT_EQ(parsed.config.routers.size(), 1U);
  const RouterConfig& router = parsed.config.routers[0].config;
  EXPECT_EQ(router.policy, unnamed_policy());
  EXPECT_EQ(router.posterior, PosteriorOptions{});
  EXPECT_EQ(router.nursery, NurseryOptions{});
  EXPECT_EQ(router.utility, UtilityOptions{});
  EXPECT_EQ(router.decision_ttl_ms, RouterConfig{}.decision_ttl_ms);
}

TEST(ConfigDocs, EveryOptionStandsInTheExample) {
  const std::set<std::string> settings = settings_of_the_example();
  ASSERT_GT(config_options().size(), 80U);
  for (const std::string& option : config_options()) {
    EXPECT_TRUE(settings.contains(without_brackets(option))) << option;
  }
}

TEST(ConfigDocs, TheDocumentHasEveryOptionAndNoOther) {
  std::set<std::string> documented;
  for (const DocumentedOption& option : documented_options()) {
    documented.insert(option.section);
    documented.insert(option.section + "." + option.name);
  }
  std::set<std::string> known;
  for (const std::string& option : config_options()) known.insert(without_brackets(option));
  EXPECT_EQ(documented, known);
}

TEST(ConfigDocs, TheDocumentsTablesOfPoliciesAndThePriorAreTheCatalogues) {
  const std::string document = file_of_the_tree("docs/CONFIGURATION.md");
  EXPECT_NE(document.find(policy_tables()), std::string::npos) << policy_tables();
  EXPECT_NE(document.find(posterior_table()), std::string::npos) << posterior_table();
  const Option<double>& floor = propensity_floor_option();
  EXPECT_NE(document.find(option_row(floor, RouterConfig{}.propensity_floor, "")),
            std::string::npos);
}

TEST(ConfigDocs, TheExampleShowsEveryPolicyAtItsDefaults) {
  const std::string example = file_of_the_tree("examples/pointsman.toml");
  for (const CataloguedPolicy& policy : policy_catalogue()) {
    RouterEntry entry;
    entry.config.policy = policy.make();
    if (std::string* const arm = named_arm(entry.config.policy)) *arm = "small";
    const std::string rendered = render_router_toml(entry);
    const std::size_t start = rendered.find("{ name = ");
    const std::string table = rendered.substr(start, rendered.find('}', start) + 1 - start);
    EXPECT_NE(example.find(table), std::string::npos) << table;
  }
}

void expect_same(const http::ServerOptions& found, const http::ServerOptions& wanted) {
  EXPECT_EQ(found.host, wanted.host);
  EXPECT_EQ(found.port, wanted.port);
  EXPECT_EQ(found.threads, wanted.threads);
  EXPECT_EQ(found.max_body_bytes, wanted.max_body_bytes);
  EXPECT_EQ(found.max_body_bytes_in_flight, wanted.max_body_bytes_in_flight);
  EXPECT_EQ(found.max_header_bytes, wanted.max_header_bytes);
  EXPECT_EQ(found.max_target_bytes, wanted.max_target_bytes);
  EXPECT_EQ(found.max_connections, wanted.max_connections);
  EXPECT_EQ(found.retry_after_seconds, wanted.retry_after_seconds);
  EXPECT_EQ(found.header_timeout, wanted.header_timeout);
  EXPECT_EQ(found.body_timeout, wanted.body_timeout);
  EXPECT_EQ(found.idle_timeout, wanted.idle_timeout);
  EXPECT_EQ(found.write_timeout, wanted.write_timeout);
  EXPECT_EQ(found.linger_timeout, wanted.linger_timeout);
}

void expect_same(const StoreOptions& found, const StoreOptions& wanted) {
  EXPECT_EQ(found.url, wanted.url);
  EXPECT_EQ(found.sqlite.synchronous, wanted.sqlite.synchronous);
  EXPECT_EQ(found.sqlite.busy_timeout_ms, wanted.sqlite.busy_timeout_ms);
  EXPECT_EQ(found.sqlite.readers, wanted.sqlite.readers);
  EXPECT_EQ(found.sqlite.max_record_bytes, wanted.sqlite.max_record_bytes);
  EXPECT_EQ(found.memory.max_records, wanted.memory.max_records);
}

void expect_same(const ServerConfig& found, const ServerConfig& wanted) {
  expect_same(found.http, wanted.http);
  expect_same(found.store, wanted.store);
  EXPECT_EQ(found.log_level, wanted.log_level);
  EXPECT_EQ(found.writer.max_queued, wanted.writer.max_queued);
  EXPECT_EQ(found.writer.max_queued_bytes, wanted.writer.max_queued_bytes);
  EXPECT_EQ(found.writer.max_group, wanted.writer.max_group);
  EXPECT_EQ(found.writer.route_commit, wanted.writer.route_commit);
  EXPECT_EQ(found.durability, wanted.durability);
  EXPECT_EQ(found.checkpoint_every, wanted.checkpoint_every);
  EXPECT_EQ(found.awake_mb, wanted.awake_mb);
  ASSERT_EQ(found.routers.size(), wanted.routers.size());
  EXPECT_EQ(found.routers[0].config, wanted.routers[0].config);
  EXPECT_EQ(found.routers[0].name, wanted.routers[0].name);
  EXPECT_EQ(found.routers[0].tenant, wanted.routers[0].tenant);
}

/// A file that sets this option to its documented default and is bare beside.
std::string file_with(const DocumentedOption& option) {
  const std::string line = option.name + " = " + option.default_text + "\n";
  const std::string table = "[" + option.section + "]\n" + line;
  const std::string arm = "[[routers.arms]]\nid = \"a\"\n";
  if (option.section == "routers") return "[[routers]]\n" + line + arm;
  if (option.section == "routers.arms") return "[[routers]]\n" + arm + line;
  if (option.section == "routers.policy") {
    return "[[routers]]\n" + table + "name = \"epsilon_greedy\"\n" + arm;
  }
  if (option.section.starts_with("routers.")) return "[[routers]]\n" + table + arm;
  return kSoundRouter + table;
}

TEST(ConfigDocs, TheDocumentedDefaultsAreTheDefaults) {
  int checked = 0;
  for (const DocumentedOption& option : documented_options()) {
    // An arm's model is its id by default, and signals and keys have no bare form.
    if (option.default_text.empty() || option.name == "model" || option.section == "keys" ||
        option.section == "signals") {
      continue;
    }
    SCOPED_TRACE(option.section + "." + option.name);
    const ParsedConfig parsed = parse_text(file_with(option));
    ASSERT_THAT(parsed.faults, IsEmpty()) << text_of(parsed.faults);
    ServerConfig wanted = parse_text(kSoundRouter).config;
    if (option.section == "routers.policy") {
      wanted.routers[0].config.policy = EpsilonGreedyOptions{};
      wanted.routers[0].config.source_hash = router_source_hash(wanted.routers[0].config);
    }
    expect_same(parsed.config, wanted);
    ++checked;
  }
  EXPECT_GT(checked, 40);
}

}  // namespace
}  // namespace pointsman
