#include "engine/features/text_model_fit.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "engine/features/default_text_model.h"
#include "engine/features/text_scan.h"
#include "tests/paths.h"

namespace pointsman {
namespace {

constexpr std::size_t kTopics = 4;
constexpr std::size_t kTopicWords = 25;

/// A made-up word of letters only: topic and number spelt out.
std::string made_up_word(std::size_t topic, std::size_t number) {
  std::string word = "w";
  word += static_cast<char>('a' + topic);
  word += static_cast<char>('a' + number / 5);
  word += static_cast<char>('a' + number % 5);
  return word;
}

/// `count` prompts: twelve words of topic (i mod kTopics) and four words that all topics share.
std::vector<std::string> planted_corpus(std::size_t count, std::uint64_t seed) {
  std::vector<std::string> prompts;
  std::uint64_t draws = 0;
  for (std::size_t i = 0; i < count; ++i) {
    std::string prompt;
    for (std::size_t k = 0; k < 16; ++k) {
      const std::size_t number = token_pair_hash(seed, ++draws) % kTopicWords;
      prompt += made_up_word(k < 12 ? i % kTopics : kTopics, number) + " ";
    }
    prompts.push_back(prompt);
  }
  return prompts;
}

TextModelFitOptions small_options() {
  TextModelFitOptions options;
  options.dims = 4;
  options.oversampling = 8;
  options.word_pairs = false;
  return options;
}

double cosine(const TextModel& model, std::string_view a, std::string_view b) {
  std::vector<float> x(model.dims());
  std::vector<float> y(model.dims());
  model.embed(a, x);
  model.embed(b, y);
  double dot = 0.0;
  double xx = 0.0;
  double yy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    dot += static_cast<double>(x[i]) * static_cast<double>(y[i]);
    xx += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    yy += static_cast<double>(y[i]) * static_cast<double>(y[i]);
  }
  return dot / std::sqrt(xx * yy);
}

TEST(TextModelFit, FindsThePlantedTopics) {
  const Result<TextModelFit> fit = fit_text_model(planted_corpus(600, 1), small_options());
  ASSERT_TRUE(fit.ok());
  // Prompts that the fit has not seen; two of one topic share few words or none.
  const std::vector<std::string> fresh = planted_corpus(40, 2);
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    for (std::size_t j = i + 1; j < fresh.size(); ++j) {
      const double near = cosine(*fit.value().model, fresh[i], fresh[j]);
      if (i % kTopics == j % kTopics) {
        EXPECT_GT(near, 0.8) << fresh[i] << " / " << fresh[j];
      } else {
        EXPECT_LT(near, 0.5) << fresh[i] << " / " << fresh[j];
      }
    }
  }
}

TEST(TextModelFit, FindsTwoWordsOfOneTopicAlikeThoughNoPromptHasOnlyThem) {
  const Result<TextModelFit> fit = fit_text_model(planted_corpus(600, 1), small_options());
  ASSERT_TRUE(fit.ok());
  const TextModel& model = *fit.value().model;
  EXPECT_GT(cosine(model, made_up_word(1, 3), made_up_word(1, 17)), 0.9);
  EXPECT_LT(cosine(model, made_up_word(1, 3), made_up_word(2, 3)), 0.3);
}

TEST(TextModelFit, GivesTheSameBytesForTheSameSeed) {
  const std::vector<std::string> corpus = planted_corpus(300, 3);
  const auto first = fit_text_model(corpus, small_options());
  const auto again = fit_text_model(corpus, small_options());
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(first.value().model->serialise(), again.value().model->serialise());
  TextModelFitOptions other = small_options();
  other.seed = 2;
  other.power_iterations = 0;
  const auto different = fit_text_model(corpus, other);
  ASSERT_TRUE(different.ok());
  EXPECT_NE(different.value().model->serialise(), first.value().model->serialise());
}

TEST(TextModelFit, KeepsItsDirectionsThroughEightBits) {
  const auto fit = fit_text_model(planted_corpus(400, 4), small_options());
  ASSERT_TRUE(fit.ok());
  EXPECT_EQ(fit.value().prompts, 400U);
  EXPECT_GT(fit.value().least_cosine, 0.995);
  EXPECT_LE(fit.value().least_cosine, 1.0 + 1e-6);
}

TEST(TextModelFit, ExplainsEverythingWhereTheDimensionsSuffice) {
  TextModelFitOptions options = small_options();
  options.min_df = 1;
  options.max_df_share = 1.0;
  options.dims = 8;
  const std::vector<std::string> corpus = {"red apple", "green pear", "red pear", "blue plum"};
  const auto fit = fit_text_model(corpus, options);
  ASSERT_TRUE(fit.ok());
  EXPECT_NEAR(fit.value().explained, 1.0, 1e-9);
  // Four prompts span four directions; the rest of the vector is zero, not noise.
  std::vector<float> out(8);
  fit.value().model->embed("red apple", out);
  for (std::size_t d = 4; d < 8; ++d) EXPECT_EQ(out[d], 0.0F);
}

TEST(TextModelFit, KeepsTheMostFrequentTermsWithinItsBounds) {
  TextModelFitOptions options = small_options();
  options.max_terms = 10;
  const auto fit = fit_text_model(planted_corpus(200, 5), options);
  ASSERT_TRUE(fit.ok());
  EXPECT_EQ(fit.value().model->terms(), 10U);
}

TEST(TextModelFit, LearnsPairsOfWordsOnlyWhereAsked) {
  TextModelFitOptions options = small_options();
  options.min_df = 1;
  options.max_df_share = 1.0;
  const std::vector<std::string> corpus = {"hot dog", "cold dog", "hot cat"};
  const auto plain = fit_text_model(corpus, options);
  options.word_pairs = true;
  const auto pairs = fit_text_model(corpus, options);
  ASSERT_TRUE(plain.ok() && pairs.ok());
  EXPECT_EQ(plain.value().model->terms(), 4U);
  EXPECT_EQ(pairs.value().model->terms(), 7U);
}

TEST(TextModelFit, ReportsItsProgressUpToTheEnd) {
  std::vector<std::string> phases;
  double last = -1.0;
  const auto fit = fit_text_model(planted_corpus(100, 6), small_options(),
                                  [&](std::string_view phase, double share) {
                                    EXPECT_GE(share, 0.0);
                                    EXPECT_LE(share, 1.0);
                                    if (phases.empty() || phases.back() != phase) {
                                      phases.emplace_back(phase);
                                      last = -1.0;
                                    }
                                    EXPECT_GE(share, last);
                                    last = share;
                                  });
  ASSERT_TRUE(fit.ok());
  EXPECT_EQ(phases, (std::vector<std::string>{"read", "factorise", "done"}));
}

TEST(TextModelFit, NamesTheOptionOrThePromptsThatItCannotUse) {
  const std::vector<std::string> corpus = planted_corpus(50, 7);
  const auto field_of = [&](const std::vector<std::string>& prompts, auto change) {
    TextModelFitOptions options = small_options();
    change(options);
    const auto fit = fit_text_model(prompts, options);
    return fit.ok() ? std::string("accepted") : fit.error().field;
  };
  using Options = TextModelFitOptions;
  EXPECT_EQ(field_of(corpus, [](Options&) {}), "accepted");
  EXPECT_EQ(field_of({}, [](Options&) {}), "prompts");
  EXPECT_EQ(field_of({"", "\xff", " "}, [](Options&) {}), "prompts");
  EXPECT_EQ(field_of({"a", "a", "a", "a"}, [](Options& o) { o.max_df_share = 1.0; }), "prompts");
  EXPECT_EQ(field_of(corpus, [](Options& o) { o.dims = 0; }), "dims");
  EXPECT_EQ(field_of(corpus, [](Options& o) { o.max_terms = 0; }), "max_terms");
  EXPECT_EQ(field_of(corpus, [](Options& o) { o.max_df_share = 0.0; }), "max_df_share");
  EXPECT_EQ(field_of(corpus, [](Options& o) { o.power_iterations = 99; }), "power_iterations");
  EXPECT_EQ(field_of(corpus, [](Options& o) { o.oversampling = 5000; }), "oversampling");
}

TEST(DefaultTextModel, IsTheFileThatStandsInTheTree) {
  std::ifstream file(paths::source_dir() + "/engine/features/assets/default_text_model.bin",
                     std::ios::binary);
  ASSERT_TRUE(file.is_open());
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_EQ(default_text_model().serialise(), bytes);
}

}  // namespace
}  // namespace pointsman
