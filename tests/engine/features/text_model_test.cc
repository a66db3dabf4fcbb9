#include "engine/features/text_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "engine/features/default_text_model.h"
#include "engine/features/text_scan.h"
#include "engine/values/crc32c.h"

namespace pointsman {
namespace {

/// Two dimensions: "cat" along the first, "dog" along the second, "pet" between them.
TextModelParts small_parts() {
  struct Row {
    std::uint64_t term;
    std::int8_t first;
    std::int8_t second;
  };
  std::vector<Row> rows = {{token_hash("cat"), 100, 0},
                           {token_hash("dog"), 0, 100},
                           {token_hash("pet"), 50, 50},
                           {token_pair_hash(token_hash("dog"), token_hash("cat")), -100, 0}};
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.term < b.term; });
  TextModelParts parts;
  parts.dims = 2;
  parts.word_pairs = true;
  for (const Row& row : rows) {
    parts.terms.push_back(row.term);
    parts.idf.push_back(2.0F);
    parts.scale.push_back(0.01F);
    parts.rows.insert(parts.rows.end(), {row.first, row.second});
  }
  return parts;
}

std::unique_ptr<TextModel> small_model() {
  Result<std::unique_ptr<TextModel>> model = TextModel::make(small_parts());
  EXPECT_TRUE(model.ok());
  return std::move(model).value();
}

std::vector<float> embed(const TextModel& model, std::string_view text) {
  std::vector<float> out(model.dims(), std::nanf(""));
  model.embed(text, out);
  return out;
}

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  double dot = 0.0;
  double aa = 0.0;
  double bb = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    aa += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    bb += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return dot / std::sqrt(aa * bb);
}

TEST(TextModel, EmbedsByLogFrequencyTimesIdfOverTheLength) {
  const auto model = small_model();
  EXPECT_EQ(embed(*model, "Cat!"), (std::vector<float>{1.0F, 0.0F}));
  // tf 2 and 1: weights (1 + ln 2)·idf and idf, divided by their length.
  const double heavy = 1.0 + std::log(2.0);
  const double length = std::sqrt(heavy * heavy + 1.0);
  const std::vector<float> two = embed(*model, "cat, cat; DOG");
  EXPECT_NEAR(two[0], heavy / length, 1e-6);
  EXPECT_NEAR(two[1], 1.0 / length, 1e-6);
}

TEST(TextModel, KnowsPairsOfWordsThatOnlySpaceParts) {
  const auto model = small_model();
  EXPECT_GT(embed(*model, "dog, cat")[0], 0.5F);
  EXPECT_NEAR(embed(*model, "dog\n cat")[0], 0.0F, 1e-6F);
}

TEST(TextModel, GivesZerosForATextWithoutAKnownTerm) {
  const auto model = small_model();
  EXPECT_EQ(embed(*model, ""), (std::vector<float>{0.0F, 0.0F}));
  EXPECT_EQ(embed(*model, "\xff\xc3 unknown 1234567890123"), (std::vector<float>{0.0F, 0.0F}));
}

TEST(TextModel, KeepsNothingOfOneTextForTheNext) {
  const auto model = small_model();
  const std::vector<float> first = embed(*model, "cat dog");
  embed(default_text_model(), "A cat and a dog are pets, which of them is older?");
  embed(*model, "pet pet pet dog");
  EXPECT_EQ(embed(*model, "cat dog"), first);
}

TEST(TextModel, EmbedsAlikeFromManyThreads) {
  const TextModel& model = default_text_model();
  const std::vector<std::string> texts = {"Solve x^2 = 9.", "Who wrote the Iliad?", "int main()"};
  std::vector<std::vector<float>> expected;
  for (const std::string& text : texts) expected.push_back(embed(model, text));
  std::vector<int> wrong(4, 0);
  std::vector<std::thread> threads;
  for (int& mistakes : wrong) {
    threads.emplace_back([&] {
      for (std::size_t i = 0; i < 600; ++i) {
        mistakes += embed(model, texts[i % 3]) == expected[i % 3] ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

TEST(TextModel, RefusesPartsThatDoNotFit) {
  const auto field_of = [](TextModelParts parts) {
    const Result<std::unique_ptr<TextModel>> made = TextModel::make(std::move(parts));
    return made.ok() ? std::string("accepted") : made.error().field;
  };
  EXPECT_EQ(field_of(small_parts()), "accepted");
  TextModelParts parts = small_parts();
  parts.dims = 0;
  EXPECT_EQ(field_of(parts), "dims");
  parts = small_parts();
  parts.rows.pop_back();
  EXPECT_EQ(field_of(parts), "rows");
  parts = small_parts();
  std::swap(parts.terms[0], parts.terms[1]);
  EXPECT_EQ(field_of(parts), "terms");
  parts = small_parts();
  parts.idf[1] = std::nanf("");
  EXPECT_EQ(field_of(parts), "idf");
  parts = small_parts();
  parts.scale[1] = -1.0F;
  EXPECT_EQ(field_of(parts), "scale");
}

TEST(TextModelFile, ComesBackAsItWasWritten) {
  const auto model = small_model();
  const std::string bytes = model->serialise();
  const Result<std::unique_ptr<TextModel>> read = TextModel::parse(bytes);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read.value()->serialise(), bytes);
  EXPECT_EQ(read.value()->hash(), model->hash());
  EXPECT_EQ(embed(*read.value(), "dog pet cat"), embed(*model, "dog pet cat"));
}

TEST(TextModelFile, IsRefusedWhereverItIsCut) {
  const std::string bytes = small_model()->serialise();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto read = TextModel::parse(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(read.ok()) << size;
    EXPECT_EQ(read.error().code, ErrorCode::corrupt);
  }
  EXPECT_FALSE(TextModel::parse(bytes + '\0').ok());
}

TEST(TextModelFile, IsRefusedWhicheverBitFlips) {
  const std::string bytes = small_model()->serialise();
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    const auto read = TextModel::parse(damaged);
    ASSERT_FALSE(read.ok()) << "bit " << bit;
    EXPECT_EQ(read.error().code, ErrorCode::corrupt);
  }
}

/// Puts a header number and the checksum that goes with it.
std::string forge(std::string bytes, std::size_t offset, std::uint32_t value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(value));
  const std::uint32_t crc = crc32c(std::string_view(bytes).substr(0, bytes.size() - 4));
  std::memcpy(bytes.data() + bytes.size() - 4, &crc, sizeof(crc));
  return bytes;
}

TEST(TextModelFile, IsRefusedWithForgedSizesUnderASoundChecksum) {
  const std::string bytes = small_model()->serialise();
  ASSERT_TRUE(TextModel::parse(forge(bytes, 8, 1)).ok());
  for (const std::size_t offset : {8U, 12U, 16U, 20U}) {
    for (const std::uint32_t value : {0U, 3U, 5U, 0x7fffffffU, 0xffffffffU}) {
      if (offset == 20U && value == 0U) continue;  // What stands there already.
      if (offset == 8U && value == 0U) continue;   // A model without pairs is sound.
      const auto read = TextModel::parse(forge(bytes, offset, value));
      ASSERT_FALSE(read.ok()) << offset << " " << value;
      EXPECT_EQ(read.error().code, ErrorCode::corrupt);
    }
  }
}

TEST(TextModelFile, IsRefusedWithNumbersOutOfRangeUnderASoundChecksum) {
  const std::string bytes = small_model()->serialise();
  const std::size_t first_idf = 24 + 4 * 8;
  const std::uint32_t not_a_number = 0x7fc00000U;
  EXPECT_FALSE(TextModel::parse(forge(bytes, first_idf, not_a_number)).ok());
  EXPECT_FALSE(TextModel::parse(forge(bytes, first_idf + 4 * 4, not_a_number)).ok());
}

TEST(TextModelFile, HasAHashThatTellsModelsApart) {
  TextModelParts parts = small_parts();
  parts.rows[0] = static_cast<std::int8_t>(parts.rows[0] + 1);
  const auto other = TextModel::make(parts);
  ASSERT_TRUE(other.ok());
  const std::string hash = small_model()->hash();
  EXPECT_EQ(hash.size(), 24U);
  // Both halves differ: the first is a CRC, the second is not.
  EXPECT_NE(other.value()->hash().substr(0, 8), hash.substr(0, 8));
  EXPECT_NE(other.value()->hash().substr(8), hash.substr(8));
}

TEST(DefaultTextModel, LoadsWithSixtyFourDimensionsAndLessThanAMegabyte) {
  const TextModel& model = default_text_model();
  EXPECT_EQ(model.dims(), 64U);
  EXPECT_GT(model.terms(), 5000U);
  EXPECT_LE(model.serialise().size(), 1000000U);
  EXPECT_EQ(&model, &default_text_model());
}

TEST(DefaultTextModel, PutsNearDuplicatesNearerThanOtherSubjects) {
  const std::vector<std::pair<std::string, std::string>> twins = {
      {"A train travels 120 miles in 2 hours. What is its average speed?",
       "If a train goes 180 miles in 3 hours, what is the average speed of the train?"},
      {"Which enzyme unwinds the DNA double helix during replication?",
       "During DNA replication, which enzyme is responsible for unwinding the helix?"},
      {"Under common law, can the defendant be convicted of murder if he lacked intent?",
       "The defendant had no intent to kill. May he be convicted of murder at common law?"},
      {"Find all zeros of the polynomial x^3 + 2x + 1 in the field Z_5.",
       "How many zeros does the polynomial x^5 + 3x^3 have in the finite field Z_7?"},
  };
  for (std::size_t i = 0; i < twins.size(); ++i) {
    const std::vector<float> mine = embed(default_text_model(), twins[i].first);
    const double near = cosine(mine, embed(default_text_model(), twins[i].second));
    for (std::size_t j = 0; j < twins.size(); ++j) {
      if (j == i) continue;
      EXPECT_GT(near, cosine(mine, embed(default_text_model(), twins[j].second)) + 0.1)
          << twins[i].first << " / " << twins[j].second;
    }
  }
}

}  // namespace
}  // namespace pointsman
