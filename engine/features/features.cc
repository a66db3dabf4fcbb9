#include "engine/features/features.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "engine/features/text_counters.h"
#include "engine/features/text_model.h"
#include "engine/features/text_scan.h"

namespace pointsman {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
/// Of the signs that project embeddings: one for all routers, so that a log can be read anywhere.
constexpr std::uint64_t kProjectionSeed = 0x506f696e74736d61ULL;

std::size_t embedding_width(const FeatureLayout& layout) {
  if (layout.embedding_dims == 0) return 0;
  return layout.embedding_projection > 0 ? layout.embedding_projection : layout.embedding_dims;
}

std::size_t field_width(const FieldSpec& field) {
  return field.values.empty() ? 1 : field.values.size();
}

/// Where each block of a raw vector begins.
struct Blocks {
  std::size_t model = 0;
  std::size_t embedding = 0;
  std::size_t fields = 0;
  std::size_t hashed = 0;
  std::size_t end = 0;
};

Blocks blocks_of(const FeatureLayout& layout) {
  Blocks blocks;
  blocks.model = layout.text_counters ? kTextCounterCount : 0;
  blocks.embedding = blocks.model + layout.text_model_dims;
  blocks.fields = blocks.embedding + embedding_width(layout);
  blocks.hashed = blocks.fields;
  for (const FieldSpec& field : layout.fields) blocks.hashed += field_width(field);
  blocks.end = blocks.hashed + layout.hashed_fields;
  return blocks;
}

/// RFC 6901: "~" and "/" inside a name are escaped.
std::string field_pointer(std::string_view name) {
  std::string pointer = "/features/";
  for (const char c : name) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

/// (dims, projection) signs over √projection, which keeps lengths in expectation (Achlioptas 2003).
std::vector<float> make_projection(const FeatureLayout& layout) {
  if (layout.embedding_projection == 0) return {};
  const std::size_t columns = layout.embedding_projection;
  std::vector<float> signs(std::size_t{layout.embedding_dims} * columns);
  const float size = 1.0F / std::sqrt(static_cast<float>(columns));
  for (std::size_t i = 0; i < signs.size(); ++i) {
    signs[i] = (token_pair_hash(kProjectionSeed, i) >> 63) != 0 ? size : -size;
  }
  return signs;
}

/// A number or a truth value as a number; nothing for a text.
std::optional<double> as_number(const FieldValue& field) {
  if (const double* number = std::get_if<double>(&field.value)) return *number;
  if (const bool* truth = std::get_if<bool>(&field.value)) return *truth ? 1.0 : 0.0;
  return std::nullopt;
}

Status check_number(const FieldValue& field, double number) {
  if (!std::isfinite(number) || std::abs(number) > std::numeric_limits<float>::max()) {
    return invalid(field_pointer(field.name), "the number is not finite or does not fit a float");
  }
  return Done{};
}

Status write_declared(const FieldSpec& spec, const FieldValue& field, std::span<float> out) {
  if (spec.values.empty()) {
    const std::optional<double> number = as_number(field);
    if (!number) return invalid(field_pointer(field.name), "this field takes a number");
    if (Status status = check_number(field, *number); !status) return status;
    out[0] = static_cast<float>(*number);
    return Done{};
  }
  const std::string_view* text = std::get_if<std::string_view>(&field.value);
  if (text == nullptr) {
    return invalid(field_pointer(field.name), "this field takes one of its categories, a string");
  }
  for (std::size_t k = 0; k < out.size(); ++k) out[k] = spec.values[k] == *text ? 1.0F : 0.0F;
  return Done{};
}

Status write_hashed(const FieldValue& field, std::span<float> out) {
  std::uint64_t hash = kTokenHashStart;
  for (const char c : field.name) hash = token_hash_step(hash, c);
  double amount = 1.0;
  if (const std::optional<double> number = as_number(field)) {
    if (Status status = check_number(field, *number); !status) return status;
    amount = *number;
  } else {
    hash = token_hash_step(hash, '=');
    for (const char c : std::get<std::string_view>(field.value)) hash = token_hash_step(hash, c);
  }
  float& bucket = out[token_hash_finish(hash) % out.size()];
  bucket = static_cast<float>(static_cast<double>(bucket) + amount);
  if (!std::isfinite(bucket)) {
    return invalid(field_pointer(field.name),
                   "the sum of this field's bucket does not fit a float");
  }
  return Done{};
}

Status write_embedding(const FeatureLayout& layout, std::span<const float> projection,
                       std::span<const float> embedding, std::span<float> out) {
  if (embedding.empty()) {
    std::fill(out.begin(), out.end(), kMissing);
    return Done{};
  }
  if (layout.embedding_dims == 0) return invalid("/embedding", "this router takes no embedding");
  if (embedding.size() != layout.embedding_dims) {
    return invalid("/embedding", "this router takes an embedding of " +
                                     std::to_string(layout.embedding_dims) + " numbers, not " +
                                     std::to_string(embedding.size()));
  }
  const auto odd = std::find_if(embedding.begin(), embedding.end(),
                                [](float value) { return !std::isfinite(value); });
  if (odd != embedding.end()) {
    return invalid("/embedding/" + std::to_string(odd - embedding.begin()),
                   "the number is not finite");
  }
  if (projection.empty()) {
    std::copy(embedding.begin(), embedding.end(), out.begin());
    return Done{};
  }
  std::fill(out.begin(), out.end(), 0.0F);
  for (std::size_t i = 0; i < embedding.size(); ++i) {
    const float value = embedding[i];
    const float* const signs = projection.data() + i * out.size();
    for (std::size_t j = 0; j < out.size(); ++j) out[j] += value * signs[j];
  }
  if (!std::all_of(out.begin(), out.end(), [](float value) { return std::isfinite(value); })) {
    return invalid("/embedding", "the embedding's numbers are too large to project");
  }
  return Done{};
}

Status write_fields(const FeatureLayout& layout, std::span<const FieldValue> fields,
                    std::span<float> declared, std::span<float> hashed) {
  std::size_t at = 0;
  for (const FieldSpec& spec : layout.fields) {
    const std::size_t width = field_width(spec);
    // An unknown number is missing; an unknown category is none of those listed.
    std::fill_n(declared.begin() + static_cast<std::ptrdiff_t>(at), width,
                spec.values.empty() ? kMissing : 0.0F);
    at += width;
  }
  std::fill(hashed.begin(), hashed.end(), 0.0F);
  for (const FieldValue& field : fields) {
    at = 0;
    const FieldSpec* found = nullptr;
    for (const FieldSpec& spec : layout.fields) {
      if (spec.name == field.name) {
        found = &spec;
        break;
      }
      at += field_width(spec);
    }
    if (found == nullptr && hashed.empty()) {
      return invalid(field_pointer(field.name), "this router declares no field of this name");
    }
    Status status = found != nullptr
                        ? write_declared(*found, field, declared.subspan(at, field_width(*found)))
                        : write_hashed(field, hashed);
    if (!status) return status;
  }
  return Done{};
}

}  // namespace

std::size_t raw_dims(const FeatureLayout& layout) { return blocks_of(layout).end; }

std::vector<CoordinateKind> coordinate_kinds(const FeatureLayout& layout) {
  const Blocks blocks = blocks_of(layout);
  std::vector<CoordinateKind> kinds(blocks.end, CoordinateKind::field);
  const auto begin = kinds.begin();
  std::fill(begin, begin + static_cast<std::ptrdiff_t>(blocks.model), CoordinateKind::text_counter);
  std::fill(begin + static_cast<std::ptrdiff_t>(blocks.model),
            begin + static_cast<std::ptrdiff_t>(blocks.fields), CoordinateKind::embedding);
  return kinds;
}

FeatureEncoder::FeatureEncoder(FeatureLayout layout, const TextModel* model)
    : layout_(std::move(layout)),
      model_(model),
      dims_(raw_dims(layout_)),
      projection_(make_projection(layout_)) {
  assert(layout_.text_model_dims == 0 ||
         (model_ != nullptr && model_->dims() == layout_.text_model_dims));
  for (const FieldSpec& field : layout_.fields) {
    layout_bytes_ += sizeof field + field.name.capacity();
    for (const std::string& value : field.values) layout_bytes_ += sizeof value + value.capacity();
  }
}

Status FeatureEncoder::encode(const RequestFeatures& request, std::span<float> out) const {
  assert(out.size() == dims_);
  const Blocks blocks = blocks_of(layout_);
  if (request.has_text) {
    if (layout_.text_counters) count_text(request.text, out.first(blocks.model));
    if (layout_.text_model_dims > 0) {
      model_->embed(request.text, out.subspan(blocks.model, layout_.text_model_dims));
    }
  } else {
    std::fill_n(out.begin(), blocks.embedding, kMissing);
  }
  if (Status status =
          write_embedding(layout_, projection_, request.embedding,
                          out.subspan(blocks.embedding, blocks.fields - blocks.embedding));
      !status) {
    return status;
  }
  return write_fields(layout_, request.fields,
                      out.subspan(blocks.fields, blocks.hashed - blocks.fields),
                      out.subspan(blocks.hashed));
}

}  // namespace pointsman
