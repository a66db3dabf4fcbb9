// `pointsman warm-start`, and `replay --warm-samples`, which shows what it does.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "engine/log/append_requests.h"
#include "engine/routers/routers.h"
#include "lab/replay/replay.h"
#include "server/cli/warm_start_cli.h"
#include "stores/open_store.h"
#include "tests/lab/data/data_set_fixtures.h"

namespace pointsman::lab {
namespace {

class WarmStartCommand : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "pointsman-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    std::ofstream prompts(folder_ / "prompts.jsonl");
    std::ofstream outcomes(folder_ / "outcomes.csv");
    outcomes << "id,task,split,q:a,q:b,c:a,c:b\n";
    for (int i = 0; i < 60; ++i) {
      const bool even = i % 2 == 0;
      const std::string task = even ? "even" : "odd";
      prompts << R"({"id":")" << i << R"(","task":")" << task
              << R"(","domain":"","split":"","prompt":"question"})"
              << "\n";
      outcomes << i << "," << task << ",," << (even ? "1,0" : "0,1") << ",0.001,\n";
    }
    cli_.store = "sqlite:" + (folder_ / "log.db").string();
    cli_.data = folder_.string();
    cli_.samples = 50;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  /// Calls `use` with the router's engine, as a server would have it.
  template <class Use>
  void with_routers(const Use& use) {
    StoreOptions options;
    options.url = cli_.store;
    auto store = open_store(options);
    ASSERT_TRUE(store) << store.error().message;
    auto routers = Routers::open(**store, {.record_ids = [] { return RecordId{7}; }});
    ASSERT_TRUE(routers) << routers.error().message;
    use(**routers);
  }

  void configure() {
    with_routers([](Routers& routers) {
      RouterConfig config;
      config.source_hash = "one";
      config.policy = LinUcbOptions{};
      config.features =
          FeatureLayout{.text_counters = false, .fields = {{"task", {"even", "odd"}}}};
      config.arms = {ArmSpec{.id = "a"}, ArmSpec{.id = "b"}};
      ASSERT_TRUE(routers.commit(
          {append_config({"default", "default"}, RecordStamp{}, std::move(config))}));
    });
  }

  std::filesystem::path folder_;
  WarmStartCli cli_;
};

TEST_F(WarmStartCommand, TeachesARouterOnceAndSurvivesARestart) {
  configure();
  ASSERT_EQ(run_warm_start(cli_), 0);
  ASSERT_EQ(run_warm_start(cli_), 0) << "the same rows again are no fault";
  with_routers([](Routers& routers) {
    const auto snapshot = routers.snapshot({"default", "default"});
    EXPECT_NEAR(snapshot->arms[0]->weight_sum, 50.0, 1e-9);
    for (const bool even : {true, false}) {
      std::vector<FieldValue> fields = {{"task", std::string_view(even ? "even" : "odd")}};
      RequestFeatures features;
      features.fields = fields;
      std::vector<float> raw(snapshot->encoder->dims());
      ASSERT_TRUE(snapshot->encoder->encode(features, raw));
      DecideRequest request;
      request.query_id = "q";
      request.raw = raw;
      EXPECT_EQ(decide(*snapshot, request)->chosen, even ? 0U : 1U);
    }
  });
}

TEST_F(WarmStartCommand, SaysWhatIsWrong) {
  EXPECT_EQ(run_warm_start(cli_), 1) << "no such router yet";
  configure();
  cli_.data = "/nowhere";
  EXPECT_EQ(run_warm_start(cli_), 1);
  cli_.samples = 0.0;
  EXPECT_EQ(run_warm_start(cli_), 2);
}

TEST(ReplayWarmStart, ARecordOfRowsIsWorthWhatItsSampleSizeSays) {
  const DataSet data = task_table(600);
  ReplaySettings settings;
  settings.features.task = true;
  settings.warm = 300;
  settings.seeds = 3;
  const auto prepared = prepare_replay(data, settings);
  ASSERT_TRUE(prepared.ok());
  const PolicySpec policy = *parse_policy_spec("linucb:intercept_precision=1");
  const double as_decisions = replay(*prepared, policy, settings)->reward.mean;
  settings.warm_samples = 300.0;
  const auto full = replay(*prepared, policy, settings);
  ASSERT_TRUE(full.ok()) << full.error().message;
  EXPECT_NEAR(full->reward.mean, as_decisions, 0.01);
  EXPECT_GE(full->reward.mean, 0.99);
  settings.warm_samples = 1e-6;
  EXPECT_LE(replay(*prepared, policy, settings)->reward.mean, full->reward.mean - 0.005)
      << "next to nothing is a cold start";
}

}  // namespace
}  // namespace pointsman::lab
