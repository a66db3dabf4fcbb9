#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include "engine/features/default_text_model.h"
#include "engine/values/hex_text.h"
#include "server/config/apply_config.h"
#include "server/config/duration_text.h"
#include "server/config/listen_address.h"
#include "server/config/router_section.h"
#include "tests/server/config/config_text.h"

namespace pointsman {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

ServerConfig sound(const std::string& text) {
  const ParsedConfig parsed = parse_text(text);
  EXPECT_THAT(parsed.faults, IsEmpty()) << text_of(parsed.faults);
  return parsed.config;
}

RouterConfig sound_router(const std::string& lines) {
  const ServerConfig config = sound("[[routers]]\n" + lines + "[[routers.arms]]\nid = \"a\"\n");
  return config.routers.empty() ? RouterConfig{} : config.routers[0].config;
}

TEST(Config, AFileThatNamesOneArmGetsTheDemosDefaults) {
  const ServerConfig config = sound(kSoundRouter);
  const ServerConfig demo = demo_config();
  ASSERT_EQ(config.routers.size(), 1U);
  EXPECT_EQ(config.http.host, "127.0.0.1");
  EXPECT_EQ(config.http.port, 8080);
  EXPECT_EQ(config.store.url, "sqlite:pointsman.db");
  EXPECT_EQ(config.routers[0].name, "default");
  RouterConfig expected = demo.routers[0].config;
  expected.features.hashed_fields = 0;
  expected.arms = {ArmSpec{.id = "a", .model = "a"}};
  expected.source_hash = router_source_hash(expected);
  EXPECT_EQ(config.routers[0].config, expected);
}

TEST(Config, TheDemoHasThreePricedArmsOnTextAndThompson) {
  const ServerConfig demo = demo_config();
  ASSERT_EQ(demo.routers.size(), 1U);
  const RouterConfig& router = demo.routers[0].config;
  std::vector<std::string> ids;
  for (const ArmSpec& arm : router.arms) {
    ids.push_back(arm.id);
    EXPECT_TRUE(arm.input_usd_per_million_tokens.has_value());
    EXPECT_TRUE(arm.output_usd_per_million_tokens.has_value());
  }
  EXPECT_THAT(ids, ElementsAre("small", "medium", "large"));
  EXPECT_TRUE(std::holds_alternative<LinTsOptions>(router.policy));
  EXPECT_TRUE(router.features.text_counters);
  EXPECT_EQ(router.features.text_model_dims, default_text_model().dims());
  EXPECT_EQ(router.features.hashed_fields, 32U);
  EXPECT_FALSE(router.utility.value_usd.has_value());
  EXPECT_EQ(router.source_hash, router_source_hash(router));
  EXPECT_TRUE(check_exposure(demo).ok());
}

TEST(Config, EveryOptionOfTheServerArrives) {
  const ServerConfig config =
      sound(kSoundRouter +
            "[server]\nhost = \"localhost\"\nport = 0\nthreads = 3\nmax_body_bytes = 10\n"
            "max_body_bytes_in_flight = 20\nmax_header_bytes = 300\nmax_target_bytes = 40\n"
            "max_connections = 50\nretry_after_seconds = 6\nheader_timeout = \"7s\"\n"
            "body_timeout = \"8s\"\nidle_timeout = \"9s\"\nwrite_timeout = \"10s\"\n"
            "linger_timeout = \"11ms\"\nlog_level = \"error\"\n");
  const http::ServerOptions& http = config.http;
  EXPECT_EQ(http.host, "127.0.0.1");
  EXPECT_EQ(http.port, 0);
  EXPECT_EQ(http.threads, 3U);
  EXPECT_EQ(http.max_body_bytes, 10U);
  EXPECT_EQ(http.max_body_bytes_in_flight, 20U);
  EXPECT_EQ(http.max_header_bytes, 300U);
  EXPECT_EQ(http.max_target_bytes, 40U);
  EXPECT_EQ(http.max_connections, 50U);
  EXPECT_EQ(http.retry_after_seconds, 6);
  EXPECT_EQ(http.header_timeout, 7s);
  EXPECT_EQ(http.body_timeout, 8s);
  EXPECT_EQ(http.idle_timeout, 9s);
  EXPECT_EQ(http.write_timeout, 10s);
  EXPECT_EQ(http.linger_timeout, 11ms);
  EXPECT_EQ(config.log_level, "error");
}

TEST(Config, EveryOptionOfTheStoreArrives) {
  const ServerConfig config =
      sound(kSoundRouter +
            "[store]\nurl_env = \"PM_STORE\"\nsynchronous = \"normal\"\nbusy_timeout = \"7ms\"\n"
            "readers = 2\nmax_records = 3\nmax_record_bytes = 4096\nmax_queued = 5\n"
            "max_queued_bytes = 6\nmax_group = 7\nroute_commit_ms = 8\n"
            "decision_durability = \"queued\"\ncheckpoint_every = 9\nawake_mb = 10\n");
  EXPECT_EQ(config.store.url, "sqlite:from-environment.db");
  EXPECT_EQ(config.store.sqlite.synchronous, SqliteSynchronous::normal);
  EXPECT_EQ(config.store.sqlite.busy_timeout_ms, 7);
  EXPECT_EQ(config.store.sqlite.readers, 2U);
  EXPECT_EQ(config.store.sqlite.max_record_bytes, 4096U);
  EXPECT_EQ(config.store.memory.max_record_bytes, 4096U);
  EXPECT_EQ(config.store.memory.max_records, 3U);
  EXPECT_EQ(config.writer.max_queued, 5U);
  EXPECT_EQ(config.writer.max_queued_bytes, 6U);
  EXPECT_EQ(config.writer.max_group, 7U);
  EXPECT_EQ(config.writer.route_commit, 8ms);
  EXPECT_EQ(config.durability, DecisionDurability::queued);
  EXPECT_EQ(config.checkpoint_every, 9U);
  EXPECT_EQ(config.awake_mb, 10U);
}

TEST(Config, APolicyIsATableOrAStringAndTheStringGoesBeforeThePosterior) {
  const RouterConfig table = sound_router("policy = { name = \"linucb\", alpha = 0.7 }\n");
  EXPECT_EQ(table.policy, PolicyOptions(LinUcbOptions{.alpha = 0.7}));
  const RouterConfig bare = sound_router("policy = { name = \"linucb\" }\n");
  EXPECT_EQ(bare.policy, PolicyOptions(LinUcbOptions{}));
  const RouterConfig spec = sound_router(
      "policy = \"linucb:alpha=.3,text_precision=50,floor=.1\"\n"
      "posterior = { text_precision = 7, field_precision = 8 }\n");
  EXPECT_EQ(spec.policy, PolicyOptions(LinUcbOptions{.alpha = 0.3}));
  EXPECT_EQ(spec.posterior.text_precision, 50.0);
  EXPECT_EQ(spec.posterior.field_precision, 8.0);
  EXPECT_EQ(spec.propensity_floor, 0.1);
  const RouterConfig fixed = sound_router("policy = \"fixed:a\"\n");
  EXPECT_EQ(fixed.policy, PolicyOptions(FixedOptions{.arm = "a"}));
}

TEST(Config, TextFeaturesAreCountersAndTheBuiltInModelUnlessEitherIsSwitchedOff) {
  const FeatureLayout neither = sound_router("features = { text = false }\n").features;
  EXPECT_FALSE(neither.text_counters);
  EXPECT_EQ(neither.text_model_dims, 0U);
  EXPECT_EQ(neither.text_model_hash, "");
  const FeatureLayout counters = sound_router("features = { text_model = false }\n").features;
  EXPECT_TRUE(counters.text_counters);
  EXPECT_EQ(counters.text_model_dims, 0U);
  const FeatureLayout model =
      sound_router("features = { text = false, text_model = true }\n").features;
  EXPECT_FALSE(model.text_counters);
  EXPECT_EQ(model.text_model_hash, default_text_model().hash());
}

TEST(Config, SignalsAreALineOrATable) {
  const ServerConfig config =
      sound(kSoundRouter +
            "[[signals]]\nname = \"stars\"\npointer = \"/s\"\nfrom_min = 5\nfrom_max = 1\n"
            "confidence = 0.5\n"
            "[[signals]]\nname = \"state\"\npointer = \"\"\ntable = { solved = 1, \"3\" = 0.2 }\n"
            "default = 0\n");
  ASSERT_EQ(config.signals.size(), 2U);
  EXPECT_EQ(config.signals[0].name, "stars");
  EXPECT_EQ(config.signals[0].confidence, 0.5);
  EXPECT_EQ(std::get<LinearMap>(config.signals[0].map).from_min, 5.0);
  const auto& table = std::get<TableMap>(config.signals[1].map);
  EXPECT_THAT(table.rewards, ElementsAre(std::pair("3", 0.2), std::pair("solved", 1.0)));
  EXPECT_EQ(table.otherwise, 0.0);
}

TEST(Config, AKeyInAnyOfItsThreeFormsIsKeptAsItsHashOnly) {
  // printf %s abc | sha256sum
  const std::string abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  const ServerConfig config = sound(
      kSoundRouter + "[server]\nhost = \"0.0.0.0\"\n[[keys]]\nname = \"plain\"\nkey = \"abc\"\n" +
      "[[keys]]\nname = \"variable\"\nkey_env = \"PM_KEY\"\ntenant = \"t\"\n" +
      "[[keys]]\nname = \"hash\"\nkey_sha256 = \"" + std::string(64, 'B') + "\"\n");
  ASSERT_EQ(config.keys.size(), 3U);
  EXPECT_EQ(hex_text(config.keys[0].sha256), abc);
  EXPECT_EQ(config.keys[0].tenant, "default");
  EXPECT_EQ(config.keys[1].tenant, "t");
  EXPECT_EQ(hex_text(config.keys[2].sha256), std::string(64, 'b'));
  EXPECT_EQ(config.http.host, "0.0.0.0");
}

TEST(Config, RoutersOfTwoTenantsMayShareAName) {
  const ServerConfig config =
      sound(kSoundRouter + "[[routers]]\ntenant = \"t\"\n" + "[[routers.arms]]\nid = \"a\"\n");
  EXPECT_EQ(config.routers.size(), 2U);
}

TEST(Config, TheSourceHashSeesValuesButNeitherCommentsNorOrder) {
  const std::string hash = sound_router("seed = 7\nsticky_sessions = true\n").source_hash;
  EXPECT_EQ(hash.size(), 64U);
  EXPECT_EQ(sound_router("# why\nsticky_sessions = true\nseed = 7  # lucky\n").source_hash, hash);
  EXPECT_EQ(sound_router("name = \"other\"\nseed = 7\nsticky_sessions = true\n").source_hash, hash);
  EXPECT_NE(sound_router("seed = 8\nsticky_sessions = true\n").source_hash, hash);
  EXPECT_NE(sound_router("seed = 7\n").source_hash, hash);
}

TEST(Config, LoopbackIsOneMachineHoweverItIsSpelled) {
  for (const char* host :
       {"127.0.0.1", "127.9.9.9", "::1", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(is_loopback(host)) << host;
  }
  for (const char* host : {"0.0.0.0", "::", "128.0.0.1", "::ffff:10.0.0.1", "::2", "", "127"}) {
    EXPECT_FALSE(is_loopback(host)) << host;
  }
}

TEST(Config, ACommandLinesAddressIsHeldToTheSameLaw) {
  const Result<ListenAddress> address = parse_listen("[::]:80");
  ASSERT_TRUE(address.ok());
  ServerConfig config = demo_config();
  config.http.host = address->host;
  const Status exposed = check_exposure(config);
  ASSERT_FALSE(exposed.ok());
  EXPECT_EQ(exposed.error().field, "server.host");
  config.keys.push_back(ApiKey{.name = "n"});
  EXPECT_TRUE(check_exposure(config).ok());
  for (const char* bad : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "host:1", ":80"}) {
    EXPECT_FALSE(parse_listen(bad).ok()) << bad;
  }
}

TEST(Config, DurationsReadBackAsTheyWereWritten) {
  EXPECT_EQ(parse_duration("30d"), 30 * 24h);
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  for (const auto time : {0ms, 1ms, 1500ms, 90'000ms, 60'000ms, 3'600'000ms, 86'400'000ms}) {
    EXPECT_EQ(parse_duration(duration_text(time)), time);
  }
  EXPECT_EQ(duration_text(90s), "90s");
  for (const char* bad : {"", "s", "1", "-1s", "+1s", " 1s", "1 s", "1.5h", "1s1s", "1w"}) {
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
  }
}

TEST(Config, ARequestToAppendEachRouterFollowsTheFile) {
  const ServerConfig config =
      sound(kSoundRouter + "[[routers]]\nname = \"second\"\n" + "[[routers.arms]]\nid = \"a\"\n");
  std::uint8_t drawn = 0;
  const auto stamps = [&] {
    RecordStamp stamp;
    stamp.id[0] = ++drawn;
    return stamp;
  };
  const std::vector<AppendRequest> requests = config_requests(config, stamps, false);
  ASSERT_EQ(requests.size(), 2U);
  EXPECT_EQ(requests[1].scope.router, "second");
  EXPECT_EQ(requests[1].record.id[0], 2);
  EXPECT_TRUE(requests[1].first_wins);
  EXPECT_EQ(std::get<RouterConfig>(requests[1].record.body), config.routers[1].config);
  EXPECT_FALSE(config_requests(config, stamps, true)[0].first_wins);
}

}  // namespace
}  // namespace pointsman
