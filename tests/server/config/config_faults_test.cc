#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/server/config/config_text.h"

namespace pointsman {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// A file with exactly one fault.
struct FaultyFile {
  std::string text;
  int line;
  std::string key;
  std::string message;  ///< A part of it.
};

void expect_fault(const FaultyFile& file) {
  SCOPED_TRACE(file.text);
  const ParsedConfig parsed = parse_text(file.text);
  ASSERT_EQ(parsed.faults.size(), 1U) << text_of(parsed.faults);
  EXPECT_EQ(parsed.faults[0].line, file.line) << text_of(parsed.faults);
  EXPECT_EQ(parsed.faults[0].key, file.key);
  EXPECT_THAT(parsed.faults[0].message, HasSubstr(file.message));
}

void expect_faults(const std::vector<FaultyFile>& files) {
  for (const FaultyFile& file : files) expect_fault(file);
}

std::string server(const std::string& lines) { return kSoundRouter + "[server]\n" + lines; }
std::string store(const std::string& lines) { return kSoundRouter + "[store]\n" + lines; }
std::string router(const std::string& lines) {
  return "[[routers]]\n" + lines + "[[routers.arms]]\nid = \"a\"\n[[routers.arms]]\nid = \"b\"\n";
}
std::string signal(const std::string& lines) { return kSoundRouter + "[[signals]]\n" + lines; }
std::string key(const std::string& lines) { return kSoundRouter + "[[keys]]\n" + lines; }

TEST(ConfigFaults, ASyntaxErrorIsReportedAloneWithItsLine) {
  expect_faults({
      {"[server]\nport = \n[nonsense]\n", 2, "", "not TOML"},
      {"[server\nport = 1\n", 1, "", "not TOML"},
      {"[server]\nport = 1\nport = 2\n", 3, "", "already"},
      {"a = \"unfinished\n", 1, "", "not TOML"},
      {"a = \"\xff\"\n", 1, "", "not TOML"},
  });
}

TEST(ConfigFaults, AnUnknownOptionNamesTheNearestKnownOne) {
  expect_faults({
      {"[sever]\nport = 1\n" + kSoundRouter, 1, "sever", "Did you mean server?"},
      {server("prot = 80\n"), 6, "server.prot", "Did you mean port?"},
      {server("max_conections = 80\n"), 6, "server.max_conections", "max_connections?"},
      {store("route_comit_ms = 80\n"), 6, "store.route_comit_ms", "route_commit_ms?"},
      {router("polcy = \"lints\"\n"), 2, "routers[0].polcy", "Did you mean policy?"},
      {router("allowance = 3\n"), 2, "routers[0].allowance", "Known are"},
      {router("[routers.features]\ntxt = true\n"), 3, "routers[0].features.txt", "text?"},
      {router("[routers.posterior]\ngama = 1\n"), 3, "routers[0].posterior.gama", "gamma?"},
      {router("") + "cost = 1\n", 6, "routers[0].arms[1].cost", "Known are id"},
      {key("name = \"n\"\nkey_env = \"PM_KEY\"\ntenat = \"t\"\n"), 8, "keys[0].tenat", "tenant?"},
  });
}

TEST(ConfigFaults, AWrongTypeSaysWhichOneIsWantedAndWhichWasFound) {
  expect_faults({
      {server("port = \"80\"\n"), 6, "server.port", "a whole number, not a string"},
      {server("port = 80.5\n"), 6, "server.port", "a whole number, not a floating-point"},
      {server("host = 127\n"), 6, "server.host", "a string, not a whole number"},
      {server("idle_timeout = 60\n"), 6, "server.idle_timeout", "a string, not a whole number"},
      {"server = 3\n" + kSoundRouter, 1, "server", "a table, not a whole number"},
      {"[routers]\nname = \"x\"\n", 1, "routers", "[[routers]]"},
      {"routers = [3]\n", 1, "routers[0]", "a table"},
      {router("sticky_sessions = 1\n"), 2, "routers[0].sticky_sessions", "true or false"},
      {router("policy = 1\n"), 2, "routers[0].policy", "a string"},
      {router("[routers.utility]\nvalue_usd = \"1\"\n"), 3, "routers[0].utility.value_usd",
       "a number, not a string"},
      {router("") + "tags = \"x\"\n", 6, "routers[0].arms[1].tags", "an array of strings"},
      {router("") + "tags = [\n  \"x\",\n  3,\n]\n", 8, "routers[0].arms[1].tags[1]", "a string"},
      {router("decision_ttl = 2026-01-01\n"), 2, "routers[0].decision_ttl", "a date or time"},
  });
}

TEST(ConfigFaults, AValueOutOfRangeSaysTheRange) {
  expect_faults({
      {server("port = 65536\n"), 6, "server.port", "from 0 to 65535"},
      {server("port = -1\n"), 6, "server.port", "from 0 to 65535"},
      {server("max_body_bytes = 0\n"), 6, "server.max_body_bytes", "from 1 to"},
      {server("max_body_bytes_in_flight = 4096\n"), 6, "server.max_body_bytes_in_flight", "hold"},
      {server("idle_timeout = \"60\"\n"), 6, "server.idle_timeout", "a duration"},
      {server("idle_timeout = \"0s\"\n"), 6, "server.idle_timeout", "from 1ms to 1d"},
      {server("log_level = \"warnn\"\n"), 6, "server.log_level", "Did you mean warn?"},
      {server("host = \"example.org\"\n"), 6, "server.host", "numeric address"},
      {server("listen = \"8080\"\n"), 6, "server.listen", "HOST:PORT"},
      {server("listen = \"::1:8080\"\n"), 6, "server.listen", "HOST:PORT"},
      {server("listen = \"[::1]:70000\"\n"), 6, "server.listen", "HOST:PORT"},
      {server("listen = \"127.0.0.1:1\"\nport = 1\n"), 7, "server.port", "listen"},
      {store("url = \"sqlite:\"\n"), 6, "store.url", "names its file"},
      {store("url = \"mysql://x\"\n"), 6, "store.url", "memory:, sqlite:FILE"},
      {store("url = \"rediss://x\"\n"), 6, "store.url", "no TLS"},
      {store("synchronous = \"off\"\n"), 6, "store.synchronous", "one of full, normal"},
      {store("decision_durability = \"none\"\n"), 6, "store.decision_durability", "commit, queued"},
      {store("max_group = 2000\n"), 6, "store.max_group", "from 1 to 1024"},
      {store("max_records = 0\n"), 6, "store.max_records", "at least 1."},
  });
}

TEST(ConfigFaults, ARoutersLearnerIsHeldToItsRanges) {
  expect_faults({
      {router("policy = \"thompson\"\n"), 2, "routers[0].policy", "thompson"},
      {router("policy = \"linucb:alpha=x\"\n"), 2, "routers[0].policy", "alpha"},
      {router("policy = \"fixed:c\"\n"), 2, "routers[0].policy", "no arm"},
      {router("policy = {}\n"), 2, "routers[0].policy.name", "required"},
      {router("policy = { name = \"lint\" }\n"), 2, "routers[0].policy.name", "mean lints?"},
      {router("policy = { name = \"lints\", alpha = -1 }\n"), 2, "routers[0].policy.alpha",
       "from 0 to 1000"},
      {router("policy = { name = \"lints\", epsilon = 0.1 }\n"), 2, "routers[0].policy.epsilon",
       "no such option"},
      {router("policy = { name = \"fixed\" }\n"), 2, "routers[0].policy.arm", "names its arm"},
      {router("[routers.posterior]\ngamma = 0\n"), 3, "routers[0].posterior.gamma",
       "more than 0 and at most 1"},
      {router("[routers.posterior]\ntext_precision = 0\n"), 3,
       "routers[0].posterior.text_precision", "a number from"},
      {router("[routers.posterior]\nintercept_mean = inf\n"), 3,
       "routers[0].posterior.intercept_mean", "from -1000 to 1000"},
      {router("") + "expected_cost_usd = nan\n", 6, "routers[0].arms[1].expected_cost_usd",
       "at least 0"},
      {router("[routers.budget]\nusd_per_request = 0\n"), 3, "routers[0].budget.usd_per_request",
       "more than 0"},
      {router("[routers.utility]\nusd_per_second = -1\n"), 3, "routers[0].utility.usd_per_second",
       "at least 0"},
      {router("[routers.nursery]\nshare = 1.0\n"), 3, "routers[0].nursery.share", "from 0 to 0.9"},
      {router("propensity_floor = 0.51\n"), 2, "routers[0].propensity_floor", "at most 0.5"},
      {router("policy = \"lints:floor=.6\"\n"), 2, "routers[0].policy", "at most 0.5"},
      {router("policy = \"lints:floor=.1\"\npropensity_floor = 0.2\n"), 3,
       "routers[0].propensity_floor", "already"},
      {router("seed = \"12x\"\n"), 2, "routers[0].seed", "2^64"},
      {router("seed = -1\n"), 2, "routers[0].seed", "at least 0"},
      {router("decision_ttl = \"500ms\"\n"), 2, "routers[0].decision_ttl", "from 1s to 3650d"},
      {router("decision_ttl = \"99999999999999999d\"\n"), 2, "routers[0].decision_ttl",
       "a duration"},
  });
}

TEST(ConfigFaults, ARoutersPartsMustFitTogether) {
  expect_faults({
      {"", 0, "routers", "at least one router"},
      {"routers = []\n", 1, "routers", "at least one router"},
      {"[[routers]]\n", 1, "routers[0].arms", "at least one arm"},
      {"[[routers]]\narms = []\n", 2, "routers[0].arms", "at least one arm"},
      {"[[routers]]\n[[routers.arms]]\nmodel = \"m\"\n", 2, "routers[0].arms[0].id", "required"},
      {router("") + "[[routers.arms]]\nid = \"a\"\n", 7, "routers[0].arms[2].id", "line 3"},
      {router("") + "[[routers.arms]]\nid = \"\"\n", 7, "routers[0].arms[2].id", "empty"},
      {router("") + "input_usd_per_million_tokens = -1\n", 6,
       "routers[0].arms[1].input_usd_per_million_tokens", "at least 0"},
      {router("") + "tags = [\"x\", \"x\"]\n", 6, "routers[0].arms[1].tags[1]", "already"},
      {router("mode = \"shadow\"\n"), 1, "routers[0].shadow_arm", "needs the arm"},
      {router("mode = \"shadow\"\nshadow_arm = \"c\"\n"), 3, "routers[0].shadow_arm", "no arm"},
      {kSoundRouter + kSoundRouter, 5, "routers[1].name", "line 1"},
      {router("name = \"x\"\n") + router("name = \"x\"\n"), 8, "routers[1].name", "line 2"},
      {router("features.fields = [{ name = \"f\" }, { name = \"f\" }]\n"), 2,
       "routers[0].features.fields[1].name", "line 2"},
      {router("features.fields = [{}]\n"), 2, "routers[0].features.fields[0].name", "required"},
      {router("features.fields = [{ name = \"f\", values = [] }]\n"), 2,
       "routers[0].features.fields[0].values", "empty"},
      {router("features.fields = [{ name = \"f\", values = [\"v\", \"v\"] }]\n"), 2,
       "routers[0].features.fields[0].values[1]", "already"},
      {router("[routers.features]\nembedding_dims = 8\nembedding_projection = 8\n"), 4,
       "routers[0].features.embedding_projection", "less than embedding_dims"},
      {router("[routers.features]\nembedding_dims = 5000\n"), 2, "routers[0].features",
       "at most 4096"},
  });
}

TEST(ConfigFaults, ACustomSignalIsHeldToItsAdaptersRules) {
  const std::string line = "pointer = \"/s\"\nfrom_min = 0\nfrom_max = 1\n";
  expect_faults({
      {signal("name = \"thumbs\"\n" + line), 6, "signals[0].name", "built in"},
      {signal("name = \"outcome_error\"\n" + line), 6, "signals[0].name", "built in"},
      {signal("name = \"s\"\n" + line + "[[signals]]\nname = \"s\"\n" + line), 11,
       "signals[1].name", "line 6"},
      {signal(line), 5, "signals[0].name", "required"},
      {signal("name = \"s\"\nfrom_min = 0\nfrom_max = 1\n"), 5, "signals[0].pointer", "required"},
      {signal("name = \"s\"\npointer = \"s\"\nfrom_min = 0\nfrom_max = 1\n"), 7,
       "signals[0].pointer", "JSON pointer"},
      {signal("name = \"s\"\npointer = \"/s\"\nfrom_min = 1\nfrom_max = 1\n"), 9,
       "signals[0].from_max", "differ"},
      {signal("name = \"s\"\npointer = \"/s\"\nfrom_min = 1\n"), 5, "signals[0].from_max",
       "required"},
      {signal("name = \"s\"\npointer = \"/s\"\n"), 5, "signals[0]", "either"},
      {signal("name = \"s\"\n" + line + "table = { a = 1 }\n"), 5, "signals[0]", "either"},
      {signal("name = \"s\"\npointer = \"/s\"\ntable = { a = 2 }\n"), 8, "signals[0].table",
       "[0, 1]"},
      {signal("name = \"s\"\npointer = \"/s\"\ntable = { a = \"x\" }\nconfidence = 1\n"), 8,
       "signals[0].table.a", "a number"},
      {signal("name = \"s\"\npointer = \"/s\"\ntable = {}\n"), 8, "signals[0].table", "empty"},
      {signal("name = \"s\"\npointer = \"/s\"\ndefault = 1\n"), 5, "signals[0].table", "required"},
      {signal("name = \"s\"\n" + line + "confidence = 2\n"), 10, "signals[0].confidence",
       "from 0 to 1"},
  });
}

TEST(ConfigFaults, AKeyIsGivenSoundlyExactlyOnce) {
  const std::string hash(64, 'a');
  expect_faults({
      {key("name = \"n\"\n"), 5, "keys[0]", "exactly one"},
      {key("name = \"n\"\nkey = \"k\"\nkey_env = \"PM_KEY\"\n"), 5, "keys[0]", "exactly one"},
      {key("key = \"k\"\n"), 5, "keys[0].name", "required"},
      {key("name = \"n\"\nkey = \"\"\n"), 7, "keys[0].key", "empty"},
      {key("name = \"n\"\nkey = \"a b\"\n"), 7, "keys[0].key", "visible ASCII"},
      {key("name = \"n\"\nkey_env = \"PM_NONE\"\n"), 7, "keys[0].key_env", "not set"},
      {key("name = \"n\"\nkey_env = \"PM_EMPTY\"\n"), 7, "keys[0].key_env", "not set"},
      {key("name = \"n\"\nkey_env = \"PM_SPACED\"\n"), 7, "keys[0].key_env", "visible ASCII"},
      {key("name = \"n\"\nkey_env = \"sk-x\"\n"), 7, "keys[0].key_env", "capitals"},
      {key("name = \"n\"\nkey_sha256 = \"abc\"\n"), 7, "keys[0].key_sha256", "64 hexadecimal"},
      {key("name = \"n\"\nkey = \"k1\"\n[[keys]]\nname = \"n\"\nkey = \"k2\"\n"), 9, "keys[1].name",
       "line 6"},
      {key("name = \"n\"\nkey = \"k\"\n[[keys]]\nname = \"m\"\nkey = \"k\"\n"), 8, "keys[1]",
       "the same key"},
      {store("url_env = \"PM_NONE\"\n"), 6, "store.url_env", "not set"},
      {store("url_env = \"PM_BAD_STORE\"\n"), 6, "store.url_env", "memory:, sqlite:FILE"},
      {store("url = \"memory:\"\nurl_env = \"PM_STORE\"\n"), 7, "store.url_env", "already"},
  });
}

TEST(ConfigFaults, WithoutKeysAnAddressBeyondLoopbackIsRefused) {
  expect_faults({
      {server("host = \"0.0.0.0\"\n"), 6, "server.host", "[[keys]]"},
      {server("host = \"::\"\n"), 6, "server.host", "[[keys]]"},
      {server("host = \"::ffff:10.0.0.1\"\n"), 6, "server.host", "[[keys]]"},
      {server("listen = \"192.168.0.1:80\"\n"), 6, "server.listen", "[[keys]]"},
  });
}

TEST(ConfigFaults, AllAreReportedAtOnceInTheOrderOfTheFile) {
  const ParsedConfig parsed = parse_text(
      "[[keys]]\nname = \"n\"\nkey_env = \"PM_NONE\"\n"
      "[[routers]]\nseed = -1\n[[routers.arms]]\nid = \"a\"\n[[routers.arms]]\nid = \"a\"\n"
      "[server]\nprt = 1\nport = \"x\"\n[store]\nurl = 3\n");
  std::vector<std::pair<int, std::string>> places;
  for (const ConfigFault& fault : parsed.faults) places.emplace_back(fault.line, fault.key);
  const std::vector<std::pair<int, std::string>> expected = {
      {3, "keys[0].key_env"}, {5, "routers[0].seed"}, {9, "routers[0].arms[1].id"},
      {11, "server.prt"},     {12, "server.port"},    {14, "store.url"},
  };
  EXPECT_EQ(places, expected) << text_of(parsed.faults);
}

TEST(ConfigFaults, NoSecretOfTheFileEverStandsInAMessage) {
  const std::vector<std::string> files = {
      key("name = \"n\"\nkey = \"hunter2 spaced\"\n"),
      key("name = \"n\"\nkey = hunter2\n"),
      key("name = \"n\"\nkey = thunter2\n"),
      key("name = \"n\"\nkey = \"hunter2\" x\n"),
      key("name = \"n\"\nkey = \"hunter2\n"),
      key("name = \"n\"\nkey = [\"hunter2\"]\n"),
      key("name = \"n\"\nhunter2 = \"n\"\n"),
      key("name = \"n\"\n\"hunter2\" = 1\n\"hunter2\" = 2\n"),
      key("name = \"n\"\nkey_env = \"hunter2\"\n"),
      key("name = \"n\"\nkey_env = \"HUNTER2\"\n"),
      key("name = \"n\"\nkey_sha256 = \"hunter2\"\n"),
      key("name = \"n\"\nkey = \"hunter2\"\nkey_env = \"PM_KEY\"\n"),
      key("name = \"n\"\nkey = \"hunter2\"\n[[keys]]\nname = \"m\"\nkey = \"hunter2\"\n"),
      store("url = \"rediss://u:hunter2@h/0\"\n"),
      store("url = \"mysql://u:hunter2@h/db\"\n"),
      store("url = [\"hunter2\"]\n"),
      store("url_env = \"PM_BAD_STORE\"\n"),
      store("url = \"memory:hunter2\"\n"),
      store("url = postgresql://u:hunter2@h/db\n"),
  };
  for (const std::string& file : files) {
    const ParsedConfig parsed = parse_text(file);
    ASSERT_THAT(parsed.faults, Not(IsEmpty())) << file;
    EXPECT_THAT(text_of(parsed.faults), Not(HasSubstr("unter2"))) << file;
    EXPECT_THAT(text_of(parsed.faults), Not(HasSubstr("UNTER2"))) << file;
  }
  // A number that no integer holds is quoted by the parser itself.
  const ParsedConfig digits = parse_text(key("name = \"n\"\nkey = 314159265358979323846264338\n"));
  EXPECT_THAT(text_of(digits.faults), Not(HasSubstr("31415926")));
}

TEST(ConfigFaults, ADamagedFileIsNeverMoreThanFaults) {
  const std::string whole = file_of_the_tree("examples/pointsman.toml");
  ASSERT_FALSE(whole.empty());
  std::mt19937_64 random(20261121);
  int faulty = 0;
  for (int round = 0; round < 300; ++round) {
    std::string text = whole.substr(0, round % 3 == 0 ? random() % whole.size() : whole.size());
    for (int i = 0; i < 4 && !text.empty(); ++i) {
      text[random() % text.size()] = static_cast<char>(random() % 256);
    }
    const ParsedConfig parsed = parse_text(text);
    if (!parsed.faults.empty()) ++faulty;
    for (const ConfigFault& fault : parsed.faults) EXPECT_FALSE(fault.message.empty());
  }
  EXPECT_GT(faulty, 100);
}

}  // namespace
}  // namespace pointsman
