#include "engine/values/crc32c.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>

namespace pointsman {
namespace {

TEST(Crc32c, AgreesWithThePublishedVectors) {
  // RFC 3720, appendix B.4, and the check value of the CRC catalogue.
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c(""), 0U);
}

TEST(Crc32c, ContinuesFromASeedWhereverTheTextIsCut) {
  const std::string text = "The log is the truth; a posterior is a fold over it.";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(crc32c(text.substr(cut), crc32c(text.substr(0, cut))), crc32c(text)) << cut;
  }
}

TEST(Crc32c, ChangesWithEverySingleBit) {
  const std::string text(61, 'a');
  for (std::size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string damaged = text;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_NE(crc32c(damaged), crc32c(text)) << bit;
  }
}

}  // namespace
}  // namespace pointsman
