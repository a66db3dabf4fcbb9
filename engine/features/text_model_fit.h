#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/features/text_model.h"
#include "engine/values/result.h"

namespace pointsman {

struct TextModelFitOptions {
  std::uint32_t dims = 64;             ///< Length of the embedding.
  std::uint32_t max_terms = 12000;     ///< The most frequent ones; (16 + dims) bytes of file each.
  std::uint32_t min_df = 4;            ///< A term in fewer prompts than this is left out.
  double max_df_share = 0.5;           ///< So is one in more than this share of the prompts.
  bool word_pairs = true;              ///< Two words in a row are terms too.
  std::uint32_t power_iterations = 8;  ///< More sharpen the smaller singular vectors.
  std::uint32_t oversampling = 16;     ///< Columns sketched beyond dims; likewise.
  std::uint64_t seed = 1;              ///< Of the sketch.
};

/// What a fit made and how well.
struct TextModelFit {
  std::unique_ptr<TextModel> model;
  std::size_t prompts = 0;    ///< With at least one known term.
  double explained = 0.0;     ///< Share of the term matrix's squared norm that `dims` vectors keep.
  double least_cosine = 1.0;  ///< Between a prompt's embedding with 8-bit rows and with exact ones.
};

/// Told as the work goes on: the phase's name and how much of it is done, in [0, 1].
using FitProgress = std::function<void(std::string_view phase, double share)>;

/// Learns a TextModel from unlabelled prompts.
///
/// Model: the (prompts, terms) matrix X of L2-normalised (1 + ln tf)·idf weights, with
/// idf = ln((1 + N)/(1 + df)); its `dims` leading right singular vectors by a randomised range
/// finder with power iterations, orthonormalised at every step (Halko, Martinsson & Tropp 2011,
/// Algorithms 4.4 and 5.1). We deviate in the test matrix: random signs instead of normals, which
/// need no libm, and keep the same bits on every machine. Each term's row is then quantised to 8
/// bits with a scale of its own.
///
/// Deterministic: the same prompts in the same order, options and build give the same bytes.
/// Cost: about (2·power_iterations + 2)·nnz·(dims + oversampling) multiply-adds; 17,000 prompts
/// take seconds. Memory: X plus a few (prompts, dims + oversampling) matrices of doubles. Errors:
/// `invalid` with the option's name; "prompts" where no term is frequent enough.
Result<TextModelFit> fit_text_model(std::span<const std::string> prompts,
                                    const TextModelFitOptions& options = {},
                                    const FitProgress& progress = {});

}  // namespace pointsman
