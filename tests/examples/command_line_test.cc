// What the command line says where it is used wrongly, and that a command which reads makes
// nothing.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/paths.h"
#include "tests/server_process.h"

namespace pointsman::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Ended pointsman(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), paths::program("pointsman"));
  return run_program(arguments);
}

TEST(CommandLine, AnUnknownCommandIsToldWhichOneIsNear) {
  const Ended ended = pointsman({"serv"});
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.errors, HasSubstr("there is no command \"serv\"; did you mean \"serve\"?"));
  EXPECT_THAT(pointsman({"xyzzy"}).errors, Not(HasSubstr("did you mean")));
}

TEST(CommandLine, AnEmptyStoreOrConfigurationIsWrongUsage) {
  const std::vector<std::vector<std::string>> uses = {{"serve", "--store", ""},
                                                      {"serve", "--config", ""},
                                                      {"inspect", "--store", ""},
                                                      {"prune", "--store", ""}};
  for (const std::vector<std::string>& use : uses) {
    const Ended ended = pointsman(use);
    EXPECT_EQ(ended.exit_code, 2) << use.front();
    EXPECT_THAT(ended.errors, HasSubstr("is empty")) << use.front();
  }
}

TEST(CommandLine, AFolderInThePlaceOfAConfigurationIsSaidToBeOne) {
  const ScratchFolder folder;
  const std::string path = folder.path().string();
  const Ended checked = pointsman({"check-config", path});
  EXPECT_EQ(checked.exit_code, 1);
  EXPECT_THAT(checked.errors, HasSubstr(path + ": this is a folder, and a file is needed"));
  const Ended served = pointsman({"serve", "--config", path});
  EXPECT_EQ(served.exit_code, 2);
  EXPECT_THAT(served.errors, HasSubstr("this is a folder"));
}

TEST(CommandLine, CommandsThatReadAStoreMakeNone) {
  const ScratchFolder folder;
  const std::string file = (folder.path() / "mistyped.db").string();
  const std::string data = paths::source_dir() + "/examples/data/helpdesk";
  const std::vector<std::vector<std::string>> uses = {
      {"prune", "--store", "sqlite:" + file},
      {"inspect", "--store", "sqlite:" + file},
      {"warm-start", "--store", "sqlite:" + file, "--data", data, "--samples", "10"}};
  for (const std::vector<std::string>& use : uses) {
    const Ended ended = pointsman(use);
    EXPECT_EQ(ended.exit_code, 1) << use.front();
    EXPECT_NE(ended.errors, "") << use.front();
    EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << use.front();
  }
}

TEST(CommandLine, BytesThatAreNoUtf8AreToldWithFileAndLineAndAByteOrderMarkIsTaken) {
  const ScratchFolder folder;
  const std::string config = "[[routers]]\n[[routers.arms]]\nid = \"a\"\n";
  const std::string marked = folder.write("marked.toml", "\xEF\xBB\xBF" + config);
  EXPECT_EQ(pointsman({"check-config", marked}).exit_code, 0);
  const std::string broken = folder.write("broken.toml", config + "# \xFF\n");
  EXPECT_THAT(pointsman({"check-config", broken}).errors,
              HasSubstr(broken + ":4: the bytes are not UTF-8"));
  const std::string prompts =
      folder.write("p.jsonl", "{\"prompt\":\"a\"}\n{\"prompt\":\"\xC3\"}\n");
  const Ended fitted = pointsman({"fit", "--prompts", prompts, "--out", folder.path() / "m.bin"});
  EXPECT_EQ(fitted.exit_code, 1);
  EXPECT_THAT(fitted.errors, HasSubstr(prompts + ":2: the bytes are not UTF-8"));
}

TEST(CommandLine, InspectSaysUnknownWhereNothingWasSeen) {
  ServerProcess server;
  ASSERT_NO_FATAL_FAILURE(server.start());
  const Ended shown = pointsman({"inspect", "--store", "sqlite:" + server.store_file()});
  EXPECT_EQ(shown.exit_code, 0) << shown.errors;
  EXPECT_THAT(shown.output, HasSubstr("unknown"));
}

TEST(CommandLine, TheLogBeginsWithVersionStoreConfigurationAndBoundAndWarnsOfAMemoryStore) {
  ServerProcess server("", "memory:");
  ASSERT_NO_FATAL_FAILURE(server.start());
  EXPECT_THAT(server.log(), HasSubstr("store memory:, configuration the demo's, at most 768 MiB"));
  EXPECT_THAT(server.log(), HasSubstr("[warning] the store memory: keeps nothing"));
}

TEST(DemoArms, ThePreferenceForCostChoosesTheCheapOne) {
  ServerProcess server;
  ASSERT_NO_FATAL_FAILURE(server.start());
  const auto answer = server.client().ask(
      {.method = "POST", .target = "/route", .body = R"({"text":"Hello","preference":"cost"})"});
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(nlohmann::json::parse(answer->body)["arm"], "small");
}

}  // namespace
}  // namespace pointsman::testing
