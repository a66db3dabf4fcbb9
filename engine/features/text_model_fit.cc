#include "engine/features/text_model_fit.h"

#include <Eigen/Dense>
#include <Eigen/Sparse>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/features/text_scan.h"
#include "engine/features/text_terms.h"

namespace pointsman {
namespace {

using SparseRows = Eigen::SparseMatrix<double, Eigen::RowMajor>;
using Dense = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

/// One prompt as its distinct terms.
struct TermCount {
  std::uint64_t term = 0;
  std::uint32_t count = 0;
};
using TermCounts = std::vector<TermCount>;

struct Vocabulary {
  std::vector<std::uint64_t> terms;  ///< Ascending.
  std::vector<double> idf;
};

struct TermList {
  std::vector<std::uint64_t> terms;
  void term(std::uint64_t hash) { terms.push_back(hash); }
};

void report(const FitProgress& progress, std::string_view phase, double share) {
  if (progress) progress(phase, share);
}

Status check(const TextModelFitOptions& options) {
  if (options.dims == 0 || options.dims > TextModel::kMaxDims) {
    return invalid("dims", "dims must be 1 to 1024");
  }
  if (options.max_terms == 0 || options.max_terms > TextModel::kMaxTerms) {
    return invalid("max_terms", "max_terms must be 1 to 1048576");
  }
  if (!(options.max_df_share > 0.0 && options.max_df_share <= 1.0)) {
    return invalid("max_df_share", "max_df_share must be above 0 and at most 1");
  }
  if (options.power_iterations > 64) {
    return invalid("power_iterations", "power_iterations must be at most 64");
  }
  if (options.oversampling > 1024) {
    return invalid("oversampling", "oversampling must be at most 1024");
  }
  return Done{};
}

TermCounts count_terms(std::string_view prompt, bool word_pairs, TermList& scratch) {
  scratch.terms.clear();
  for_each_term(prompt, word_pairs, scratch);
  std::sort(scratch.terms.begin(), scratch.terms.end());
  TermCounts counts;
  for (const std::uint64_t term : scratch.terms) {
    if (counts.empty() || counts.back().term != term) counts.push_back({term, 0});
    ++counts.back().count;
  }
  return counts;
}

std::vector<TermCounts> read_prompts(std::span<const std::string> prompts, bool word_pairs,
                                     const FitProgress& progress) {
  std::vector<TermCounts> corpus;
  corpus.reserve(prompts.size());
  TermList scratch;
  for (const std::string& prompt : prompts) {
    if (corpus.size() % 4096 == 0) {
      report(progress, "read",
             static_cast<double>(corpus.size()) / static_cast<double>(prompts.size()));
    }
    corpus.push_back(count_terms(prompt, word_pairs, scratch));
  }
  report(progress, "read", 1.0);
  return corpus;
}

Vocabulary choose_terms(const std::vector<TermCounts>& corpus, const TextModelFitOptions& options) {
  std::unordered_map<std::uint64_t, std::uint32_t> document_frequency;
  for (const TermCounts& prompt : corpus) {
    for (const TermCount& entry : prompt) ++document_frequency[entry.term];
  }
  const auto prompts = static_cast<double>(corpus.size());
  std::vector<std::pair<std::uint64_t, std::uint32_t>> kept;
  for (const auto& [term, df] : document_frequency) {
    if (df >= options.min_df && df <= options.max_df_share * prompts) kept.emplace_back(term, df);
  }
  // By frequency, then by hash: the map's own order must not show in the result.
  std::sort(kept.begin(), kept.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (kept.size() > options.max_terms) kept.resize(options.max_terms);
  std::sort(kept.begin(), kept.end());
  Vocabulary vocabulary;
  for (const auto& [term, df] : kept) {
    vocabulary.terms.push_back(term);
    vocabulary.idf.push_back(std::log((1.0 + prompts) / (1.0 + df)));
  }
  return vocabulary;
}

/// X: a row a prompt, L2-normalised; a prompt without a known term has an empty row.
SparseRows weigh(const std::vector<TermCounts>& corpus, const Vocabulary& vocabulary) {
  std::vector<Eigen::Triplet<double>> entries;
  for (std::size_t row = 0; row < corpus.size(); ++row) {
    const std::size_t first = entries.size();
    double norm2 = 0.0;
    for (const TermCount& entry : corpus[row]) {
      const auto at =
          std::lower_bound(vocabulary.terms.begin(), vocabulary.terms.end(), entry.term);
      if (at == vocabulary.terms.end() || *at != entry.term) continue;
      const auto column = at - vocabulary.terms.begin();
      const double weight = (1.0 + std::log(static_cast<double>(entry.count))) *
                            vocabulary.idf[static_cast<std::size_t>(column)];
      norm2 += weight * weight;
      entries.emplace_back(static_cast<int>(row), static_cast<int>(column), weight);
    }
    const double inverse_norm = norm2 > 0.0 ? 1.0 / std::sqrt(norm2) : 0.0;
    for (std::size_t i = first; i < entries.size(); ++i) {
      entries[i] = {entries[i].row(), entries[i].col(), entries[i].value() * inverse_norm};
    }
  }
  SparseRows matrix(static_cast<Eigen::Index>(corpus.size()),
                    static_cast<Eigen::Index>(vocabulary.terms.size()));
  matrix.setFromTriplets(entries.begin(), entries.end());
  return matrix;
}

/// An orthonormal basis of the columns' span, by classical Gram-Schmidt done twice (Giraud et al.
/// 2005); a column that depends on those before it becomes zero. Eigen's QR and matrix products
/// cut their sums by the machine's cache sizes, so their last bits differ between machines; the
/// matrix-vector products used here do not.
Dense orthonormal_columns(Eigen::MatrixXd matrix) {
  for (Eigen::Index j = 0; j < matrix.cols(); ++j) {
    const double before = matrix.col(j).norm();
    for (int round = 0; round < 2 && j > 0; ++round) {
      const Eigen::VectorXd shares = matrix.leftCols(j).transpose() * matrix.col(j);
      matrix.col(j) -= matrix.leftCols(j) * shares;
    }
    const double after = matrix.col(j).norm();
    if (after > 1e-10 * before) {
      matrix.col(j) /= after;
    } else {
      matrix.col(j).setZero();
    }
  }
  return matrix;
}

Dense random_signs(Eigen::Index rows, Eigen::Index columns, std::uint64_t seed) {
  Dense signs(rows, columns);
  std::uint64_t counter = 0;
  for (Eigen::Index r = 0; r < rows; ++r) {
    for (Eigen::Index c = 0; c < columns; ++c) {
      const std::uint64_t bits = token_pair_hash(seed, ++counter);
      signs(r, c) = (bits >> 63) != 0 ? 1.0 : -1.0;
    }
  }
  return signs;
}

/// The leading right singular vectors of X as columns, (terms, dims), each with its largest entry
/// positive; columns beyond the rank of X are zero. Precondition: X is not empty.
Dense right_singular_vectors(const SparseRows& x, const TextModelFitOptions& options,
                             const FitProgress& progress) {
  const Eigen::Index dims = options.dims;
  const Eigen::Index width =
      std::min({dims + static_cast<Eigen::Index>(options.oversampling), x.rows(), x.cols()});
  const SparseRows xt = x.transpose();
  Dense range = orthonormal_columns(x * random_signs(x.cols(), width, options.seed));
  for (std::uint32_t i = 0; i < options.power_iterations; ++i) {
    report(progress, "factorise", static_cast<double>(i) / (options.power_iterations + 1.0));
    const Dense back = orthonormal_columns(xt * range);
    range = orthonormal_columns(x * back);
  }
  // (terms, width): X ≈ range · small_transposed'.
  const Eigen::MatrixXd small_transposed = xt * range;
  Eigen::MatrixXd gram(width, width);
  for (Eigen::Index j = 0; j < width; ++j) {
    gram.col(j) = small_transposed.transpose() * small_transposed.col(j);
  }
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(gram);
  const double largest = eigen.eigenvalues()(width - 1);
  Dense vectors = Dense::Zero(x.cols(), dims);
  for (Eigen::Index d = 0; d < std::min(dims, width); ++d) {
    const double value = eigen.eigenvalues()(width - 1 - d);
    if (value <= 1e-12 * largest) break;
    vectors.col(d) = small_transposed * eigen.eigenvectors().col(width - 1 - d) / std::sqrt(value);
    Eigen::Index peak = 0;
    vectors.col(d).cwiseAbs().maxCoeff(&peak);
    if (vectors(peak, d) < 0.0) vectors.col(d) *= -1.0;
  }
  report(progress, "factorise", 1.0);
  return vectors;
}

TextModelParts quantise(const Dense& vectors, Vocabulary vocabulary, bool word_pairs) {
  TextModelParts parts;
  parts.dims = static_cast<std::uint32_t>(vectors.cols());
  parts.word_pairs = word_pairs;
  parts.terms = std::move(vocabulary.terms);
  parts.rows.reserve(static_cast<std::size_t>(vectors.size()));
  for (Eigen::Index t = 0; t < vectors.rows(); ++t) {
    const auto scale = static_cast<float>(vectors.row(t).cwiseAbs().maxCoeff() / 127.0);
    parts.idf.push_back(static_cast<float>(vocabulary.idf[static_cast<std::size_t>(t)]));
    parts.scale.push_back(scale);
    for (Eigen::Index d = 0; d < vectors.cols(); ++d) {
      const double steps = scale > 0.0F ? vectors(t, d) / static_cast<double>(scale) : 0.0;
      parts.rows.push_back(static_cast<std::int8_t>(std::clamp(std::round(steps), -127.0, 127.0)));
    }
  }
  return parts;
}

/// Fills in how much of X the vectors keep, and how near the model's embeddings stay to X · V.
void judge(const SparseRows& x, const Dense& vectors, std::span<const std::string> prompts,
           TextModelFit& fit) {
  const Dense exact = x * vectors;
  fit.explained = exact.squaredNorm() / x.squaredNorm();
  std::vector<float> embedding(fit.model->dims());
  for (Eigen::Index row = 0; row < x.rows(); ++row) {
    if (x.row(row).nonZeros() == 0) continue;
    ++fit.prompts;
    fit.model->embed(prompts[static_cast<std::size_t>(row)], embedding);
    const Eigen::VectorXd rough =
        Eigen::Map<const Eigen::VectorXf>(embedding.data(), vectors.cols()).cast<double>();
    const Eigen::VectorXd fine = exact.row(row).transpose();
    const double norms = rough.norm() * fine.norm();
    if (norms > 0.0) fit.least_cosine = std::min(fit.least_cosine, rough.dot(fine) / norms);
  }
}

}  // namespace

Result<TextModelFit> fit_text_model(std::span<const std::string> prompts,
                                    const TextModelFitOptions& options,
                                    const FitProgress& progress) {
  if (const Status status = check(options); !status) return status.error();
  if (prompts.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return invalid("prompts", "more prompts than a fit can number");
  }
  const std::vector<TermCounts> corpus = read_prompts(prompts, options.word_pairs, progress);
  Vocabulary vocabulary = choose_terms(corpus, options);
  if (vocabulary.terms.empty()) {
    return invalid("prompts", "no term is in enough prompts to learn from");
  }
  const SparseRows x = weigh(corpus, vocabulary);
  if (x.squaredNorm() <= 0.0) {
    return invalid("prompts", "every term is in every prompt, so none tells them apart");
  }
  const Dense vectors = right_singular_vectors(x, options, progress);
  Result<std::unique_ptr<TextModel>> model =
      TextModel::make(quantise(vectors, std::move(vocabulary), options.word_pairs));
  if (!model) return model.error();
  TextModelFit fit;
  fit.model = std::move(model).value();
  judge(x, vectors, prompts, fit);
  report(progress, "done", 1.0);
  return fit;
}

}  // namespace pointsman
