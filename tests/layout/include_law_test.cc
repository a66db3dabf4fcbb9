#include "tests/layout/include_law.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tests/paths.h"

namespace pointsman::layout {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string includes(const std::string& name) { return "#include " + name + "\n"; }

std::string header(const std::string& rest = "") { return "#pragma once\n" + rest; }

/// A small tree with a header in every folder; lawful until a test adds a guilty file.
SourceTree lawful_tree() {
  return {
      {"engine/values/values.h", header(includes("<vector>") + includes("<Eigen/Core>"))},
      {"adapters/rewards/reward.h", header(includes("\"engine/values/values.h\""))},
      {"stores/memory/memory.h",
       header(includes("\"engine/values/values.h\"") + includes("<sqlite3.h>"))},
      {"server/http/route.h",
       header(includes("\"adapters/rewards/reward.h\"") + includes("\"stores/memory/memory.h\"") +
              includes("<boost/beast.hpp>"))},
      {"lab/data/data.h", header(includes("\"adapters/rewards/reward.h\""))},
      {"examples/first.cc", includes("\"stores/memory/memory.h\"")},
      {"tests/engine/values/values_test.cc", includes("\"lab/data/data.h\"")},
  };
}

std::vector<std::string> breaches_with(const std::string& path, const std::string& content) {
  SourceTree tree = lawful_tree();
  tree[path] = content;
  return breaches_of_include_law(tree);
}

TEST(IncludeLaw, ThisTreeKeepsIt) {
  const SourceTree tree = read_source_tree(paths::source_dir());
  ASSERT_TRUE(tree.contains("engine/log/records.h")) << "the tree was not read";
  ASSERT_TRUE(tree.contains("tests/layout/include_law_test.cc")) << "the tree was not read";
  EXPECT_THAT(breaches_of_include_law(tree), IsEmpty());
}

TEST(IncludeLaw, ALawfulTreeHasNoBreach) {
  EXPECT_THAT(breaches_of_include_law(lawful_tree()), IsEmpty());
}

TEST(IncludeLaw, ALowerFolderMustNotSeeAHigherOne) {
  const std::vector<std::pair<std::string, std::string>> forbidden = {
      {"engine", "adapters/rewards/reward.h"}, {"engine", "stores/memory/memory.h"},
      {"engine", "server/http/route.h"},       {"engine", "lab/data/data.h"},
      {"adapters", "stores/memory/memory.h"},  {"adapters", "server/http/route.h"},
      {"stores", "adapters/rewards/reward.h"}, {"stores", "server/http/route.h"},
      {"lab", "server/http/route.h"},          {"adapters", "lab/data/data.h"}};
  for (const auto& [from, name] : forbidden) {
    const std::string to = name.substr(0, name.find('/'));
    EXPECT_THAT(breaches_with(from + "/guilty.cc", includes('"' + name + '"')),
                ElementsAre(HasSubstr(from + " must not see " + to)));
  }
}

TEST(IncludeLaw, ARoomMustNotSeeAHigherRoomOfItsFolder) {
  SourceTree tree = lawful_tree();
  tree["engine/fold/fold.h"] = header();
  tree["engine/log/store.h"] = header();
  tree["engine/posterior/ridge.h"] = header();
  tree["stores/append_rules.h"] = header();
  tree["stores/sqlite/sqlite.h"] = header(includes("\"stores/append_rules.h\""));
  tree["engine/fold/guilty.cc"] = includes("\"engine/log/store.h\"");
  ASSERT_THAT(breaches_of_include_law(tree), IsEmpty());
  const std::vector<std::array<std::string, 3>> forbidden = {
      {"engine/log", "engine/fold/fold.h", "engine/fold"},
      {"engine/log", "engine/posterior/ridge.h", "engine/posterior"},
      {"engine/values", "engine/log/store.h", "engine/log"},
      {"stores/memory", "stores/sqlite/sqlite.h", "stores/sqlite"},
      {"stores/append_rules", "stores/sqlite/sqlite.h", "stores/sqlite"}};
  for (const auto& [from, name, to] : forbidden) {
    SourceTree guilty = tree;
    guilty[from == "stores/append_rules" ? from + ".cc" : from + "/guilty.cc"] =
        includes('"' + name + '"');
    EXPECT_THAT(breaches_of_include_law(guilty),
                ElementsAre(HasSubstr(from + " must not see " + to)));
  }
}

TEST(IncludeLaw, ARoomThatTheLawDoesNotKnowIsABreach) {
  EXPECT_THAT(breaches_with("engine/tricks/guilty.cc", includes("\"engine/values/values.h\"")),
              ElementsAre(HasSubstr("no room engine/tricks")));
}

TEST(IncludeLaw, NobodyButTestsIncludesTests) {
  SourceTree tree = lawful_tree();
  tree["tests/fake_store.h"] = header();
  tree["tests/server/route_test.cc"] = includes("\"tests/fake_store.h\"");
  ASSERT_THAT(breaches_of_include_law(tree), IsEmpty());
  for (const std::string from :
       {"engine", "adapters", "stores", "lab", "server", "bench", "examples"}) {
    SourceTree guilty = tree;
    guilty[from + "/guilty.cc"] = includes("\"tests/fake_store.h\"");
    EXPECT_THAT(breaches_of_include_law(guilty),
                ElementsAre(HasSubstr(from + " must not see tests")));
  }
}

TEST(IncludeLaw, NobodyBelowTestsIncludesExamples) {
  SourceTree tree = lawful_tree();
  tree["examples/shown.h"] = header();
  tree["bench/guilty.cc"] = includes("\"examples/shown.h\"");
  EXPECT_THAT(breaches_of_include_law(tree), ElementsAre(HasSubstr("bench must not see examples")));
}

TEST(IncludeLaw, TheEngineStandsOnTheStandardLibraryEigenAndHighwayAlone) {
  for (const std::string library :
       {"<simdjson.h>", "<nlohmann/json.hpp>", "<boost/asio.hpp>", "<sqlite3.h>", "<sys/socket.h>",
        "<unistd.h>", "<openssl/evp.h>", "<spdlog/spdlog.h>"}) {
    EXPECT_THAT(breaches_with("engine/guilty.cc", includes(library)),
                ElementsAre(HasSubstr("standard library, Eigen and Highway")));
    EXPECT_THAT(breaches_with("server/innocent.cc", includes(library)), IsEmpty());
  }
  EXPECT_THAT(breaches_with("engine/kernel.cc", includes("\"hwy/foreach_target.h\"") +
                                                    includes("<hwy/highway.h>") +
                                                    includes("<Eigen/Cholesky>")),
              IsEmpty());
}

TEST(IncludeLaw, OurOwnFilesAreNamedFromTheRootInQuotesAndExist) {
  EXPECT_THAT(breaches_with("engine/guilty.cc", includes("\"values.h\"")),
              ElementsAre(HasSubstr("named from the root")));
  EXPECT_THAT(breaches_with("stores/guilty.cc", includes("\"../engine/values.h\"")),
              ElementsAre(HasSubstr("named from the root")));
  EXPECT_THAT(breaches_with("stores/guilty.cc", includes("<engine/values/values.h>")),
              ElementsAre(HasSubstr("in quotes")));
  EXPECT_THAT(breaches_with("stores/guilty.cc", includes("\"engine/missing.h\"")),
              ElementsAre(HasSubstr("no such file")));
}

TEST(IncludeLaw, ACycleIsNamedFileByFile) {
  SourceTree tree = lawful_tree();
  tree["engine/values/a.h"] = header(includes("\"engine/values/b.h\""));
  tree["engine/values/b.h"] = header(includes("\"engine/values/c.h\""));
  tree["engine/values/c.h"] = header(includes("\"engine/values/a.h\""));
  EXPECT_THAT(
      breaches_of_include_law(tree),
      ElementsAre(HasSubstr(
          "engine/values/a.h -> engine/values/b.h -> engine/values/c.h -> engine/values/a.h")));
}

TEST(IncludeLaw, AFileThatIncludesItselfIsACycle) {
  EXPECT_THAT(breaches_with("engine/values/self.h", header(includes("\"engine/values/self.h\""))),
              ElementsAre(HasSubstr("include cycle")));
}

TEST(IncludeLaw, TwoWaysToOneFileAreNoCycle) {
  SourceTree tree = lawful_tree();
  tree["engine/values/left.h"] = header(includes("\"engine/values/values.h\""));
  tree["engine/values/right.h"] = header(includes("\"engine/values/values.h\""));
  tree["engine/values/top.cc"] =
      includes("\"engine/values/left.h\"") + includes("\"engine/values/right.h\"");
  EXPECT_THAT(breaches_of_include_law(tree), IsEmpty());
}

TEST(IncludeLaw, NoFolderIsCalledUtilOrCommon) {
  EXPECT_THAT(breaches_with("engine/util/text.cc", ""),
              ElementsAre(HasSubstr("no folder is called util")));
  EXPECT_THAT(breaches_with("server/http/common/text.cc", ""),
              ElementsAre(HasSubstr("no folder is called common")));
  EXPECT_THAT(breaches_with("engine/utility.cc", ""), IsEmpty());
}

TEST(IncludeLaw, EveryHeaderHasPragmaOnce) {
  EXPECT_THAT(breaches_with("engine/guilty.h", "// #pragma once\n"),
              ElementsAre(AllOf(HasSubstr("engine/guilty.h"), HasSubstr("#pragma once"))));
  EXPECT_THAT(breaches_with("engine/innocent.cc", ""), IsEmpty());
}

TEST(IncludeLaw, AFolderOutsideTheHouseIsABreach) {
  EXPECT_THAT(breaches_with("helpers/text.cc", ""), ElementsAre(HasSubstr("no such folder")));
  EXPECT_THAT(breaches_with("main.cc", ""), ElementsAre(HasSubstr("no such folder")));
}

TEST(IncludeLaw, SpacesInAnIncludeLineDoNotHideIt) {
  EXPECT_THAT(
      breaches_with("engine/guilty.cc", "  #  include  \"stores/memory/memory.h\"  // quietly\n"),
      SizeIs(1));
  EXPECT_THAT(breaches_with("engine/innocent.cc", "// #include \"stores/memory/memory.h\"\n"),
              IsEmpty());
}

}  // namespace
}  // namespace pointsman::layout
