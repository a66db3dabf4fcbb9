#include "tests/layout/citations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/paths.h"

namespace pointsman::layout {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> dead_in(const std::string& path, const std::string& text) {
  return dead_citations(paths::source_dir(), {{path, text}});
}

TEST(Citations, AllThatTheDocumentsAndCommentsNameIsThere) {
  const auto texts = read_citing_texts(paths::source_dir());
  ASSERT_TRUE(texts.contains("README.md")) << "the documents were not read";
  ASSERT_TRUE(texts.contains("docs/LOG.md")) << "the documents were not read";
  ASSERT_TRUE(texts.contains("engine/log/store.h")) << "the sources were not read";
  EXPECT_THAT(dead_citations(paths::source_dir(), texts), IsEmpty());
}

TEST(Citations, ARelativeLinkThatLeadsNowhereIsFound) {
  EXPECT_THAT(dead_in("docs/MADE_UP.md", "[one](HTTP_API.md) [two](../README.md#start)"),
              IsEmpty());
  EXPECT_THAT(dead_in("docs/MADE_UP.md", "see [the pages](nowhere.html)"),
              ElementsAre("docs/MADE_UP.md cites nowhere.html, which is not there"));
}

TEST(Citations, APathMayLackItsEndingButMustBeThere) {
  EXPECT_THAT(dead_in("a.h", "see engine/log/store, engine/fold/ and adapters/api/record_json*."),
              IsEmpty());
  EXPECT_THAT(dead_in("a.h", "see engine/store.h"),
              ElementsAre("a.h cites engine/store.h, which is not there"));
}

TEST(Citations, APathInsideAUrlOrALongerPathIsNone) {
  EXPECT_THAT(dead_in("a.h", "http://host/server/pages and build/docs/x and my-engine/x"),
              IsEmpty());
}

TEST(Citations, ASectionMustBeAHeadingOfItsDocument) {
  EXPECT_THAT(dead_in("a.h", "see MATH.md, \"Budget\", and docs/MATH.md, *Posterior*"), IsEmpty());
  EXPECT_THAT(dead_in("a.h", "see MATH.md,\n\"Alchemy\""),
              ElementsAre("a.h cites MATH.md, \"Alchemy\", which is not there"));
  EXPECT_THAT(dead_in("a.h", "see MAGIC.md"),
              ElementsAre("a.h cites MAGIC.md, which is not there"));
}

}  // namespace
}  // namespace pointsman::layout
