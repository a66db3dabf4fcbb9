#include <gtest/gtest.h>

#include <string>

#include "tests/paths.h"
#include "tests/server_process.h"

namespace pointsman::testing {
namespace {

/// script/replicas --check, which fails where nginx cannot be started.
Ended check_replicas(const std::string& store) {
  return run_program({"/bin/bash", paths::source_dir() + "/script/replicas", "--check", store},
                     {"POINTSMAN_BINARY=" + paths::program("pointsman")});
}

TEST(ReplicasBehindNginx, AgreeAndOutliveOneOfThemOnRedis) {
  const Ended ended = check_replicas("redis");
  EXPECT_EQ(ended.exit_code, 0) << ended.output << ended.errors;
  EXPECT_NE(ended.output.find("All replicas agree."), std::string::npos) << ended.output;
}

TEST(ReplicasBehindNginx, AgreeAndOutliveOneOfThemOnPostgres) {
  const Ended ended = check_replicas("postgresql");
  EXPECT_EQ(ended.exit_code, 0) << ended.output << ended.errors;
  EXPECT_NE(ended.output.find("All replicas agree."), std::string::npos) << ended.output;
}

}  // namespace
}  // namespace pointsman::testing
