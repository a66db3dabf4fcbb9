#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/values/result.h"

namespace pointsman {

/// What a text model is made of, terms in ascending order of hash.
struct TextModelParts {
  std::uint32_t dims = 0;   ///< d, at most TextModel::kMaxDims.
  bool word_pairs = false;  ///< Two words in a row are terms too.
  std::vector<std::uint64_t>
      terms;               ///< (n,) token hashes (engine/features/text_scan.h), strictly ascending.
  std::vector<float> idf;  ///< (n,) inverse document frequency, ≥ 0.
  std::vector<float> scale;       ///< (n,) value of one step of the term's row, ≥ 0.
  std::vector<std::int8_t> rows;  ///< (n, d) row-major: rows · scale ≈ right singular vectors.
};

/// A latent-semantic embedding (Deerwester et al. 1990): text -> (d,) floats, no network, no
/// language model. e = Σ_t w_t v_t / ‖w‖ with w_t = (1 + ln tf_t) · idf_t over the known terms t of
/// the text and v_t the term's row; a text without a known term is the zero vector.
/// Terms are kept as hashes only, so a stored model does not hold its corpus's words.
///
/// Immutable; embed() is safe from any thread. Cost: one pass over the text plus d multiply-adds a
/// distinct term.
class TextModel final {
 public:
  static constexpr std::uint32_t kMaxDims = 1024;
  static constexpr std::uint32_t kMaxTerms = 1U << 20;

  /// `invalid` with the part's name where sizes, order or ranges do not fit.
  static Result<std::unique_ptr<TextModel>> make(TextModelParts parts);

  /// Reads what serialise() wrote. Trusts nothing: any damage is `corrupt`.
  ///
  /// Format, little endian: "PMTEXTM1", u32 flags (1: word pairs), u32 d, u32 n, u32 0,
  /// n × u64 terms, n × f32 idf, n × f32 scale, n·d × i8 rows, u32 CRC-32C of all before it.
  static Result<std::unique_ptr<TextModel>> parse(std::string_view bytes);

  std::string serialise() const;

  std::uint32_t dims() const { return dims_; }
  std::size_t terms() const { return info_.size(); }
  bool word_pairs() const { return word_pairs_; }

  /// 24 hex digits over serialise(): goes into FeatureLayout::text_model_hash.
  const std::string& hash() const { return hash_; }

  /// Writes dims() floats. `out.size()` must be dims(). Allocates only while a thread's scratch
  /// grows to the largest model it has met.
  void embed(std::string_view text, std::span<float> out) const;

 private:
  struct TermInfo {
    std::uint64_t hash;
    float idf;
    float scale;
  };
  /// A row is whole cache lines, zero padded.
  struct alignas(64) RowLine {
    std::array<std::int8_t, 64> values;
  };
  struct Scratch;
  struct Counter;

  explicit TextModel(const TextModelParts& parts);
  std::uint32_t find(std::uint64_t hash) const;

  std::uint32_t dims_;
  bool word_pairs_;
  std::size_t lines_per_row_;
  std::vector<TermInfo> info_;
  std::vector<RowLine> rows_;
  /// Open addressing by the low bits of the hash; a slot is index + 1 with 11 high bits of the hash
  /// as its tag, 0 where empty. Most unknown terms end here without touching info_.
  std::vector<std::uint32_t> slots_;
  std::string hash_;
};

}  // namespace pointsman
