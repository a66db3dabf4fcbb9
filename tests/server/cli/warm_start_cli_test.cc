#include "server/cli/warm_start_cli.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "engine/log/append_requests.h"
#include "engine/routers/routers.h"
#include "stores/open_store.h"
#include "tests/lab/data/data_set_fixtures.h"
#include "tests/lab/replay/old_log.h"

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

class WarmStartFromCommand : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "pointsman-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    cli_.store = "sqlite:" + (folder_ / "new.db").string();
    cli_.from = "sqlite:" + (folder_ / "old.db").string();
    cli_.from_router = "old";
    cli_.samples = 100;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  WarmStartCli cli_;
};

TEST_F(WarmStartFromCommand, ReadsAnotherStoreBesideItsServerAndTakesTheSameRowsOnce) {
  Log old(cli_.from);
  fill(old, 200);
  Log(cli_.store).configure("default", config_of({"a", "b"}, LinUcbOptions{}));
  ASSERT_EQ(run_warm_start(cli_), 0) << "the old store's writer holds its lock";
  ASSERT_EQ(run_warm_start(cli_), 0);
  Log log(cli_.store);
  const double weight = log.snapshot("default")->arms[0]->weight_sum;
  EXPECT_GT(weight, 40.0);
  EXPECT_LE(weight, 100.0);
  EXPECT_EQ(log.route("default", "p", 0.8F).chosen, 0U);
  EXPECT_EQ(log.route("default", "n", -0.8F).chosen, 1U);
}

TEST_F(WarmStartFromCommand, ReadsAnotherRouterOfTheSameStore) {
  cli_.from = cli_.store;
  {
    Log log(cli_.store);
    fill(log, 100);
    log.configure("default", config_of({"a", "b"}, LinUcbOptions{}));
  }
  ASSERT_EQ(run_warm_start(cli_), 0);
  EXPECT_GT(Log(cli_.store).snapshot("default")->arms[1]->weight_sum, 10.0);
}

TEST_F(WarmStartFromCommand, RefusesWhatMakesNoSense) {
  cli_.data = "somewhere";
  EXPECT_EQ(run_warm_start(cli_), 2) << "a table and a log";
  cli_.data.clear();
  cli_.from.clear();
  EXPECT_EQ(run_warm_start(cli_), 2) << "neither";
  cli_.from = cli_.store;
  cli_.from_router = "";
  EXPECT_EQ(run_warm_start(cli_), 2) << "a router from itself";
  cli_.from.clear();
  cli_.data = "somewhere";
  cli_.inverse_propensity = true;
  EXPECT_EQ(run_warm_start(cli_), 2) << "a table has no propensities";
}

}  // namespace
}  // namespace pointsman::lab
