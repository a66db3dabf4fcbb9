#include "engine/values/bytes.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace pointsman {
namespace {

TEST(Bytes, NumbersComeBackAsTheyWere) {
  ByteWriter out;
  const std::uint64_t values[] = {0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX};
  for (const std::uint64_t value : values) out.varint(value);
  out.u8(255);
  out.u32(UINT32_MAX);
  out.i64(std::numeric_limits<std::int64_t>::min());
  out.f32s(std::vector<float>{1.5F, -2.0F});
  out.f64(-0.25);
  const std::string bytes = out.take();

  ByteReader in(bytes);
  for (const std::uint64_t value : values) EXPECT_EQ(in.varint(), value);
  EXPECT_EQ(in.u8(), 255);
  EXPECT_EQ(in.u32(), UINT32_MAX);
  EXPECT_EQ(in.i64(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(in.f32s(), (std::vector<float>{1.5F, -2.0F}));
  EXPECT_EQ(in.f64(), -0.25);
  EXPECT_TRUE(in.ok());
  EXPECT_FALSE(in.more());
}

TEST(Bytes, AFixedNumberIsLittleEndian) {
  ByteWriter out;
  out.u32(0x01020304);
  EXPECT_EQ(out.bytes(), std::string("\x04\x03\x02\x01"));
}

TEST(Bytes, AReadPastTheEndFailsAndStaysFailed) {
  ByteReader in("abc");
  EXPECT_EQ(in.u32(), 0U);
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.u8(), 0) << "A failed reader gives nothing, even where a byte was left.";
  EXPECT_FALSE(in.more());
}

TEST(Bytes, AVarintAboveSixtyFourBitsFails) {
  const std::string nine_full(9, '\xff');
  ByteReader largest(std::string_view("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"));
  EXPECT_EQ(largest.varint(), UINT64_MAX);
  EXPECT_TRUE(largest.ok());
  const std::string two = nine_full + "\x02";
  ByteReader overflow(two);
  overflow.varint();
  EXPECT_FALSE(overflow.ok());
  const std::string eleven(11, '\xff');
  ByteReader endless(eleven);
  endless.varint();
  EXPECT_FALSE(endless.ok());
}

TEST(Bytes, ACountThatTheBytesCannotHoldFails) {
  ByteWriter out;
  out.varint(UINT64_MAX);
  out.f64(1.0);
  ByteReader numbers(out.bytes());
  EXPECT_TRUE(numbers.f64s().empty());
  EXPECT_FALSE(numbers.ok());
  ByteReader text(out.bytes());
  EXPECT_TRUE(text.string().empty());
  EXPECT_FALSE(text.ok());
}

TEST(Bytes, ABlockHidesWhatALaterVersionAddedAtItsEnd) {
  ByteWriter out;
  out.block([&] {
    out.u8(1);
    out.string(std::string(200, 'x'));
  });
  out.u8(2);
  ByteReader in(out.bytes());
  ByteReader block = in.block();
  EXPECT_EQ(block.u8(), 1);
  EXPECT_TRUE(block.more()) << "The 200 bytes that this reader does not know.";
  EXPECT_EQ(in.u8(), 2) << "They are skipped with the block.";
  EXPECT_TRUE(in.ok());
}

TEST(Bytes, AnAbsentTailOfABlockIsSeenBeforeItIsRead) {
  ByteWriter out;
  out.block([&] { out.u8(1); });
  out.u8(2);
  ByteReader in(out.bytes());
  ByteReader block = in.block();
  std::uint8_t added_later = 42;
  EXPECT_EQ(block.u8(), 1);
  if (block.more()) added_later = block.u8();
  EXPECT_EQ(added_later, 42) << "The default stays, and the next field is not taken for it.";
  EXPECT_EQ(in.u8(), 2);
}

TEST(Bytes, ABlockLongerThanItsReaderFailsBoth) {
  ByteReader in(
      "\x05"
      "ab");
  ByteReader block = in.block();
  EXPECT_FALSE(block.ok());
  EXPECT_FALSE(in.ok());
}

}  // namespace
}  // namespace pointsman
