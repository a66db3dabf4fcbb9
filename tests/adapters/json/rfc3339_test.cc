#include "adapters/json/rfc3339.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

namespace pointsman {
namespace {

using std::chrono::milliseconds;

TEST(Rfc3339, TheFormatIsUtcWithMilliseconds) {
  EXPECT_EQ(format_rfc3339(Timestamp{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_rfc3339(Timestamp{milliseconds{1795255323004}}), "2026-11-21T10:02:03.004Z");
  EXPECT_EQ(format_rfc3339(Timestamp{milliseconds{-1}}), "1969-12-31T23:59:59.999Z");
}

TEST(Rfc3339, TimesThatTheRfcCannotWriteBecomeTheNearestOne) {
  constexpr auto kMost = std::numeric_limits<milliseconds::rep>::max();
  EXPECT_EQ(format_rfc3339(Timestamp{milliseconds{kMost}}), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(format_rfc3339(Timestamp{milliseconds{-kMost}}), "0000-01-01T00:00:00.000Z");
}

TEST(Rfc3339, EveryTimeReadsBackAsItself) {
  std::mt19937_64 random(5);
  std::uniform_int_distribution<std::int64_t> any(-62167219200000, 253402300799999);
  for (int i = 0; i < 20000; ++i) {
    const Timestamp time{milliseconds{any(random)}};
    const Result<Timestamp> back = parse_rfc3339(format_rfc3339(time));
    ASSERT_TRUE(back.ok());
    ASSERT_EQ(*back, time);
  }
}

TEST(Rfc3339, OffsetsFractionsAndLeapSecondsAreRead) {
  const auto ms = [](std::string_view text) {
    const Result<Timestamp> time = parse_rfc3339(text);
    EXPECT_TRUE(time.ok()) << text;
    return time->time_since_epoch().count();
  };
  EXPECT_EQ(ms("1970-01-01T01:00:00+01:00"), 0);
  EXPECT_EQ(ms("1969-12-31T18:30:00-05:30"), 0);
  EXPECT_EQ(ms("1970-01-01t00:00:00.5z"), 500);
  EXPECT_EQ(ms("1970-01-01 00:00:00.1239Z"), 123);
  EXPECT_EQ(ms("2016-12-31T23:59:60Z"), ms("2017-01-01T00:00:00Z"));
  EXPECT_EQ(ms("2024-02-29T00:00:00Z") - ms("2024-02-28T00:00:00Z"), 86'400'000);
}

TEST(Rfc3339, AnythingElseIsRefused) {
  for (const char* text :
       {"", "2026", "2026-11-21", "2026-11-21T10:02Z", "2026-11-21T10:02:03",
        "2026-13-21T10:02:03Z", "2026-02-29T10:02:03Z", "2026-11-21T24:02:03Z",
        "2026-11-21T10:60:03Z", "2026-11-21T10:02:61Z", "2026-11-21T10:02:03.Z",
        "2026-11-21T10:02:03Zx", "2026-11-21T10:02:03+1:00", "2026-11-21T10:02:03+24:00",
        "+026-11-21T10:02:03Z", "2026/11/21T10:02:03Z", " 2026-11-21T10:02:03Z"}) {
    EXPECT_FALSE(parse_rfc3339(text).ok()) << text;
  }
}

}  // namespace
}  // namespace pointsman
