// A server that is asked over HTTP must choose what the in-process replay chooses, row by row, and
// come to the same posterior, bit by bit.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "engine/policies/keyed_random.h"
#include "examples/stream_client.h"
#include "lab/replay/replay.h"
#include "tests/paths.h"
#include "tests/server_process.h"

namespace pointsman::testing {
namespace {

const std::string kData = paths::shared_dir() + "/data/routing/pareto_dev";

const std::string kStream = paths::program("pointsman_stream");

std::string hex(std::uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

class StreamEquality : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(kData)) {
      const char* ci = std::getenv("CI");
      if (ci != nullptr && std::string(ci) == "true") FAIL() << kData << " is missing";
      GTEST_SKIP() << "The shared data sets are not beside the checkout, so there is nothing to "
                      "stream.";
    }
    auto data = lab::read_data_set(kData);
    ASSERT_TRUE(data.ok()) << data.error().message;
    data_ = std::move(*data);
  }

  struct Case {
    std::string policy = "linucb";
    std::string features = "text";
    std::size_t seed = 1;
    lab::StreamShares shares;
    bool complete_rows = true;
    std::size_t rows = 600;
  };

  void prepare(const Case& the_case) {
    const auto features = lab::parse_feature_set(the_case.features);
    ASSERT_TRUE(features.ok());
    settings_.features = *features;
    settings_.shares = the_case.shares;
    settings_.complete_rows = the_case.complete_rows;
    auto prepared = lab::prepare_replay(data_, settings_);
    ASSERT_TRUE(prepared.ok()) << prepared.error().message;
    ASSERT_GE(prepared->rows.size(), the_case.rows);
    prepared->rows.resize(the_case.rows);
    const auto policy = lab::policy_for(data_.kind, the_case.policy);
    ASSERT_TRUE(policy.ok());
    auto replayed = lab::replay_seed(*prepared, *policy, settings_, the_case.seed - 1);
    ASSERT_TRUE(replayed.ok()) << replayed.error().message;
    replayed_ = std::move(*replayed);
    rows_ = std::move(prepared->rows);
  }

  /// The configuration that the example writes for the case, and a store that survives what these
  /// tests do to it, the end of the process, without a wait for the disk at every call.
  std::string config_of(const Case& the_case) {
    const ScratchFolder folder;
    const std::string file = (folder.path() / "stream.toml").string();
    const Ended wrote = run_program({kStream, "--data", kData, "--policy", the_case.policy,
                                     "--features", the_case.features, "--seed",
                                     std::to_string(the_case.seed), "--write-config", file});
    EXPECT_EQ(wrote.exit_code, 0) << wrote.errors;
    std::ifstream in(file);
    const std::string router{std::istreambuf_iterator<char>(in), {}};
    return router + "\n[store]\nsynchronous = \"normal\"\ncheckpoint_every = 300\n";
  }

  Result<examples::StreamResult> stream(const ServerProcess& server, const Case& the_case,
                                        const examples::StreamProgress& progress = {}) {
    examples::HttpClient client = server.client();
    const examples::StreamJob job{
        .data = data_,
        .rows = rows_,
        .features = settings_.features,
        .rule = settings_.rule,
        .options = {.seed_index = the_case.seed - 1, .shares = the_case.shares}};
    return examples::stream_outcomes(client, job, progress);
  }

  void expect_same(const ServerProcess& server, const examples::StreamResult& streamed) {
    ASSERT_EQ(streamed.choices.size(), rows_.size());
    ASSERT_EQ(replayed_.choices.size(), rows_.size());
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      ASSERT_EQ(streamed.choices[i], replayed_.choices[i]) << "round " << i;
    }
    EXPECT_EQ(streamed.mean_reward, replayed_.mean_reward);
    EXPECT_EQ(streamed.mean_cost_usd, replayed_.mean_cost_usd);
    const nlohmann::json stats = server.get("/stats");
    EXPECT_EQ(stats["decisions"], rows_.size());
    EXPECT_EQ(stats["routers"]["default"]["checksum"], hex(replayed_.checksum));
  }

  void expect_stream_equals_replay(const Case& the_case) {
    ASSERT_NO_FATAL_FAILURE(prepare(the_case));
    ServerProcess server(config_of(the_case));
    ASSERT_NO_FATAL_FAILURE(server.start());
    const auto streamed = stream(server, the_case);
    ASSERT_TRUE(streamed.ok()) << streamed.error().message;
    expect_same(server, *streamed);
    EXPECT_EQ(streamed->duplicates > 0, the_case.shares.twice > 0.0);
    EXPECT_EQ(streamed->revisions > 0, the_case.shares.revised > 0.0);
    EXPECT_EQ(server.stop(), 0) << server.log();
  }

  lab::DataSet data_;
  lab::ReplaySettings settings_;
  lab::SeedRun replayed_;
  std::vector<std::uint32_t> rows_;
};

constexpr lab::StreamShares kStrays{.late = 0.4, .twice = 0.3, .revised = 0.3};

TEST_F(StreamEquality, LinUcbOverHttpChoosesRowByRowWhatReplayChooses) {
  expect_stream_equals_replay({.policy = "linucb"});
}

TEST_F(StreamEquality, LinUcbSoChoosesWhereFeedbackIsLateTwiceAndRevised) {
  expect_stream_equals_replay({.policy = "linucb", .seed = 3, .shares = kStrays});
}

TEST_F(StreamEquality, ThompsonOverHttpChoosesRowByRowWhatReplayChooses) {
  expect_stream_equals_replay({.policy = "lints", .features = "text,task"});
}

TEST_F(StreamEquality, ThompsonSoChoosesWhereFeedbackIsLateTwiceAndRevised) {
  expect_stream_equals_replay({.policy = "lints", .seed = 2, .shares = kStrays});
}

TEST_F(StreamEquality, RowsThatOfferOnlySomeArmsAreTheSameToBoth) {
  expect_stream_equals_replay(
      {.policy = "lints", .features = "task", .shares = kStrays, .complete_rows = false});
}

TEST_F(StreamEquality, AServerThatIsKilledNineTimesOnTheWayLosesAndChangesNothing) {
  // Checkpoints begin at 1,024 decisions, so the later kills fall behind one.
  const Case the_case{
      .policy = "lints", .features = "text,task", .seed = 4, .shares = kStrays, .rows = 1'500};
  ASSERT_NO_FATAL_FAILURE(prepare(the_case));
  ServerProcess server(config_of(the_case));
  ASSERT_NO_FATAL_FAILURE(server.start());
  std::atomic<std::size_t> reached{0};
  std::atomic<bool> over{false};
  Result<examples::StreamResult> streamed = Error{};
  std::thread streaming([&] {
    streamed = stream(server, the_case, [&](std::size_t event, std::size_t) { reached = event; });
    over = true;
  });
  constexpr std::size_t kKills = 9;
  KeyedRandom random(1, "kills of a stream");
  for (std::size_t kill = 1; kill <= kKills; ++kill) {
    while (reached < kill * 550 && !over) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::this_thread::sleep_for(
        std::chrono::microseconds(static_cast<int>(random.next_unit() * 3000.0)));
    server.kill();
    server.start();
  }
  streaming.join();
  ASSERT_FALSE(HasFatalFailure());
  ASSERT_TRUE(streamed.ok()) << streamed.error().message;
  EXPECT_GE(streamed->retried, kKills / 2) << "the kills did not fall into the stream";
  expect_same(server, *streamed);
}

TEST_F(StreamEquality, TheProgramPrintsTheSameMeanRewardAsReplay) {
  const Case the_case{.policy = "linucb:alpha=.3", .features = "task"};
  ASSERT_NO_FATAL_FAILURE(prepare(the_case));
  ServerProcess server(config_of(the_case));
  ASSERT_NO_FATAL_FAILURE(server.start());
  const Ended ended =
      run_program({kStream, "--data", kData, "--url", server.url(), "--features", "task", "--limit",
                   std::to_string(rows_.size()), "--format", "json"});
  ASSERT_EQ(ended.exit_code, 0) << ended.errors;
  const nlohmann::json printed = nlohmann::json::parse(ended.output);
  EXPECT_EQ(printed["rounds"], rows_.size());
  EXPECT_EQ(printed["mean_reward"], replayed_.mean_reward);
  EXPECT_EQ(printed["random_mean_reward"], replayed_.baselines.random);
  EXPECT_EQ(printed["oracle_mean_reward"], replayed_.baselines.oracle);
  std::size_t choices = 0;
  for (const auto& [arm, count] : printed["choices"].items()) choices += count.get<std::size_t>();
  EXPECT_EQ(choices, rows_.size());
}

TEST(StreamProgram, WrongUsageIsExitCodeTwo) {
  EXPECT_EQ(run_program({kStream}).exit_code, 2);
  EXPECT_EQ(run_program({kStream, "--data", ".", "--late", "2"}).exit_code, 2);
}

}  // namespace
}  // namespace pointsman::testing
