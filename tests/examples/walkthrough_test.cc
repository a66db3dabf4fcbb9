#include <gtest/gtest.h>

#include "tests/paths.h"
#include "tests/server_process.h"

namespace pointsman::testing {
namespace {

const std::string kScript = paths::source_dir() + "/examples/walkthrough.sh";

/// A commit may take as long as it likes: that the disk stands still is not what is tested here.
const std::string kConfig = R"toml(
[store]
route_commit_ms = 20000
[[routers]]
[[routers.arms]]
id = "one"
[[routers.arms]]
id = "two"
)toml";

TEST(Walkthrough, RunsAsItStandsAndAgain) {
  ServerProcess server(kConfig);
  ASSERT_NO_FATAL_FAILURE(server.start());
  for (int time = 0; time < 2; ++time) {
    const Ended walk = run_program({"/bin/bash", kScript}, {"POINTSMAN_URL=" + server.url()});
    EXPECT_EQ(walk.exit_code, 0) << walk.output << walk.errors;
    EXPECT_NE(walk.output.find("All answers were as they should be."), std::string::npos);
  }
  EXPECT_EQ(server.get("/stats")["decisions"], 2);
  EXPECT_EQ(server.stop(), 0) << server.log();
}

TEST(Walkthrough, FailsWhereNobodyAnswers) {
  const PortLease nobody;
  const Ended walk = run_program(
      {"/bin/bash", kScript}, {"POINTSMAN_URL=http://127.0.0.1:" + std::to_string(nobody.port())});
  EXPECT_NE(walk.exit_code, 0) << walk.output;
}

TEST(Walkthrough, FailsWhereAnAnswerIsNotWhatTheStepSaysAndTakesAKeyWhereOneIsAskedFor) {
  ServerProcess server(kConfig + R"toml(
[[keys]]
name = "guest"
key = "for-this-test-only"
)toml");
  ASSERT_NO_FATAL_FAILURE(server.start());
  const Ended locked_out = run_program({"/bin/bash", kScript}, {"POINTSMAN_URL=" + server.url()});
  EXPECT_NE(locked_out.exit_code, 0) << locked_out.output;
  EXPECT_NE(locked_out.errors.find("expected status 200, got 401"), std::string::npos)
      << locked_out.errors;
  const Ended let_in = run_program({"/bin/bash", kScript}, {"POINTSMAN_URL=" + server.url(),
                                                            "POINTSMAN_KEY=for-this-test-only"});
  EXPECT_EQ(let_in.exit_code, 0) << let_in.output << let_in.errors;
}

}  // namespace
}  // namespace pointsman::testing
