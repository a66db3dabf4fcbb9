#include "engine/features/text_model.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/features/text_scan.h"
#include "engine/features/text_terms.h"
#include "engine/values/crc32c.h"

namespace pointsman {
namespace {

constexpr std::string_view kMagic = "PMTEXTM1";
constexpr std::size_t kHeaderBytes = 24;
constexpr std::size_t kCrcBytes = 4;
constexpr std::uint32_t kFlagWordPairs = 1;

constexpr std::uint32_t kIndexBits = 21;
constexpr std::uint32_t kIndexMask = (1U << kIndexBits) - 1U;
constexpr std::uint32_t kNoTerm = std::numeric_limits<std::uint32_t>::max();

static_assert(TextModel::kMaxTerms < kIndexMask);
static_assert(std::endian::native == std::endian::little, "the format is read in place");

constexpr std::uint32_t tag_of(std::uint64_t hash) {
  return static_cast<std::uint32_t>(hash >> 32) & ~kIndexMask;
}

template <class T>
void append_values(std::string& out, const T* values, std::size_t count) {
  out.append(reinterpret_cast<const char*>(values), count * sizeof(T));
}

/// Takes `count` values off the front of `bytes`. Precondition: they are there.
template <class T>
void take_values(std::string_view& bytes, T* values, std::size_t count) {
  assert(bytes.size() >= count * sizeof(T));
  std::memcpy(values, bytes.data(), count * sizeof(T));
  bytes.remove_prefix(count * sizeof(T));
}

Error corrupt(std::string message) {
  return Error{ErrorCode::corrupt, "text model: " + std::move(message), ""};
}

std::string hash_text(std::string_view file) {
  // Without the checksum at its end: with it, the CRC of every sound file is the same number.
  const std::string_view bytes = file.substr(0, file.size() - kCrcBytes);
  std::uint64_t fnv = kTokenHashStart;
  for (const char c : bytes) fnv = token_hash_step(fnv, c);
  constexpr std::string_view kDigits = "0123456789abcdef";
  const std::uint32_t crc = crc32c(bytes);
  std::string text;
  for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[(crc >> shift) & 15U];
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(fnv >> shift) & 15U];
  return text;
}

/// 1 + ln tf; short texts never leave the table.
float term_frequency_weight(std::uint32_t count) {
  static const std::array<float, 64> table = [] {
    std::array<float, 64> weights{};
    for (std::size_t tf = 1; tf < weights.size(); ++tf) {
      weights[tf] = static_cast<float>(1.0 + std::log(static_cast<double>(tf)));
    }
    return weights;
  }();
  return count < table.size() ? table[count] : 1.0F + std::log(static_cast<float>(count));
}

Status check(const TextModelParts& parts) {
  if (parts.dims == 0 || parts.dims > TextModel::kMaxDims) {
    return invalid("dims", "a text model has 1 to 1024 dimensions");
  }
  const std::size_t count = parts.terms.size();
  if (count == 0 || count > TextModel::kMaxTerms) {
    return invalid("terms", "a text model has 1 to 1048576 terms");
  }
  if (parts.idf.size() != count || parts.scale.size() != count ||
      parts.rows.size() != count * parts.dims) {
    return invalid("rows", "the parts of a text model disagree about the number of terms");
  }
  if (std::adjacent_find(parts.terms.begin(), parts.terms.end(),
                         [](std::uint64_t a, std::uint64_t b) { return a >= b; }) !=
      parts.terms.end()) {
    return invalid("terms", "the terms of a text model are not in ascending order");
  }
  // The upper bound keeps every product of an embedding finite.
  const auto usable = [](float value) { return value >= 0.0F && value <= 1e6F; };
  if (!std::all_of(parts.idf.begin(), parts.idf.end(), usable)) {
    return invalid("idf", "an inverse document frequency is negative or too large");
  }
  if (!std::all_of(parts.scale.begin(), parts.scale.end(), usable)) {
    return invalid("scale", "a row's scale is negative or too large");
  }
  return Done{};
}

}  // namespace

/// How often each term of a model occurs in one text. All zero between two calls.
struct TextModel::Scratch {
  std::vector<std::uint32_t> count;  ///< By term.
  std::vector<std::uint32_t> seen;   ///< Terms with a count, in order of appearance.
};

struct TextModel::Counter {
  const TextModel& model;
  Scratch& scratch;

  void term(std::uint64_t hash) {
    const std::uint32_t index = model.find(hash);
    if (index != kNoTerm && scratch.count[index]++ == 0) scratch.seen.push_back(index);
  }
};

Result<std::unique_ptr<TextModel>> TextModel::make(TextModelParts parts) {
  if (const Status status = check(parts); !status) return status.error();
  return std::unique_ptr<TextModel>(new TextModel(parts));
}

TextModel::TextModel(const TextModelParts& parts)
    : dims_(parts.dims), word_pairs_(parts.word_pairs), lines_per_row_((parts.dims + 63) / 64) {
  const std::size_t count = parts.terms.size();
  info_.reserve(count);
  rows_.assign(count * lines_per_row_, RowLine{});
  // At most half full: a probe is short, and one for an unknown term is sure to end.
  slots_.assign(std::bit_ceil(count * 2), 0);
  for (std::size_t t = 0; t < count; ++t) {
    info_.push_back({parts.terms[t], parts.idf[t], parts.scale[t]});
    std::memcpy(rows_[t * lines_per_row_].values.data(), parts.rows.data() + t * dims_, dims_);
    std::size_t slot = parts.terms[t] & (slots_.size() - 1);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = tag_of(parts.terms[t]) | (static_cast<std::uint32_t>(t) + 1U);
  }
  hash_ = hash_text(serialise());
}

std::uint32_t TextModel::find(std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  const std::uint32_t tag = tag_of(hash);
  for (std::size_t slot = hash & mask; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const std::uint32_t entry = slots_[slot];
    if ((entry & ~kIndexMask) != tag) continue;
    const std::uint32_t index = (entry & kIndexMask) - 1U;
    if (info_[index].hash == hash) return index;
  }
  return kNoTerm;
}

std::string TextModel::serialise() const {
  std::string out;
  out.reserve(kHeaderBytes + info_.size() * (16 + dims_) + kCrcBytes);
  out += kMagic;
  const std::array<std::uint32_t, 4> header = {word_pairs_ ? kFlagWordPairs : 0U, dims_,
                                               static_cast<std::uint32_t>(info_.size()), 0U};
  append_values(out, header.data(), header.size());
  for (const TermInfo& term : info_) append_values(out, &term.hash, 1);
  for (const TermInfo& term : info_) append_values(out, &term.idf, 1);
  for (const TermInfo& term : info_) append_values(out, &term.scale, 1);
  for (std::size_t t = 0; t < info_.size(); ++t) {
    append_values(out, rows_[t * lines_per_row_].values.data(), dims_);
  }
  const std::uint32_t crc = crc32c(out);
  append_values(out, &crc, 1);
  return out;
}

Result<std::unique_ptr<TextModel>> TextModel::parse(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes + kCrcBytes) return corrupt("the file is cut short");
  if (bytes.substr(0, kMagic.size()) != kMagic) return corrupt("this is not a text model file");
  std::string_view rest = bytes.substr(kMagic.size());
  std::array<std::uint32_t, 4> header{};
  take_values(rest, header.data(), header.size());
  const auto [flags, dims, count, reserved] = header;
  if (flags > kFlagWordPairs || reserved != 0) return corrupt("written by a newer version");
  // Checked before anything is allocated: a damaged count must not ask for memory.
  if (dims > kMaxDims || count > kMaxTerms) return corrupt("its sizes are out of range");
  if (bytes.size() != kHeaderBytes + std::size_t{count} * (16 + std::size_t{dims}) + kCrcBytes) {
    return corrupt("its length does not fit its sizes");
  }
  std::uint32_t crc = 0;
  std::memcpy(&crc, bytes.data() + bytes.size() - kCrcBytes, kCrcBytes);
  if (crc != crc32c(bytes.substr(0, bytes.size() - kCrcBytes))) return corrupt("wrong checksum");

  TextModelParts parts;
  parts.dims = dims;
  parts.word_pairs = (flags & kFlagWordPairs) != 0;
  parts.terms.resize(count);
  parts.idf.resize(count);
  parts.scale.resize(count);
  parts.rows.resize(std::size_t{count} * dims);
  take_values(rest, parts.terms.data(), count);
  take_values(rest, parts.idf.data(), count);
  take_values(rest, parts.scale.data(), count);
  take_values(rest, parts.rows.data(), parts.rows.size());
  Result<std::unique_ptr<TextModel>> model = make(std::move(parts));
  if (!model) return corrupt(model.error().message);
  return model;
}

void TextModel::embed(std::string_view text, std::span<float> out) const {
  assert(out.size() == dims_);
  thread_local Scratch scratch;
  if (scratch.count.size() < info_.size()) {
    scratch.count.resize(info_.size(), 0);
    scratch.seen.reserve(info_.size());
  }
  Counter counter{*this, scratch};
  for_each_term(text, word_pairs_, counter);

  alignas(64) std::array<float, kMaxDims> sum;
  const std::size_t padded = lines_per_row_ * 64;
  std::fill_n(sum.begin(), padded, 0.0F);
  float norm2 = 0.0F;
  for (const std::uint32_t index : scratch.seen) {
    const TermInfo& term = info_[index];
    const float weight = term_frequency_weight(scratch.count[index]) * term.idf;
    const float step = weight * term.scale;
    norm2 += weight * weight;
    scratch.count[index] = 0;
    for (std::size_t line = 0; line < lines_per_row_; ++line) {
      const RowLine& row = rows_[index * lines_per_row_ + line];
      float* const to = sum.data() + line * 64;
      for (std::size_t d = 0; d < 64; ++d) to[d] += step * static_cast<float>(row.values[d]);
    }
  }
  scratch.seen.clear();
  const float inverse_norm = norm2 > 0.0F ? 1.0F / std::sqrt(norm2) : 0.0F;
  for (std::size_t d = 0; d < dims_; ++d) out[d] = sum[d] * inverse_norm;
}

}  // namespace pointsman
