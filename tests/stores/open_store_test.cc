#include "stores/open_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "tests/stores/conformance/store_conformance.h"

namespace pointsman::testing_stores {
namespace {

Result<std::unique_ptr<Store>> open_url(const std::string& url) {
  StoreOptions options;
  options.url = url;
  return open_store(options);
}

std::string kind_of(const Store& store) { return store.settings().front().second; }

TEST(OpenStore, TheUrlNamesTheStore) {
  const ScratchFolder folder;
  const auto memory = open_url("memory:");
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(kind_of(*memory.value()), "memory");
  const auto sqlite = open_url("sqlite:" + folder.file("a.db"));
  ASSERT_TRUE(sqlite.ok()) << sqlite.error().message;
  EXPECT_EQ(kind_of(*sqlite.value()), "sqlite");
  EXPECT_TRUE(std::filesystem::exists(folder.file("a.db")));
}

TEST(OpenStore, TwoSlashesInFrontOfAFileAreTakenAsOtherToolsMeanThem) {
  const ScratchFolder folder;
  const auto opened = open_url("sqlite://" + folder.file("b.db"));
  ASSERT_TRUE(opened.ok()) << opened.error().message;
  EXPECT_TRUE(std::filesystem::exists(folder.file("b.db")));
}

TEST(OpenStore, AnUnknownUrlIsInvalidAndItsPasswordIsNotRepeated) {
  for (const std::string url :
       {"postgresql:user:s3cret@host/db", "redis://:s3cret@host:port", "redis://s3cret@host",
        "redis://u:s3cret@", "redis://u:s3cret@host/x", "redis:s3cret", "rediss://:s3cret@host",
        "s3cret", "mysql://user:s3cret@host", "s3cret://x", "", "sqlite:", "sqlite::memory:"}) {
    const auto opened = open_url(url);
    ASSERT_FALSE(opened.ok()) << url;
    EXPECT_EQ(opened.error().code, ErrorCode::invalid) << url;
    EXPECT_EQ(opened.error().message.find("s3cret"), std::string::npos) << opened.error().message;
    EXPECT_FALSE(opened.error().message.empty());
  }
}

TEST(OpenStore, AFolderThatIsNotThereIsUnavailable) {
  const ScratchFolder folder;
  const auto opened = open_url("sqlite:" + folder.file("none/a.db"));
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, ErrorCode::unavailable);
}

}  // namespace
}  // namespace pointsman::testing_stores
