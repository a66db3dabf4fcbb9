#include "server/cli/replay_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace pointsman::lab {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A small classification set in a file of its own.
class ReplayCommand : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() /
            ("replay_command_" + std::to_string(getpid()) + ".csv");
    std::ofstream file(path_);
    file << "size,label\n";
    for (int i = 0; i < 120; ++i) file << (i % 2 == 0 ? -1 : 1) << "," << i % 2 << "\n";
    options_.data = {path_.string()};
    options_.seeds = 2;
    options_.format = "json";
  }
  void TearDown() override { std::filesystem::remove(path_); }

  int run() {
    out_.str("");
    progress_.str("");
    return run_replay_command(options_, out_, progress_, false);
  }

  std::filesystem::path path_;
  ReplayOptions options_;
  std::ostringstream out_;
  std::ostringstream progress_;
};

TEST_F(ReplayCommand, PrintsOneObjectWithTheKeysOfTheContract) {
  ASSERT_EQ(run(), 0) << progress_.str();
  const auto json = nlohmann::json::parse(out_.str());
  for (const char* key : {"dataset",
                          "policy",
                          "rounds",
                          "arms",
                          "seeds",
                          "mean_reward",
                          "se",
                          "sd",
                          "seed_rewards",
                          "mean_cost_usd",
                          "regret_vs_oracle",
                          "regret_vs_best_fixed",
                          "best_fixed",
                          "best_mix_mean_reward",
                          "random_mean_reward",
                          "oracle_mean_reward",
                          "pv_loss",
                          "seconds",
                          "microseconds_per_decision",
                          "microseconds_per_update"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["rounds"], 120);
  EXPECT_EQ(json["seed_rewards"].size(), 2U);
  EXPECT_TRUE(json["mean_cost_usd"].is_null()) << "labels cost nothing that is known";
  EXPECT_DOUBLE_EQ(json["pv_loss"].get<double>(), 1.0 - json["mean_reward"].get<double>());
  EXPECT_EQ(progress_.str(), "") << "no bar where nobody watches";
}

TEST_F(ReplayCommand, PrintsAnArrayForSeveralPolicies) {
  options_.policies = {"linucb", "lints:alpha=.2"};
  ASSERT_EQ(run(), 0) << progress_.str();
  const auto json = nlohmann::json::parse(out_.str());
  ASSERT_EQ(json.size(), 2U);
  EXPECT_EQ(json[1]["policy"], "lints:alpha=.2");
}

TEST_F(ReplayCommand, SaysWhatIsWrongWithItsUsageAndReturnsTwo) {
  const ReplayOptions good = options_;
  const auto refused = [&](const char* word) {
    EXPECT_EQ(run(), 2) << word;
    EXPECT_THAT(progress_.str(), HasSubstr(word));
    EXPECT_EQ(out_.str(), "");
    options_ = good;
  };
  options_.policies = {"linucb:alhpa=.3"};
  refused("alhpa");
  options_.policies = {"fixed:nobody"};
  refused("no such arm");
  options_.features = "text,smell";
  refused("smell");
  options_.features = "text";
  refused("has no text");
  options_.rows = "some";
  refused("--rows");
  options_.format = "xml";
  refused("--format");
  options_.seeds = 0;
  refused("--seeds");
  options_.value_usd = 0.0;
  refused("--value-usd");
  options_.shares.late = 1.5;
  refused("--late");
  options_.warm = 120;
  refused("--warm");
  options_.data = {"no/such/folder"};
  refused("no/such/folder");
}

TEST_F(ReplayCommand, ReturnsOneForABrokenFile) {
  std::ofstream(path_, std::ios::app) << "x,1\n";
  EXPECT_EQ(run(), 1);
  EXPECT_THAT(progress_.str(), HasSubstr(":122"));
}

TEST_F(ReplayCommand, WritesTheResultToAFile) {
  const std::string target = path_.string() + ".html";
  options_.format = "html";
  options_.out = target;
  ASSERT_EQ(run(), 0) << progress_.str();
  EXPECT_EQ(out_.str(), "");
  std::ifstream file(target);
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  std::filesystem::remove(target);
  EXPECT_THAT(page, HasSubstr("<svg"));
  EXPECT_THAT(page, HasSubstr("<polyline class=\"curve\""));
  EXPECT_THAT(page, Not(HasSubstr("http://"))) << "one page that needs nothing else";
}

TEST_F(ReplayCommand, KeepsTheTableWithinAHundredColumns) {
  options_.format = "table";
  ASSERT_EQ(run(), 0) << progress_.str();
  std::istringstream lines(out_.str());
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
  EXPECT_THAT(out_.str(), HasSubstr("progressive loss"));
}

TEST_F(ReplayCommand, DrawsABarOnATerminalAndWipesIt) {
  ASSERT_EQ(run_replay_command(options_, out_, progress_, true), 0);
  EXPECT_THAT(progress_.str(), HasSubstr("2/2 seeds"));
  EXPECT_TRUE(progress_.str().ends_with("\r\x1b[K"));
}

}  // namespace
}  // namespace pointsman::lab
